//! Data sets: reading every kind, splitting three ways, statistics, digests.
//!
//! - [`read`] loads a data set whole ([`Examples`]); [`inspect`] reads only what tells its shape and classes. A [`Reader`]
//!   keeps what it has read, for a worker that trains many networks on one set.
//! - [`split`] divides the examples into training, validation and test part, the same on every machine for one seed;
//!   [`Statistics`] are what inputs are normalised by.
//! - [`Examples::digest`] identifies the decoded content, whatever files it came from.
//! - [`known`] and [`published_tables`] list what Pleach knows by name and [`fetch`] gets what is reachable.
//! - [`sheet`] reads files of rows and named columns, of which tabular benchmarks are made.
//! - [`describe_new`] looks at files of the user's own, and [`new_experiment`] writes a runnable experiment for them.
//!
//! Every error names the file, what was expected there, and what to do ([`DataError`]).

mod bounded;
mod cifar;
mod describe;
mod digits;
mod error;
mod examples;
mod fashion_mnist;
mod fetch;
mod file;
mod folder;
mod idx;
mod known;
mod new_experiment;
mod published;
mod read;
pub mod sheet;
mod split;
mod statistics;
mod synthetic;
mod table;

pub use bounded::open_file;
pub use describe::{Description, Kind, describe_new};
pub use error::DataError;
pub use examples::{DataShape, Examples, Inputs};
pub use fetch::{Fetched, fetch};
pub use known::{Known, Presence, known};
pub use new_experiment::new_experiment;
pub use published::{PublishedTables, published_file, published_tables};
pub use read::{Locations, Reader, inspect, read};
pub use split::{Parts, split, training_share};
pub use statistics::Statistics;
