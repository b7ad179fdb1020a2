//! Evaluators: who says how good a candidate is, and how the engine talks to training workers.

pub mod protocol;
