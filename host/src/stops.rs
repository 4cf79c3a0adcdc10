//! The emergency stop: what an operator has suspended, as a fold of the journal, so that it is so in every process at once
//! and after every restart, until somebody lifts it.

mod book;
mod desk;

pub use book::Stop;
pub use desk::{Stops, StopsError};
