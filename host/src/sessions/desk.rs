//! Beginning, using, finding and ending sessions.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lru::LruCache;
use serde_json::Value;
use uuid::Uuid;

use super::book::{Book, REMEMBERED};
use crate::{
    clock::Timestamp,
    journal::{Committed, Draft, Event, Follower, Guard, Journal, JournalError, Sequence, body, kind},
};

/// Most principals whose current session is at hand; the others' are looked up.
const MOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);
/// That a session is in use is put down so many times before it would be over.
const NOTES: u32 = 10;

/// The sessions of one journal. Clones share everything.
#[derive(Clone, Debug)]
pub struct Sessions(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    book: Follower<Book>,
    idle: Duration,
    at_hand: Mutex<LruCache<String, Current>>,
}

/// A principal's current session, as this process uses it.
#[derive(Clone, Debug)]
struct Current {
    id: String,
    used: Timestamp,
    noted: Timestamp,
}

impl Sessions {
    /// The sessions in this journal; where the protocol does not end them, they end after `idle` without a call.
    pub fn new(journal: Journal, idle: Duration) -> Self {
        let at_hand = Mutex::new(LruCache::new(MOST));
        Self(Arc::new(Inner { book: Follower::new(journal), idle, at_hand }))
    }

    fn at_hand(&self) -> MutexGuard<'_, LruCache<String, Current>> {
        self.0.at_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session that a call of this principal belongs to which is made now. As long as calls come, by whatever process,
    /// it stays the same; after `idle` without one, or up to a tenth longer where other processes have a part in it, another
    /// begins.
    ///
    /// # Errors
    /// If it is not known yet, and the journal cannot be read or written.
    pub async fn current(&self, principal: &str) -> Result<String, JournalError> {
        let (journal, idle) = (self.0.book.journal(), self.0.idle);
        let now = journal.now();
        let known = self.at_hand().get_mut(principal).filter(|known| now.since(known.used) < idle).map(|known| {
            known.used = now;
            let due = now.since(known.noted) >= idle / NOTES;
            if due {
                known.noted = now;
            }
            (known.id.clone(), due)
        });
        if let Some((id, due)) = known {
            if due {
                journal.finish(Draft::new(principal, kind::SESSION_USED, &id, &body::SessionUsed {})?).await?;
            }
            return Ok(id);
        }
        loop {
            self.0.book.refresh().await?;
            let (found, since) = self.0.book.look(|book, upto| {
                let current =
                    book.current(principal).filter(|(_, session)| now.since(session.used) < idle + idle / NOTES);
                (current.map(|(id, session)| (id.to_owned(), session.used)), upto)
            });
            let current = match found {
                Some((id, noted)) => Current { id, used: now, noted },
                None => {
                    let id = Uuid::now_v7().to_string();
                    let began = body::SessionBegan { principal: principal.to_owned(), client: None };
                    let draft = Draft::new(principal, kind::SESSION_BEGAN, &id, &began)?;
                    match journal.commit(vec![draft], unless_begun(principal, since)).await? {
                        Committed::At(_) => Current { id, used: now, noted: now },
                        Committed::Conflict => continue,
                    }
                }
            };
            self.at_hand().put(principal.to_owned(), current.clone());
            return Ok(current.id);
        }
    }

    /// Puts down that a client has opened a session, and what it said of itself.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn opened(&self, id: &str, principal: &str, client: Value) -> Result<(), JournalError> {
        let began = body::SessionBegan { principal: principal.to_owned(), client: Some(client) };
        self.0.book.journal().append(vec![Draft::new(principal, kind::SESSION_BEGAN, id, &began)?]).await.map(drop)
    }

    /// What the client of a session said of itself, if this principal opened it within the last week and nobody has ended
    /// it: it is taken up again.
    ///
    /// # Errors
    /// If the journal cannot be read or written.
    pub async fn taken_up(&self, id: &str, principal: &str) -> Result<Option<Value>, JournalError> {
        self.0.book.refresh().await?;
        let journal = self.0.book.journal();
        let now = journal.now();
        let known = self.0.book.look(|book, _| {
            let session = book.get(id).filter(|session| session.principal == principal)?;
            (now.since(session.used) < REMEMBERED).then(|| session.client.clone())?
        });
        if known.is_some() {
            journal.finish(Draft::new(principal, kind::SESSION_USED, id, &body::SessionUsed {})?).await?;
        }
        Ok(known)
    }

    /// Puts down that its client has ended a session: from when this returns, nobody takes it up, in whatever process.
    ///
    /// # Errors
    /// If it could not be put down yet.
    pub async fn ended(&self, id: &str, principal: &str) -> Result<(), JournalError> {
        let draft = Draft::new(principal, kind::SESSION_ENDED, id, &body::SessionEnded {})?;
        self.0.book.journal().finish_for_all(draft).await
    }
}

/// Holds until a session begins for this principal where the protocol has none.
fn unless_begun(principal: &str, since: Sequence) -> Guard {
    let principal = principal.to_owned();
    let begins = move |event: &Event| {
        event.kind == kind::SESSION_BEGAN && event.actor == principal && event.body.get("client").is_none()
    };
    Guard { since, disturbed_by: Box::new(begins) }
}
