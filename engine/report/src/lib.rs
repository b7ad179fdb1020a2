//! What a run came to, for people: one HTML file, and text for a terminal.
//!
//! [`Figures`] is all of it as plain data, computed from the record of a run; `pleach report --format json` prints it. [`html`]
//! draws it as one file that needs nothing else, [`text`] as tables and small curves of characters.

mod error;
pub mod figures;
mod html;
pub mod plot;
mod recorded;
mod text;
mod words;

pub use error::ReportError;
pub use figures::Figures;
pub use html::html;
pub use text::text;
