//! What Pleach reads from outside, given anything at all: targets that take bytes and must not panic.
//!
//! A target is a function of bytes, so that any fuzzer can drive it; `libfuzzer/` holds the programs for cargo-fuzz. What it found lies in
//! `corpus/`, a folder for each target, and the tests of this crate replay it.

mod protocol;
mod records;
mod space;
mod spec;

pub use protocol::protocol;
pub use records::records;
pub use space::space;
pub use spec::spec;
