//! Tool definitions, pinned at first sight. A server that changes one later has that tool held back until an operator
//! accepts the new definition: what a model was told of a tool when people looked at it is what it goes on being told.
//!
//! `book` is the fold, `desk` keeps it up to date with the journal, so that every process and every restart agree.

mod book;
mod desk;

pub use book::{Book, Definition, Pin, Standing};
pub use desk::{Acceptance, Pins, Sighting, untouched};
