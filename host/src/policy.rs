//! The policies: loaded, asked in order, their verdicts put together.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod config;
mod history;
mod judge;
mod set;

pub use config::{Match, Mode, OnFault, PolicyConfig};
pub use judge::{Judgement, Record, Review, Reviewed, Rewritten};
pub use set::{Policies, Policy, PolicyError};
