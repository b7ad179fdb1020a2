//! The settings that need not be written.

use super::{ActivationKind, Join, NormKind, Part, PoolKind};

pub(super) fn one() -> usize {
    1
}
pub(super) fn two() -> usize {
    2
}
pub(super) fn three() -> usize {
    3
}
pub(super) fn eight() -> usize {
    8
}
pub(super) fn six() -> f64 {
    6.0
}
pub(super) fn quarter() -> f64 {
    0.25
}
pub(super) fn yes() -> bool {
    true
}
pub(super) fn batch() -> NormKind {
    NormKind::Batch
}
pub(super) fn no_norm() -> NormKind {
    NormKind::None
}
pub(super) fn relu() -> ActivationKind {
    ActivationKind::Relu
}
pub(super) fn relu6() -> ActivationKind {
    ActivationKind::Relu6
}
pub(super) fn no_activation() -> ActivationKind {
    ActivationKind::None
}
pub(super) fn average() -> PoolKind {
    PoolKind::Average
}
pub(super) fn add() -> Join {
    Join::Add
}
pub(super) fn post_activation() -> Vec<Part> {
    vec![Part::Conv, Part::Norm, Part::Activation]
}
pub(super) fn batch_norm_momentum() -> f64 {
    0.1
}
pub(super) fn norm_epsilon() -> f64 {
    1e-5
}
pub(super) fn four() -> usize {
    4
}
pub(super) fn four_times() -> f64 {
    4.0
}
pub(super) fn layer() -> NormKind {
    NormKind::Layer
}
pub(super) fn gelu() -> ActivationKind {
    ActivationKind::Gelu
}
