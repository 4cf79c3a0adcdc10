//! The spine: one append-only, totally ordered, durable log of events. Everything else is a fold of it.
//!
//! Start with `journal/handle.rs` (what others may do) and `journal/writer.rs` (the one place where calls are put in
//! order).

mod alone;
pub mod body;
mod config;
mod error;
mod event;
#[cfg(test)]
mod faults;
mod follower;
#[cfg(feature = "fuzzing")]
pub mod fuzz;
mod guard;
mod handle;
mod key_value;
mod lock;
mod looking;
mod mirror;
mod notes;
mod past;
mod peers;
mod permit;
mod prepare;
mod private;
mod query;
mod recent;
mod secrets;
mod sqlite;
mod store;
mod turn;
mod unsent;
mod verify;
mod writer;

pub use alone::Alone;
pub use config::{Config, Durability};
pub use error::JournalError;
pub use event::{Draft, Event, Hash, kind};
pub use follower::{Fold, Follower};
pub use guard::{Admission, Committed, Guard};
pub use handle::Journal;
pub use key_value::{KeyValue, KeyValueError};
pub use notes::Wrong;
pub use past::{Change, PastCall, Status, are_cut};
pub use permit::Permit;
pub use query::Query;
pub(crate) use recent::Recent;
pub(crate) use store::{CallFilter, Counted};
pub use turn::Turn;
pub use verify::{Break, Verified, inspect};

/// Position of an event in the journal; the first is 1. 0 stands for "before everything".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// So many positions earlier.
    #[must_use]
    pub fn back(self, steps: u64) -> Self {
        Self(self.0.saturating_sub(steps))
    }
}

impl std::fmt::Display for Sequence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
