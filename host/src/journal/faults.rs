//! A store that fails on command, and what the journal makes of it.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use async_trait::async_trait;
use serde_json::json;

use super::{
    Admission, CallFilter, Config, Counted, Draft, Durability, Event, Guard, Journal, JournalError, KeyValueError,
    PastCall, Query, Sequence, Verified,
    body::Admitted,
    kind,
    sqlite::Sqlite,
    store::{Entry, Head, Held, Noted, Store},
};
use crate::{
    call::{Call, CallId, Caller},
    clock::{ManualClock, Timestamp},
    tasks::Tasks,
};

/// What the next append does.
const WELL: u8 = 0;
const FAILS: u8 = 1;
/// Records, and then says that it failed: so it looks if the disk fails after it has written.
const RECORDS_AND_FAILS: u8 = 2;
/// Records and leaves no word of it: so it looks if the process dies in between.
const LEAVES_NO_WORD: u8 = 3;

#[derive(Debug)]
struct Faulty {
    inner: Sqlite,
    next: AtomicU8,
    hidden: std::sync::Mutex<Option<Sequence>>,
}

#[async_trait]
impl Store for Faulty {
    fn hint(&self) -> Result<Sequence, JournalError> {
        match *self.hidden.lock().unwrap() {
            Some(old) => Ok(old),
            None => self.inner.hint(),
        }
    }

    async fn append(&self, entries: &[Entry]) -> Result<bool, JournalError> {
        match self.next.swap(WELL, Ordering::SeqCst) {
            FAILS => Err(JournalError::DiskFull),
            RECORDS_AND_FAILS => {
                self.inner.append(entries).await?;
                Err(JournalError::DiskFull)
            }
            LEAVES_NO_WORD => {
                let before = self.inner.hint()?;
                *self.hidden.lock().unwrap() = Some(before);
                self.inner.append(entries).await
            }
            _ => self.inner.append(entries).await,
        }
    }

    async fn opening(&self) -> Result<(Head, Vec<PastCall>), JournalError> {
        self.inner.opening().await
    }
    async fn head(&self) -> Result<Head, JournalError> {
        self.inner.head().await
    }
    async fn tail(&self, after: Sequence) -> Result<Vec<Entry>, JournalError> {
        self.inner.tail(after).await
    }
    async fn noted(
        &self,
        after: Sequence,
        upto: Sequence,
        also: &[Sequence],
    ) -> Result<(Sequence, Vec<Noted>), JournalError> {
        self.inner.noted(after, upto, also).await
    }
    async fn tools(&self) -> Result<HashSet<String>, JournalError> {
        self.inner.tools().await
    }
    async fn lock(&self) -> Result<Held, JournalError> {
        self.inner.lock().await
    }
    async fn sync(&self) -> Result<(), JournalError> {
        self.inner.sync().await
    }
    async fn read(&self, query: &Query) -> Result<Vec<Event>, JournalError> {
        self.inner.read(query).await
    }
    async fn newest(&self, filter: &CallFilter, limit: usize) -> Result<(Sequence, Vec<Sequence>), JournalError> {
        self.inner.newest(filter, limit).await
    }
    async fn window(
        &self,
        filter: &CallFilter,
        since: Timestamp,
        number: Option<&str>,
    ) -> Result<(Sequence, Vec<Counted>), JournalError> {
        self.inner.window(filter, since, number).await
    }
    async fn same(
        &self,
        principal: &str,
        tool: &str,
        idempotency: &str,
    ) -> Result<(Sequence, Option<PastCall>), JournalError> {
        self.inner.same(principal, tool, idempotency).await
    }
    async fn past(&self, admitted: &[Sequence]) -> Result<(Sequence, Vec<PastCall>), JournalError> {
        self.inner.past(admitted).await
    }
    async fn index(&self, pointer: &str) -> Result<(), JournalError> {
        self.inner.index(pointer).await
    }
    async fn value(&self, server: &str, key: &str) -> Result<Option<String>, JournalError> {
        self.inner.value(server, key).await
    }
    async fn keys(&self, server: &str, prefix: &str, limit: usize) -> Result<Vec<String>, JournalError> {
        self.inner.keys(server, prefix, limit).await
    }
    async fn set_value(&self, server: &str, key: &str, value: &str) -> Result<(), KeyValueError> {
        self.inner.set_value(server, key, value).await
    }
    async fn delete_value(&self, server: &str, key: &str) -> Result<bool, JournalError> {
        self.inner.delete_value(server, key).await
    }
    async fn add_to_value(&self, server: &str, key: &str, by: i64) -> Result<i64, KeyValueError> {
        self.inner.add_to_value(server, key, by).await
    }
}

