//! Every API key that was made, as the events so far tell it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    clock::Timestamp,
    journal::{Event, Fold, JournalError, body, kind},
};

/// A key, as far as it is known after it was shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// Its public part.
    pub id: String,
    /// The principal of its calls.
    pub name: String,
    /// The roles of its calls.
    pub roles: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends by itself; none: never.
    pub expires: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// The keyed digest of its secret.
    #[serde(skip)]
    pub(super) digest: String,
}

impl Record {
    /// What it is worth at a moment.
    pub fn state(&self, now: Timestamp) -> State {
        match (self.revoked, self.expires) {
            (Some(_), _) => State::Revoked,
            (None, Some(end)) if end <= now => State::Expired,
            (None, _) => State::Valid,
        }
    }
}

/// What a key is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Whoever shows it is let in.
    Valid,
    /// Its time is over.
    Expired,
    /// An operator has ended it.
    Revoked,
}

impl State {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// All keys, by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Book(BTreeMap<String, Record>);

impl Fold for Book {
    const KINDS: &'static str = "key.*";

    fn apply(&mut self, event: &Event) -> Result<(), JournalError> {
        let id = &event.subject;
        match event.kind.as_str() {
            kind::KEY_CREATED => {
                let body::KeyCreated { name, roles, expires, digest } = event.read()?;
                let record = Record { id: id.clone(), name, roles, created: event.at, expires, revoked: None, digest };
                // What was made first is what was handed out.
                self.0.entry(id.clone()).or_insert(record);
            }
            kind::KEY_REVOKED => {
                if let Some(record) = self.0.get_mut(id) {
                    record.revoked.get_or_insert(event.at);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Book {
    pub(super) fn get(&self, id: &str) -> Option<&Record> {
        self.0.get(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Record> {
        self.0.values()
    }
}
