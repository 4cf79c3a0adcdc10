//! The policies: loaded, asked in order, their verdicts put together.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod config;
mod history;
mod judge;
mod rollout;
mod set;
mod standing;

pub use config::{Match, Mode, OnFault, PolicyConfig, Rollout};
pub use judge::{Judgement, Record, Review, Reviewed, Rewritten};
pub use rollout::{Divergence, Tally};
pub use set::{Policies, Policy, PolicyError};
pub use standing::{Standing, Standings, Waiting};
