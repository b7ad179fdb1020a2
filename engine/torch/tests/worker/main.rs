//! The training worker, in process and as a program.

mod exports;
mod networks;
mod operations;
mod process;
mod semantics;
mod training;
