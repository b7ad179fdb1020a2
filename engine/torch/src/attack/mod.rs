//! Attacks: small changes of inputs, in the L-infinity norm, that make a network err.
//!
//! They work on normalised inputs. An epsilon in units of data scaled to 0..1 is a length of its own in each channel or
//! feature there, see [`ValueRange`](crate::data::ValueRange).

mod ball;
mod gradient;
mod square;

pub(crate) use ball::Ball;
pub(crate) use gradient::{ascend, uniform_start};
pub(crate) use square::square;
