//! Strategies compared on tabular benchmarks: many seeds each, in parallel; how good what was found is at given points, with confidence
//! intervals.

mod course;
mod figures;
mod hypervolume;
mod recorded;
mod search;
mod task;
mod text;

pub use course::{Course, Point};
pub use figures::{Difference, Figures, Look};
pub use hypervolume::hypervolume;
pub use recorded::{RecordedError, read, write};
pub use search::{Contest, Entrant, courses};
pub use task::Task;
pub use text::{plot, text};
