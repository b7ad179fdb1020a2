//! What tests of all formats share: networks made by hand, what they compute, and the Python that checks files.

mod array;
mod networks;
mod python;
mod reference;

pub(crate) use array::Array;
pub(crate) use networks::{Case, Random, cases, random_checkpoint};
pub(crate) use python::python;
pub(crate) use reference::{conv, conv1d, forward, pool};
