//! Pooling.

use super::default::{average, two};
use schemars::JsonSchema;
use serde::Deserialize as Derive;

/// How pooling joins values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Derive, JsonSchema, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// The mean.
    Average,
    /// The largest.
    Max,
}

/// Pooling over windows.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Side of the window, in pixels.
    #[serde(default = "two")]
    #[schemars(range(min = 1, max = 1023))]
    pub kernel: usize,
    /// Step of the window, in pixels; the kernel unless told.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1023))]
    pub stride: Option<usize>,
    /// Padding on each side, in pixels; never counted in a mean.
    #[serde(default)]
    #[schemars(range(min = 0, max = 511))]
    pub padding: usize,
}

/// Pooling to a given size.
#[derive(Debug, Clone, PartialEq, Derive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdaptivePool {
    /// Height and width of the output, in pixels.
    #[schemars(range(min = 1, max = 1024))]
    pub size: usize,
    /// How values are joined.
    #[serde(default = "average")]
    pub kind: PoolKind,
}
