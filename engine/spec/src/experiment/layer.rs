//! Layers as written in the YAML, without decisions.
//!
//! The first axis of every value is its channels: an image is `[channels, height, width]`, a sequence `[channels, length]` (the
//! length is also called tokens, the channels their width), a vector `[features]`.

mod activation;
mod attention;
mod cell;
mod convolution;
mod default;
mod linear;
mod norm;
mod pool;
mod sequence;
mod structure;

pub use activation::*;
pub use attention::*;
pub use cell::*;
pub use convolution::*;
pub use linear::*;
pub use norm::*;
pub use pool::*;
pub use sequence::*;
pub use structure::*;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize as Derive;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use std::fmt;

/// One layer, a list of layers one after another, or the name of a layer with all its defaults.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// Layers one after another.
    Sequence(Vec<Layer>),
    /// One layer.
    Kind(Box<LayerKind>),
}

/// The kinds of layer. Channels and features default to the input's.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LayerKind {
    /// Convolution, batch norm, ReLU.
    Conv(Conv),
    /// Convolution of each channel by itself, batch norm, ReLU.
    DepthwiseConv(DepthwiseConv),
    /// Depthwise convolution, then 1x1 convolution, batch norm, ReLU.
    SeparableConv(SeparableConv),
    /// Convolution whose kernel skips pixels, batch norm, ReLU.
    DilatedConv(DilatedConv),
    /// Inverted bottleneck of MobileNetV2 and V3: expand, depthwise convolution, squeeze-and-excitation, project; with a
    /// residual connection where shapes agree.
    Mbconv(Mbconv),
    /// Linear layer over the features of a vector, or over the channels of each token of a sequence.
    Linear(LinearValue),
    /// Convolution along a sequence, batch norm, ReLU.
    Conv1d(Conv1d),
    /// Long short-term memory along a sequence (Hochreiter and Schmidhuber 1997); gives its hidden features at each place.
    Lstm(Recurrent),
    /// Gated recurrent unit along a sequence (Cho et al. 2014); gives its hidden features at each place.
    Gru(Recurrent),
    /// Cuts an image into square patches, and makes each a token by one linear layer (Dosovitskiy et al. 2021): from
    /// `[channels, height, width]` to a sequence `[channels, tokens]`, row by row.
    PatchEmbed(PatchEmbed),
    /// Adds to each token, or to each pixel of an image, what tells its place.
    Position(PositionKind),
    /// Multi-head self-attention (Vaswani et al. 2017) over the tokens of a sequence or the pixels of an image, without residual
    /// connection or norm.
    SelfAttention(SelfAttention),
    /// Self-attention and a perceptron on each token, each with norm and residual connection (Vaswani et al. 2017); over the
    /// tokens of a sequence, or the pixels of an image, which stays an image.
    TransformerBlock(TransformerBlock),
    /// Largest value of each window.
    MaxPool(Pool),
    /// Mean of each window.
    AvgPool(Pool),
    /// Pools to a given size.
    AdaptivePool(AdaptivePool),
    /// Pools each channel of an image or a sequence to one feature of a vector.
    GlobalPool(PoolKind),
    /// Batch norm (Ioffe and Szegedy 2015).
    BatchNorm(BatchNorm),
    /// Layer norm (Ba et al. 2016): over channels, height and width of an image, over the channels of each token of a sequence.
    LayerNorm(LayerNorm),
    /// Group norm (Wu and He 2018).
    GroupNorm(GroupNorm),
    /// An activation function.
    Activation(ActivationKind),
    /// Zeroes values with this probability while training.
    Dropout(#[schemars(range(min = 0.0, max = 0.99))] f64),
    /// Squeeze-and-excitation (Hu et al. 2018).
    SqueezeExcite(SqueezeExcite),
    /// Flattens to a vector.
    Flatten(Empty),
    /// Passes its input on; with a stride, a factorized reduction.
    Identity(Empty),
    /// Gives zeros.
    None(Empty),
    /// Halves height and width by two shifted 1x1 convolutions of stride 2, concatenated (DARTS).
    FactorizedReduce(FactorizedReduce),
    /// Repeats its body.
    Repeat(Repeat),
    /// Adds its input to what its body makes of it.
    Residual(ResidualValue),
    /// Branches on the same input, joined.
    Parallel(ParallelValue),
    /// Puts in a named block.
    Use(UseValue),
    /// A small graph of operations.
    Cell(Cell),
}

/// Nothing to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// Layers that may be written as a bare name: every setting at its default.
const BARE: &[&str] = &[
    "conv",
    "depthwise_conv",
    "separable_conv",
    "dilated_conv",
    "mbconv",
    "max_pool",
    "avg_pool",
    "batch_norm",
    "layer_norm",
    "group_norm",
    "squeeze_excite",
    "flatten",
    "identity",
    "none",
    "factorized_reduce",
    "conv1d",
    "lstm",
    "gru",
    "self_attention",
    "transformer_block",
];

/// Names of cell operations as benchmarks write them: ReLU, convolution, batch norm in this order.
const OPERATIONS: &[&str] = &[
    "skip",
    "conv_1x1",
    "conv_3x3",
    "conv_5x5",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
    "dil_conv_3x3",
    "dil_conv_5x5",
    "max_pool_3x3",
    "avg_pool_3x3",
];

