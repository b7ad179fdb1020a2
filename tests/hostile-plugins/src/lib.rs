//! Plugins that are hostile or broken, written by hand and built from source: the corpus that tests of the sandbox share.
//!
//! An [`Attack`] is one plugin: its name, what it attacks, and how the engine must end it. `cargo xtask test sandbox` prints them
//! as a table, with time and memory of a process each.

mod corpus;
mod file;
mod guest;
mod request;

pub use corpus::{Attack, EXPERIMENT, attacks};
pub use file::{bare_component, custom_section, enormous_function, manifest, with_manifest};
pub use guest::Guest;
pub use request::{Asked, answer};
