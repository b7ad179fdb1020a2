//! Activation functions.

use schemars::JsonSchema;
use serde::Deserialize as Derive;

/// Activation functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Derive, JsonSchema, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivationKind {
    /// No activation.
    None,
    /// max(x, 0)
    Relu,
    /// min(max(x, 0), 6)
    Relu6,
    /// x where positive, else 0.01 x
    LeakyRelu,
    /// x where positive, else exp(x) - 1
    Elu,
    /// Gaussian error linear unit, exact form
    Gelu,
    /// x sigmoid(x), also called swish
    Silu,
    /// x relu6(x + 3) / 6 (MobileNetV3)
    HardSwish,
    /// relu6(x + 3) / 6
    HardSigmoid,
    /// 1 / (1 + exp(-x))
    Sigmoid,
    /// Hyperbolic tangent
    Tanh,
    /// log(1 + exp(x))
    Softplus,
}