impl Layer {
    /// The layer that a bare name stands for, if there is one.
    pub fn named(name: &str) -> Option<Layer> {
        let pre = || vec![Part::Activation, Part::Conv, Part::Norm];
        let side = |prefix: &str| -> Option<usize> {
            let (a, b) = name.strip_prefix(prefix)?.split_once('x')?;
            (a == b && OPERATIONS.contains(&name)).then(|| a.parse().ok())?
        };
        let pool = Pool { kernel: 3, stride: Some(1), padding: 1 };
        let separable = |kernel, dilation, repeats| SeparableConv {
            channels: None,
            kernel,
            stride: 1,
            dilation,
            repeats,
            norm: NormKind::Batch,
            activation: ActivationKind::Relu,
            order: pre(),
        };
        let kind = if let Some(kernel) = side("conv_") {
            LayerKind::Conv(Conv { kernel, order: pre(), ..Conv::default() })
        } else if let Some(kernel) = side("sep_conv_") {
            LayerKind::SeparableConv(separable(kernel, 1, 2))
        } else if let Some(kernel) = side("dil_conv_") {
            LayerKind::SeparableConv(separable(kernel, 2, 1))
        } else {
            match name {
                "skip" | "identity" => LayerKind::Identity(Empty {}),
                "none" => LayerKind::None(Empty {}),
                "flatten" => LayerKind::Flatten(Empty {}),
                "max_pool_3x3" => LayerKind::MaxPool(pool),
                "avg_pool_3x3" => LayerKind::AvgPool(pool),
                bare if BARE.contains(&bare) => {
                    let empty = serde_json::json!({ bare: {} });
                    LayerKind::deserialize(&empty).ok()?
                }
                _ => return None,
            }
        };
        Some(Layer::Kind(Box::new(kind)))
    }

    /// The names that may stand for a layer by themselves.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BARE.iter().chain(OPERATIONS).copied()
    }
}

impl<'de> Deserialize<'de> for Layer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LayerVisitor;

        impl<'de> Visitor<'de> for LayerVisitor {
            type Value = Layer;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a layer: a name, a list of layers, or a mapping with one key")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Layer, E> {
                Layer::named(name).ok_or_else(|| E::custom(format!("unknown layer `{name}`")))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Layer, A::Error> {
                let mut layers = Vec::with_capacity(seq.size_hint().unwrap_or(4));
                while let Some(layer) = seq.next_element()? {
                    layers.push(layer);
                }
                Ok(Layer::Sequence(layers))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Layer, A::Error> {
                LayerKind::deserialize(MapAccessDeserializer::new(map)).map(|kind| Layer::Kind(Box::new(kind)))
            }
        }

        deserializer.deserialize_any(LayerVisitor)
    }
}

impl JsonSchema for Layer {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Layer".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let kind = generator.subschema_for::<LayerKind>();
        let this = generator.subschema_for::<Layer>();
        let names: Vec<&str> = Layer::names().collect();
        json_schema!({
            "description": "One layer, a list of layers one after another, or the name of a layer with all its defaults.",
            "anyOf": [
                {"type": "string", "enum": names},
                {"type": "array", "items": this},
                kind,
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn layer(value: serde_json::Value) -> Layer {
        Layer::deserialize(&value).unwrap()
    }

    #[test]
    fn every_bare_name_is_a_layer() {
        for name in Layer::names() {
            assert!(Layer::named(name).is_some(), "{name}");
            assert_eq!(layer(json!(name)), Layer::named(name).unwrap());
        }
        assert_eq!(Layer::named("conv_4x4"), None);
        assert_eq!(Layer::named("conv_3x5"), None);
    }

    #[test]
    fn shorthands_and_full_forms_are_read() {
        assert_eq!(layer(json!("conv")), layer(json!({"conv": {}})));
        assert!(matches!(layer(json!(["conv", "identity"])), Layer::Sequence(l) if l.len() == 2));
        layer(json!({"linear": "classes"}));
        layer(json!({"linear": {"features": 10, "activation": "relu"}}));
        layer(json!({"residual": ["conv"]}));
        layer(json!({"residual": {"body": ["conv"], "project": true}}));
        layer(json!({"parallel": {"branches": ["conv", "identity"], "join": "concat"}}));
        layer(json!({"conv": {"padding": 2}}));
        layer(json!({"conv": {"padding": "same"}}));
        layer(json!({"cell": {"nodes": 4, "edge": "conv_3x3"}}));
        layer(json!({"global_pool": "average"}));
        layer(json!({"position": "sinusoidal"}));
        layer(json!({"patch_embed": {"channels": 48}}));
        assert_eq!(
            layer(json!("transformer_block")),
            layer(json!({"transformer_block": {"heads": 4, "norm": "layer"}}))
        );
        assert!(Layer::deserialize(&json!({"patch_embed": {"patch": 4}})).is_err());
        assert!(Layer::deserialize(&json!({"conv": {"kernal": 3}})).is_err());
    }
}
