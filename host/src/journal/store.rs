//! The seam: what a database must do for the journal. SQLite does; PostgreSQL can.

use std::{collections::HashSet, fmt, sync::Arc};

use async_trait::async_trait;
use interlock_glob::Glob;

use super::{Event, Hash, JournalError, PastCall, Query, Sequence, Status, key_value::KeyValueError, prepare::Salt};
use crate::{clock::Timestamp, scope::ScopeKey};

/// The last event: what the next one is chained to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// Its position; 0 in an empty journal.
    pub(crate) seq: Sequence,
    /// Its hash; zeros in an empty journal.
    pub(crate) hash: Hash,
    /// When it was ordered; 0 in an empty journal.
    pub(crate) at: Timestamp,
}

/// An event with its body as canonical JSON text, as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) event: Event,
    pub(crate) text: Arc<str>,
    pub(crate) salts: Vec<Salt>,
}

/// What the store has noted of one call beside the events, as text for comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    /// Position of its admission.
    pub(crate) seq: Sequence,
    /// Its id.
    pub(crate) id: String,
    /// Which tool.
    pub(crate) tool: String,
    /// By whom.
    pub(crate) principal: String,
    /// In which session.
    pub(crate) session: String,
    /// When it was admitted.
    pub(crate) at: Timestamp,
    /// Where it stands: `Status::stored`.
    pub(crate) status: String,
    /// When it ended.
    pub(crate) finished_at: Option<Timestamp>,
    /// Position of the event that brought its result.
    pub(crate) finished_seq: Option<Sequence>,
    /// What makes it the same as another call: `Idempotency::noted`.
    pub(crate) idempotency: Option<String>,
}

/// Which calls a question of the ledger is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallFilter {
    /// Whose calls.
    pub(crate) scope: ScopeKey,
    /// Of which tools.
    pub(crate) tools: Glob,
    /// Which stand so; empty: any.
    pub(crate) statuses: Vec<Status>,
    /// Whose arguments at these JSON Pointers have these values (canonical JSON).
    pub(crate) same: Vec<(String, String)>,
}

/// One call in a window of time, for counts and sums.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Counted {
    pub(crate) seq: Sequence,
    pub(crate) admitted: Timestamp,
    /// The number at the pointer that was asked for; 0 if there is none.
    pub(crate) number: f64,
}

/// The writer's turn over all processes; ends when dropped.
pub(crate) type Held = Box<dyn Send + Sync>;

/// Where events lie. Every answer about calls comes with the position of which it is true.
#[async_trait]
pub(crate) trait Store: Send + Sync + fmt::Debug {
    /// The position of the last event, cheaply. May lag behind if a process died while it wrote.
    fn hint(&self) -> Result<Sequence, JournalError>;

    /// The last event, and all calls that are open there.
    async fn opening(&self) -> Result<(Head, Vec<PastCall>), JournalError>;

    /// The last event by what the store has noted of it, whether or not that event is there.
    async fn head(&self) -> Result<Head, JournalError>;

    /// Events after a position, in order; a bounded number of them.
    async fn tail(&self, after: Sequence) -> Result<Vec<Entry>, JournalError>;

    /// What is noted of the calls admitted after one position and up to another, and of those admitted at the positions
    /// `also`, in order; with the last event as of which it is noted.
    async fn noted(
        &self,
        after: Sequence,
        upto: Sequence,
        also: &[Sequence],
    ) -> Result<(Sequence, Vec<Noted>), JournalError>;

    /// Every tool that is noted as called.
    async fn tools(&self) -> Result<HashSet<String>, JournalError>;

    /// Waits for the writer's turn: until it is dropped nobody else, in any process, can append.
    async fn lock(&self) -> Result<Held, JournalError>;

    /// Appends in one transaction; only while the turn is held. On return all processes can see it, and it survives this
    /// one; [`Store::sync`] puts it on disk. False, with nothing appended, if there are events already where these should
    /// go.
    async fn append(&self, entries: &[Entry]) -> Result<bool, JournalError>;

    /// Puts everything on disk that was appended before.
    async fn sync(&self) -> Result<(), JournalError>;

    /// Ends: as far as no other process is at work, everything is then in the one file that bears the store's name.
    async fn close(&self) -> Result<(), JournalError> {
        Ok(())
    }

    /// Events for an audit.
    async fn read(&self, query: &Query) -> Result<Vec<Event>, JournalError>;

    /// The last calls that fit, newest first.
    async fn newest(&self, filter: &CallFilter, limit: usize) -> Result<(Sequence, Vec<Sequence>), JournalError>;

    /// All calls that fit and were admitted at `since` or later, in any order, with the number at a JSON Pointer.
    async fn window(
        &self,
        filter: &CallFilter,
        since: Timestamp,
        number: Option<&str>,
    ) -> Result<(Sequence, Vec<Counted>), JournalError>;

    /// The calls admitted at these positions, in any order.
    async fn past(&self, admitted: &[Sequence]) -> Result<(Sequence, Vec<PastCall>), JournalError>;

    /// The call of a principal to a tool that was admitted last under this `Idempotency::noted`.
    async fn same(
        &self,
        principal: &str,
        tool: &str,
        idempotency: &str,
    ) -> Result<(Sequence, Option<PastCall>), JournalError>;

    /// Makes questions about this argument quick from now on, unless someone is writing at this very moment.
    async fn index(&self, pointer: &str) -> Result<(), JournalError>;

    /// The value of a key in a toolset's store.
    async fn value(&self, server: &str, key: &str) -> Result<Option<String>, JournalError>;

    /// Keys with a prefix, in byte order.
    async fn keys(&self, server: &str, prefix: &str, limit: usize) -> Result<Vec<String>, JournalError>;

    /// Sets a key, durably.
    async fn set_value(&self, server: &str, key: &str, value: &str) -> Result<(), KeyValueError>;

    /// Removes a key, durably; whether it was there.
    async fn delete_value(&self, server: &str, key: &str) -> Result<bool, JournalError>;

    /// Adds to a counter, durably and atomically.
    async fn add_to_value(&self, server: &str, key: &str, by: i64) -> Result<i64, KeyValueError>;
}
