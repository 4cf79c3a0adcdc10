//! Sessions, as a fold of the journal: which one a principal is in where the protocol has none, and those that clients of
//! HTTP have opened. So they are the same in every process, and go on after a restart.

mod book;
mod desk;

pub use desk::Sessions;
