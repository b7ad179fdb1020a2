//! The training worker, in process and as a program.

mod adversarial;
mod exports;
mod networks;
mod operations;
mod process;
mod robustness;
mod semantics;
mod sequences;
mod training;
