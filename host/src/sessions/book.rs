//! The sessions that still count, as the events so far tell it. Pure.

use std::{collections::HashMap, time::Duration};

use serde_json::Value;

use crate::{
    clock::Timestamp,
    journal::{Event, Fold, JournalError, body, kind},
};

/// How long a session is remembered after it was last told of.
pub(super) const REMEMBERED: Duration = Duration::from_hours(7 * 24);

/// One session.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Whose it is.
    pub(super) principal: String,
    /// What its client said when it opened it; none: the protocol has no sessions.
    pub(super) client: Option<Value>,
    /// When it was last told of.
    pub(super) used: Timestamp,
}

/// All sessions, by id.
#[derive(Debug, Default)]
pub(super) struct Book {
    all: HashMap<String, Session>,
    /// The last that began for each principal where the protocol has none.
    current: HashMap<String, String>,
}

impl Fold for Book {
    const KINDS: &'static str = "session.*";

    fn apply(&mut self, event: &Event) -> Result<(), JournalError> {
        let id = event.subject.clone();
        match event.kind.as_str() {
            kind::SESSION_BEGAN => {
                let body::SessionBegan { principal, client } = event.read()?;
                if client.is_none() {
                    self.current.insert(principal.clone(), id.clone());
                }
                self.all.insert(id, Session { principal, client, used: event.at });
                self.forget(event.at);
            }
            kind::SESSION_USED => {
                if let Some(session) = self.all.get_mut(&id) {
                    session.used = event.at;
                }
            }
            kind::SESSION_ENDED => drop(self.all.remove(&id)),
            _ => {}
        }
        Ok(())
    }
}

impl Book {
    /// Drops those that nobody has told of for long.
    fn forget(&mut self, now: Timestamp) {
        if self.all.len().is_power_of_two() {
            self.all.retain(|_, session| now.since(session.used) < REMEMBERED);
            let all = &self.all;
            self.current.retain(|_, id| all.contains_key(id));
        }
    }

    /// The session with this id.
    pub(super) fn get(&self, id: &str) -> Option<&Session> {
        self.all.get(id)
    }

    /// The last session of a principal where the protocol has none, with its id.
    pub(super) fn current(&self, principal: &str) -> Option<(&str, &Session)> {
        let id = self.current.get(principal)?;
        Some((id, self.all.get(id)?))
    }
}