async fn faulty() -> (tempfile::TempDir, Arc<Faulty>, Journal) {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        path: folder.path().join("interlock.db"),
        mirror_dir: None,
        redact: Vec::new(),
        max_body_bytes: 65_536,
        durability: Durability::BeforeCall,
    };
    let inner = Sqlite::open(&config).await.unwrap();
    let store = Arc::new(Faulty { inner, next: AtomicU8::new(WELL), hidden: None.into() });
    let clock = Arc::new(ManualClock::new(Timestamp(1)));
    let journal = Journal::over(store.clone(), config, clock, Tasks::new()).await.unwrap();
    (folder, store, journal)
}

fn call(journal: &Journal) -> (Call, Draft) {
    let call = Call {
        id: CallId::new(),
        tool: "a/b".parse().unwrap(),
        arguments: Arc::default(),
        beside: Arc::default(),
        caller: Caller { principal: "p".to_owned(), roles: Vec::new(), client: None },
        session: "s".to_owned(),
        received: Timestamp(0),
        hints: Arc::new([]),
        definition: "d".into(),
        continues: None,
        idempotency: None,
        batch: None,
    };
    let body = json!({
        "tool": "a/b", "arguments": {}, "caller": {"principal": "p"}, "session": "s", "process": journal.process()
    });
    let body: Admitted = serde_json::from_value(body).unwrap();
    let draft = Draft::new("p", kind::CALL_ADMITTED, call.id.as_str(), &body).unwrap();
    (call, draft)
}

async fn kinds(journal: &Journal) -> Vec<String> {
    journal.read(&Query::default()).await.unwrap().into_iter().map(|event| event.kind).collect()
}

#[tokio::test]
async fn a_full_disk_makes_no_permit_and_the_next_admission_succeeds() {
    let (_folder, store, journal) = faulty().await;
    let (first, draft) = call(&journal);
    store.next.store(FAILS, Ordering::SeqCst);
    let error = journal.admit(first, vec![draft], Guard::none()).await.unwrap_err();
    assert!(matches!(&error, JournalError::Shared(cause) if matches!(**cause, JournalError::DiskFull)), "{error}");
    let (second, draft) = call(&journal);
    assert!(matches!(journal.admit(second, vec![draft], Guard::none()).await, Ok(Admission::Admitted(_))));
    assert_eq!(kinds(&journal).await, [kind::CALL_ADMITTED]);
}

#[tokio::test]
async fn an_admission_that_was_recorded_and_reported_as_failed_is_taken_back() {
    let (_folder, store, journal) = faulty().await;
    let (refused, draft) = call(&journal);
    store.next.store(RECORDS_AND_FAILS, Ordering::SeqCst);
    assert!(journal.admit(refused.clone(), vec![draft], Guard::none()).await.is_err());
    journal.changes().wait_for(|head| *head == Sequence(2)).await.unwrap();
    let events = journal.read(&Query::default()).await.unwrap();
    assert_eq!(events[1].subject, refused.id.as_str());
    assert_eq!(events[1].body["outcome"], json!("cancelled"));
    assert!(journal.recent().open_call(refused.id.as_str()).is_none());
    assert!(matches!(journal.verify().await.unwrap(), Verified::Whole { events: 2, .. }));
}

#[tokio::test]
async fn what_a_dead_process_left_no_word_of_is_found_before_anything_comes_after_it() {
    let (folder, store, journal) = faulty().await;
    let config = Config {
        path: folder.path().join("interlock.db"),
        mirror_dir: None,
        redact: Vec::new(),
        max_body_bytes: 65_536,
        durability: Durability::BeforeCall,
    };
    let clock = Arc::new(ManualClock::new(Timestamp(1)));
    let other = Journal::open(config, clock, Tasks::new()).await.unwrap();
    // This one looks only where the other one left no word.
    *store.hidden.lock().unwrap() = Some(Sequence(0));
    let (theirs, draft) = call(&other);
    assert!(matches!(other.admit(theirs, vec![draft], Guard::none()).await, Ok(Admission::Admitted(_))));
    let (mine, draft) = call(&journal);
    let nobody_else = Guard { since: Sequence(0), disturbed_by: Box::new(|event| event.kind == kind::CALL_ADMITTED) };
    let answer = journal.admit(mine.clone(), vec![draft.clone()], nobody_else).await.unwrap();
    assert!(matches!(answer, Admission::Conflict), "it was judged without what is there");
    store.next.store(LEAVES_NO_WORD, Ordering::SeqCst);
    assert!(matches!(journal.admit(mine, vec![draft], Guard::none()).await, Ok(Admission::Admitted(_))));
    assert!(matches!(journal.verify().await.unwrap(), Verified::Whole { events: 2, .. }));
}
