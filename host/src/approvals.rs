//! Questions to humans and their answers, each bound to one exact call: a fold of the journal.
//!
//! The fold ([`Book`]) is pure; [`Approvals`] keeps one up to date, asks and answers. Nothing here can be reached from
//! the AI's door but asking.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod answering;
mod approval;
mod book;
mod config;
mod delegating;
mod delegation;
mod desk;
mod entitlement;
mod error;
mod matter;
mod reply;
mod telling;

pub use approval::{Answer, Approval, State, Together, binding};
pub use book::Book;
pub use config::{Config, Escalation};
pub use delegating::Delegating;
pub use delegation::Delegation;
pub use desk::{Approvals, Put, touching, unrefused};
pub use error::ApprovalsError;
pub use matter::Matter;
pub use reply::{Channel, Reply};

/// Whether two names are one person's: a capital letter makes nobody another.
fn same_person(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}
