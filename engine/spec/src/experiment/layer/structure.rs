//! Layers made of layers: repetitions, residual connections, branches, named blocks.

use super::default::{add, no_activation};
use super::{ActivationKind, Layer};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize as Derive;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use std::fmt;

/// A body, several times over. It is decided once, unless `fresh`.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How often.
    #[schemars(range(min = 0, max = 1000))]
    pub times: usize,
    /// The layers that are repeated.
    pub body: Layer,
    /// Decides the body anew in each repetition.
    #[serde(default)]
    pub fresh: bool,
}

/// A residual connection: its body, or all of its settings.
#[derive(Debug, Clone, PartialEq)]
pub enum ResidualValue {
    /// The body alone; input and output must have one shape.
    Body(Vec<Layer>),
    /// All settings.
    Full(Residual),
}

/// A residual connection (He et al. 2016).
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Residual {
    /// What is added to the input.
    pub body: Layer,
    /// Layers on the input's side, such as a pooling and a 1x1 convolution.
    #[serde(default)]
    pub shortcut: Option<Layer>,
    /// Where shapes differ, brings the input to the body's shape by a 1x1 convolution with batch norm.
    #[serde(default)]
    pub project: bool,
    /// The activation after the addition.
    #[serde(default = "no_activation")]
    pub activation: ActivationKind,
    /// Probability of dropping the body, by example (Huang et al. 2016).
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.99))]
    pub drop_path: f64,
}

/// Branches: a list of them, or all settings.
#[derive(Debug, Clone, PartialEq)]
pub enum ParallelValue {
    /// The branches alone, added.
    Branches(Vec<Layer>),
    /// All settings.
    Full(Parallel),
}

/// Branches on the same input.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parallel {
    /// The branches.
    #[schemars(length(min = 1))]
    pub branches: Vec<Layer>,
    /// How they are joined.
    #[serde(default = "add")]
    pub join: Join,
    /// Where shapes differ, brings each branch to the first one's channels by a 1x1 convolution with batch norm.
    #[serde(default)]
    pub project: bool,
}

/// How several outputs become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Derive, JsonSchema, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// Their sum; all have one shape.
    Add,
    /// Their channels one after another.
    Concat,
}

/// A named block: its name, or all settings.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(untagged)]
pub enum UseValue {
    /// The name alone.
    Name(String),
    /// All settings.
    Full(Use),
}

/// A named block.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Use {
    /// Its name under `blocks`.
    pub block: String,
    /// Decides the block anew for this use.
    #[serde(default)]
    pub fresh: bool,
}

/// A value that is either a list of layers or a mapping with all settings.
macro_rules! list_or_settings {
    ($value:ident, $list:ident, $full:ident, $expecting:literal) => {
        impl<'de> Deserialize<'de> for $value {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct ValueVisitor;

                impl<'de> Visitor<'de> for ValueVisitor {
                    type Value = $value;

                    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<$value, A::Error> {
                        let mut layers = Vec::new();
                        while let Some(layer) = seq.next_element()? {
                            layers.push(layer);
                        }
                        Ok($value::$list(layers))
                    }

                    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<$value, A::Error> {
                        $full::deserialize(MapAccessDeserializer::new(map)).map($value::Full)
                    }
                }

                deserializer.deserialize_any(ValueVisitor)
            }
        }

        impl JsonSchema for $value {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($value).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let layer = generator.subschema_for::<Layer>();
                let full = generator.subschema_for::<$full>();
                json_schema!({"description": $expecting, "anyOf": [{"type": "array", "items": layer, "minItems": 1}, full]})
            }
        }
    };
}

list_or_settings!(ResidualValue, Body, Residual, "A list of layers, or a mapping with `body` and further settings.");
list_or_settings!(
    ParallelValue,
    Branches,
    Parallel,
    "A list of branches, or a mapping with `branches` and further settings."
);
