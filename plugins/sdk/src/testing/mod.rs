//! Try a strategy natively: a toy space in place of the engine, and a search loop on a virtual clock.
//!
//! ```
//! # use pleach_sdk::testing::{Search, ToySpace, measured};
//! # fn check<S: pleach_sdk::Strategy>() -> Result<(), String> {
//! let space = ToySpace::choices(&[4, 4, 4]);
//! let search = Search { budget: 100, ..Search::new(&space, 7) };
//! let history = search.run::<S>("{}", |request| (1.0, measured(vec![request.genotype()[0]])))?;
//! assert_eq!(history.trials.len(), 100);
//! # Ok(())
//! # }
//! ```

mod search;
mod space;

pub use search::{History, Search, Trial, failed, measured, options_schema};
pub use space::ToySpace;
