//! Questions to humans and their answers, each bound to one exact call: a fold of the journal.
//!
//! The fold ([`Book`]) is pure; [`Approvals`] keeps one up to date, asks and answers. Nothing here can be reached from
//! the AI's door but asking.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod approval;
mod book;
mod config;
mod desk;
mod reply;

pub use approval::{Answer, Approval, State, binding};
pub use book::Book;
pub use config::Config;
pub use desk::{Approvals, ApprovalsError, touching};
pub use reply::{Channel, Reply};
