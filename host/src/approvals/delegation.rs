//! For a while, somebody answers in another's name. Pure.

use serde::Serialize;

use super::same_person;
use crate::{clock::Timestamp, journal::body};

/// Somebody's leave to answer in another's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delegation {
    /// Its id.
    pub id: String,
    /// Whose roles.
    pub from: String,
    /// Who may answer for them.
    pub to: String,
    /// Which roles.
    pub roles: Vec<String>,
    /// Who put it down.
    pub by: String,
    /// Why, in their words.
    pub reason: Option<String>,
    /// From when on.
    pub begins: Timestamp,
    /// Until when.
    pub ends: Timestamp,
    /// When it was ended before its time.
    pub ended: Option<Timestamp>,
}

impl Delegation {
    /// As the journal tells of it.
    pub(super) fn told(id: &str, by: &str, begins: Timestamp, told: body::ApprovalDelegated) -> Self {
        let body::ApprovalDelegated { from, to, roles, ends, reason } = told;
        Self { id: id.to_owned(), from, to, roles, by: by.to_owned(), reason, begins, ends, ended: None }
    }

    /// Whether it counts by `now`.
    pub fn in_force(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.ends
    }

    /// Whether it lets this person answer, by `now`.
    pub fn is_to(&self, person: &str, now: Timestamp) -> bool {
        self.in_force(now) && same_person(&self.to, person)
    }

    /// The word for how it stands.
    pub fn word(&self, now: Timestamp) -> &'static str {
        match (self.ended, self.in_force(now)) {
            (Some(_), _) => "ended",
            (None, true) => "in force",
            (None, false) => "over",
        }
    }
}
