use super::Pgd;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a network is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Passes over the training part at full fidelity.
    #[serde(default = "default_epochs")]
    #[schemars(range(min = 1, max = 100_000))]
    pub epochs: u32,
    /// Examples a training step; the data's own `batch` unless told.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65_536))]
    pub batch: Option<usize>,
    /// The optimizer.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// How the learning rate changes over the training.
    #[serde(default)]
    pub schedule: Schedule,
    /// The share of the target that is spread over all classes (Szegedy et al. 2016).
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.99))]
    pub label_smoothing: f64,
    /// The largest norm of all gradients together; none is without limit.
    #[serde(default)]
    #[schemars(range(min = 0.000_001))]
    pub clip: Option<f64>,
    /// Random changes to training examples.
    #[serde(default)]
    pub augment: Augment,
    /// Trains on attacked examples, so that the network withstands attacks; the gain costs clean accuracy and time.
    #[serde(default)]
    pub adversarial: Option<Adversarial>,
    /// Number format of the arithmetic.
    #[serde(default)]
    pub precision: Precision,
    /// Threads a training uses; part of its result, since another number gives other bits.
    #[serde(default = "one_thread")]
    #[schemars(range(min = 1, max = 256))]
    pub threads: u32,
}

fn default_epochs() -> u32 {
    10
}

fn one_thread() -> u32 {
    1
}

/// The optimizer and its hyperparameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd(Sgd),
    /// Adam (Kingma and Ba 2015); weight decay is added to the gradient.
    Adam(Adam),
    /// AdamW (Loshchilov and Hutter 2019); weight decay is decoupled.
    Adamw(Adam),
}

impl Default for Optimizer {
    fn default() -> Self {
        Optimizer::Sgd(Sgd { rate: 0.05, momentum: 0.9, nesterov: false, weight_decay: 0.0 })
    }
}

/// Stochastic gradient descent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sgd {
    /// The learning rate at its peak.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub rate: f64,
    /// Momentum.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: f64,
    /// Nesterov momentum.
    #[serde(default)]
    pub nesterov: bool,
    /// Weight decay, on weights of convolutions and linear layers and on norms alike.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub weight_decay: f64,
}

/// Adam and AdamW.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Adam {
    /// The learning rate at its peak.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub rate: f64,
    /// Decay of the first moment.
    #[serde(default = "default_beta1")]
    #[schemars(range(min = 0.0, max = 0.999_999))]
    pub beta1: f64,
    /// Decay of the second moment.
    #[serde(default = "default_beta2")]
    #[schemars(range(min = 0.0, max = 0.999_999))]
    pub beta2: f64,
    /// Weight decay.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub weight_decay: f64,
}

fn default_beta1() -> f64 {
    0.9
}

fn default_beta2() -> f64 {
    0.999
}

/// How the learning rate changes over the training, batch by batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Stays at its peak.
    Constant(Constant),
    /// Falls from its peak to `minimum` along half a cosine (Loshchilov and Hutter 2017).
    Cosine(Cosine),
    /// Is multiplied by `factor` after every `every` epochs.
    Step(StepDecay),
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule::Cosine(Cosine { warm_up: 0.0, minimum: 0.0 })
    }
}

/// A constant learning rate.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Constant {
    /// Epochs over which the rate rises linearly from 0.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub warm_up: f64,
}

/// Half a cosine.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cosine {
    /// Epochs over which the rate rises linearly from 0.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub warm_up: f64,
    /// The rate at the end, as a share of the peak.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub minimum: f64,
}

/// Steps down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepDecay {
    /// Epochs from one step to the next.
    #[schemars(range(min = 1))]
    pub every: u32,
    /// What the rate is multiplied by.
    #[serde(default = "default_factor")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub factor: f64,
    /// Epochs over which the rate rises linearly from 0.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub warm_up: f64,
}

fn default_factor() -> f64 {
    0.1
}

/// Random changes to training examples, drawn anew for each batch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Augment {
    /// Pads each side with so many zero pixels and crops back to the image's size at a random place.
    #[serde(default)]
    #[schemars(range(min = 0, max = 64))]
    pub crop: u32,
    /// Mirrors left and right with probability 0.5.
    #[serde(default)]
    pub flip: bool,
    /// Blanks a square of so many pixels a side at a random place (DeVries and Taylor 2017).
    #[serde(default)]
    #[schemars(range(min = 0, max = 512))]
    pub cutout: u32,
    /// Blends pairs of examples by a weight from Beta(alpha, alpha) (Zhang et al. 2018); 0 is off.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 100.0))]
    pub mixup: f64,
}

/// Training on attacked examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Adversarial {
    /// The loss of examples attacked by projected gradient descent, in place of that of clean ones (Madry et al. 2018).
    Pgd(PgdTraining),
    /// The loss of clean examples, and `beta` times the divergence between outputs for clean and for attacked ones
    /// (Zhang et al. 2019).
    Trades(Trades),
}

impl Adversarial {
    /// The steps of the attack, each a forward and a backward pass.
    pub fn steps(&self) -> u32 {
        match self {
            Adversarial::Pgd(attack) => attack.steps,
            Adversarial::Trades(attack) => attack.steps,
        }
    }
}

/// Projected gradient descent on training examples. Beside [`Pgd`], since values below `space` may be decisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PgdTraining {
    /// The largest change of a value, in units of data scaled to 0..1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// Steps.
    #[serde(default = "default_attack_steps")]
    #[schemars(range(min = 1, max = 10_000))]
    pub steps: u32,
    /// The length of a step, in the same units; 2.5 epsilon / steps unless told, at most epsilon.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub step_size: Option<f64>,
    /// Whether to begin at a random place within epsilon.
    #[serde(default = "yes")]
    pub random_start: bool,
}

impl PgdTraining {
    /// The attack.
    pub fn attack(&self) -> Pgd {
        let PgdTraining { epsilon, steps, step_size, random_start } = *self;
        Pgd { epsilon, steps, step_size, random_start }
    }
}

/// The trade-off of TRADES.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trades {
    /// The largest change of a value, in units of data scaled to 0..1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// Steps of the attack.
    #[serde(default = "default_attack_steps")]
    #[schemars(range(min = 1, max = 10_000))]
    pub steps: u32,
    /// The length of a step, in the same units; 2.5 epsilon / steps unless told, at most epsilon.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub step_size: Option<f64>,
    /// The weight of the divergence.
    #[serde(default = "default_beta")]
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub beta: f64,
}

fn yes() -> bool {
    true
}

impl Trades {
    /// The length of a step.
    pub fn step(&self) -> f64 {
        self.step_size.unwrap_or((2.5 * self.epsilon / f64::from(self.steps)).min(self.epsilon))
    }
}

fn default_attack_steps() -> u32 {
    10
}

fn default_beta() -> f64 {
    6.0
}

/// Number format of the arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32-bit floating point.
    #[default]
    Full,
    /// 16-bit where it is safe, on devices that have it (bfloat16).
    Mixed,
}
