//! The data set on the training device, batches of it, and random changes to them.

mod augment;
mod draws;
mod range;
mod set;

pub(crate) use augment::{Augmenter, Mix};
pub(crate) use draws::poisson;
pub(crate) use range::ValueRange;
pub(crate) use set::{DataSet, Part, Source, bounds};
