//! Input that nobody means well: each is refused at once, in little memory, with a place and what to do, and never by a panic.

mod child;
mod data;
mod experiments;
mod runs;
mod spaces;
