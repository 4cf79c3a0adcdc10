//! The spine: one append-only, totally ordered, durable log of events. Everything else is a fold of it.

mod config;
mod permit;

pub use config::{Config, Durability};
pub use permit::Permit;

/// Position of an event in the journal; the first is 1. 0 stands for "before everything".
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Sequence(pub u64);
