//! The YAML of an experiment: text, spanned tree, schema, typed experiment, diagnostics.
//!
//! [`Document`] is the way in: it parses a file, puts included spaces and overrides in place, and answers with all that is
//! wrong ([`Document::check`]) or with the typed [`Experiment`]. Other crates name places by JSON pointers ([`Problem`]), which
//! [`Document::report`] turns into files, lines and columns.

pub mod experiment;
pub mod render;
pub mod schema;

mod benchmark;
mod diagnostic;
mod document;
mod file;
mod foreign;
mod include;
mod manual;
mod overrides;
mod parse;
mod places;
mod scalar;
mod semantics;
mod source;
mod syntax;
mod tree;
mod validate;
mod words;

pub use benchmark::{Axis, Benchmark, BenchmarkTask, Contender};
pub use diagnostic::{Diagnostic, Place, Problem, Severity, arrange};
pub use document::{Document, DocumentKind, Reader};
pub use experiment::*;
pub use file::read_file;
pub use manual::reference;
pub use render::{Colour, github, human, json};
pub use schema::schemas;
pub use source::{FileId, Position, SourceFile, Sources, Span};
pub use tree::{Entry, Node, Value, push_token};
pub use words::suggest;
