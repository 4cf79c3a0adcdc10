//! The one place where events, and so calls, are put in order.
//!
//! One task per process: it takes the writer's turn over all processes, learns what others have appended, lets each
//! waiting request pass or conflict, appends all that pass in one transaction, and tells everyone once that is done.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    Committed, Durability, Event, Guard, JournalError, PastCall, Sequence, Status, Turn,
    event::{chained, dated},
    kind,
    looking::catch_up,
    past::change,
    prepare::{Keeping, Prepared},
    recent::Recent,
    store::{Entry, Head, Store},
    turn::{LONGEST_TURN, LastWord, Lender},
    unsent::never_sent,
};
use crate::clock::Clock;

/// How many requests go into one transaction.
const MOST_AT_ONCE: usize = 256;
/// How many events that must not be lost are kept while the store fails.
const MOST_OWED: usize = 4096;
/// How soon the store is tried again, and how soon what was only ordered is put on disk.
const TRY_AGAIN: Duration = Duration::from_millis(500);
const ON_DISK_WITHIN: Duration = Duration::from_millis(40);

/// What the writer is asked.
pub(super) enum Request {
    /// Append.
    Commit(Commit),
    /// Lend the turn.
    Turn(Lender, oneshot::Sender<Result<Turn, JournalError>>),
    /// Answer once everything before is durable.
    Flush(oneshot::Sender<Result<(), JournalError>>),
    /// End, after everything before.
    Close,
}

/// Events to append, all or none.
pub(super) struct Commit {
    pub(super) drafts: Vec<Prepared>,
    pub(super) guard: Option<Guard>,
    /// It has happened already: it is tried again until it succeeds.
    pub(super) must: bool,
    pub(super) reply: Option<oneshot::Sender<Result<Committed, JournalError>>>,
}

/// The task's state.
pub(super) struct Writer {
    store: Arc<dyn Store>,
    recent: Arc<Recent>,
    clock: Arc<dyn Clock>,
    requests: mpsc::Receiver<Request>,
    batched: bool,
    // When what was ordered without waiting for the disk must be on it.
    unsynced: Option<Instant>,
    // Puts it there, beside whatever else is done meanwhile.
    syncing: Option<BoxFuture<'static, Result<(), JournalError>>>,
    keeping: Arc<Keeping>,
    // What must be recorded, though nobody waits for it.
    owed: Vec<Prepared>,
    // Admissions that failed in a way that leaves open whether they are recorded.
    doubtful: Vec<String>,
}

impl Writer {
    pub(super) fn new(
        store: Arc<dyn Store>,
        recent: Arc<Recent>,
        clock: Arc<dyn Clock>,
        requests: mpsc::Receiver<Request>,
        keeping: Arc<Keeping>,
        durability: Durability,
    ) -> Self {
        let batched = durability == Durability::Batched;
        Self {
            store,
            recent,
            clock,
            requests,
            batched,
            unsynced: None,
            syncing: None,
            keeping,
            owed: Vec::new(),
            doubtful: Vec::new(),
        }
    }

    /// Serves until told to close, or until nobody can ask any more.
    pub(super) async fn run(mut self) {
        let mut waiting = Vec::with_capacity(MOST_AT_ONCE);
        loop {
            let overdue = !self.owed.is_empty() || !self.doubtful.is_empty();
            let pause = self.unsynced.filter(|_| self.syncing.is_none());
            let pause = pause.or_else(|| overdue.then(|| Instant::now() + TRY_AGAIN));
            tokio::select! {
                received = self.requests.recv_many(&mut waiting, MOST_AT_ONCE) => match received {
                    0 => break,
                    _ => self.serve(&mut waiting).await,
                },
                done = async { self.syncing.as_mut()?.await.err() }, if self.syncing.is_some() => {
                    self.syncing = None;
                    if let Some(error) = done {
                        tracing::error!(%error, "the journal could not be put on disk");
                        self.unsynced = Some(Instant::now() + TRY_AGAIN);
                    }
                }
                () = until(pause), if pause.is_some() => {
                    // What fails is said in the log, and tried again later.
                    let _ = self.commit(Vec::new()).await;
                }
            }
            if self.syncing.is_none() && self.unsynced.is_some_and(|until| until <= Instant::now()) {
                let store = Arc::clone(&self.store);
                self.syncing = Some(async move { store.sync().await }.boxed());
                self.unsynced = None;
            }
        }
        self.wind_up().await;
        if !self.owed.is_empty() {
            tracing::error!(events = self.owed.len(), "events could not be recorded before the journal closed");
        }
    }

    /// Does what is left to do at the end.
    async fn wind_up(&mut self) {
        // What fails is said in the log.
        let _ = self.commit(Vec::new()).await;
        if let Err(error) = self.sync().await {
            tracing::error!(%error, "the journal could not be put on disk");
        }
    }

    async fn serve(&mut self, waiting: &mut Vec<Request>) {
        let mut commits = Vec::new();
        for request in waiting.drain(..) {
            match request {
                Request::Commit(commit) => commits.push(commit),
                Request::Turn(lender, reply) => {
                    // Everyone who waits is told of a failure; so below.
                    let _ = self.commit(std::mem::take(&mut commits)).await;
                    self.lend(lender, reply).await;
                }
                Request::Flush(reply) => {
                    let done = self.commit(std::mem::take(&mut commits)).await;
                    let synced = self.sync().await;
                    // Whoever no longer waits does not need to know.
                    let _ = reply.send(done.and(synced));
                }
                Request::Close => self.requests.close(),
            }
        }
        if !commits.is_empty() {
            let _ = self.commit(commits).await;
        }
    }

    /// Appends what passes, and tells everyone.
    async fn commit(&mut self, commits: Vec<Commit>) -> Result<(), JournalError> {
        if commits.is_empty() && self.owed.is_empty() && self.doubtful.is_empty() {
            return Ok(());
        }
        let result = match self.store.lock().await {
            Ok(held) => {
                let appended = self.append(&commits).await;
                // Whoever is next need not wait for the disk with us: what they put on it comes after.
                drop(held);
                // What has happened already makes nobody wait for the disk at all.
                match appended {
                    Ok(answers) if !self.batched && commits.iter().any(|commit| !commit.must) => {
                        self.sync().await.map(|()| answers)
                    }
                    other => other,
                }
            }
            Err(error) => Err(error),
        };
        match result {
            Ok(answers) => {
                for (commit, answer) in commits.into_iter().zip(answers) {
                    let Some(reply) = commit.reply else { continue };
                    if reply.send(Ok(answer)).is_err() && answer != Committed::Conflict {
                        self.doubtful.extend(admissions(&commit.drafts));
                    }
                }
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the journal could not be written");
                let error = Arc::new(error);
                for Commit { drafts, must, reply, .. } in commits {
                    match must {
                        true => self.owed.extend(drafts),
                        false => self.doubtful.extend(admissions(&drafts)),
                    }
                    if let Some(reply) = reply {
                        drop(reply.send(Err(JournalError::Shared(Arc::clone(&error)))));
                    }
                }
                if let Some(excess) = self.owed.len().checked_sub(MOST_OWED).filter(|excess| *excess > 0) {
                    tracing::error!(events = excess, "events are lost: the journal has failed for too long");
                    self.owed.drain(..excess);
                }
                Err(JournalError::Shared(error))
            }
        }
    }

    /// Appends, while the turn is held, what was owed and what passes. One answer per commit.
    async fn append(&mut self, commits: &[Commit]) -> Result<Vec<Committed>, JournalError> {
        if self.store.hint()? > self.recent.head().seq || !self.doubtful.is_empty() {
            catch_up(self.store.as_ref(), &self.recent).await?;
            self.take_back();
        }
        loop {
            // What was reported as failed and is there all the same needs no second word.
            let known =
                |draft: &Prepared| draft.kind == kind::CALL_FINISHED && self.recent.open_call(&draft.subject).is_none();
            self.owed.retain(|draft| !known(draft));
            let mut batch = Batch::new(&self.recent, self.clock.as_ref());
            for draft in &self.owed {
                batch.add(draft);
            }
            let answers = commits.iter().map(|commit| batch.take(commit)).collect();
            if batch.entries.is_empty() {
                return Ok(answers);
            }
            if self.store.append(&batch.entries).await? {
                self.unsynced.get_or_insert_with(|| Instant::now() + ON_DISK_WITHIN);
                self.owed.clear();
                self.recent.push(batch.entries);
                return Ok(answers);
            }
            // A process died after it appended and before it left word of it.
            catch_up(self.store.as_ref(), &self.recent).await?;
        }
    }

    /// Ends the calls whose admission is recorded, but was answered with a failure or to nobody.
    fn take_back(&mut self) {
        for id in std::mem::take(&mut self.doubtful) {
            if let Some(call) = self.recent.open_call(&id).filter(|call| call.status == Status::Running) {
                self.owed.push(never_sent(&id, call.tool.as_str(), &self.keeping));
            }
        }
    }

    /// Lends the turn to one judge, for a bounded time.
    async fn lend(&mut self, lender: Lender, reply: oneshot::Sender<Result<Turn, JournalError>>) {
        let held = match self.store.lock().await {
            Ok(held) => held,
            Err(error) => return drop(reply.send(Err(error))),
        };
        let head = match catch_up(self.store.as_ref(), &self.recent).await {
            Ok(head) => head.seq,
            Err(error) => return drop(reply.send(Err(error))),
        };
        let (end, ended) = oneshot::channel();
        if reply.send(Ok(Turn { head, lender, end })).is_err() {
            return;
        }
        match tokio::time::timeout(LONGEST_TURN, ended).await {
            Ok(Ok(LastWord { drafts, reply })) => {
                let commit = Commit { drafts, guard: None, must: false, reply: None };
                let appended = self.append(std::slice::from_ref(&commit)).await;
                let last = self.recent.head().seq;
                drop(held);
                let answer = match appended {
                    Ok(_) if !self.batched => self.sync().await.map(|()| Committed::At(last)),
                    other => other.map(|_| Committed::At(last)),
                };
                let failed = answer.is_err();
                if reply.send(answer).is_err() || failed {
                    self.doubtful.extend(admissions(&commit.drafts));
                }
            }
            Ok(Err(_)) => {}
            Err(_) => tracing::warn!("a turn at the journal was held for too long and is taken back"),
        }
    }

    async fn sync(&mut self) -> Result<(), JournalError> {
        if self.unsynced.is_some() || self.syncing.is_some() {
            self.store.sync().await?;
            (self.unsynced, self.syncing) = (None, None);
        }
        Ok(())
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// Ids of the calls that these drafts admit.
fn admissions(drafts: &[Prepared]) -> impl Iterator<Item = String> {
    drafts.iter().filter(|draft| draft.kind == kind::CALL_ADMITTED).map(|draft| draft.subject.clone())
}

/// What goes into one transaction.
struct Batch<'a> {
    recent: &'a Recent,
    clock: &'a dyn Clock,
    head: Head,
    entries: Vec<Entry>,
    // Calls that events of this very batch have admitted or ended.
    calls: HashMap<String, Arc<PastCall>>,
}

impl<'a> Batch<'a> {
    fn new(recent: &'a Recent, clock: &'a dyn Clock) -> Self {
        Self { recent, clock, head: recent.head(), entries: Vec::new(), calls: HashMap::new() }
    }

    /// Adds the events if the guard holds against all before, those of this batch included.
    fn take(&mut self, commit: &Commit) -> Committed {
        if let Some(guard) = &commit.guard {
            let disturbs = |event: &Event| event.seq > guard.since && (guard.disturbed_by)(event);
            // What is no longer at hand may have disturbed it.
            if self.recent.any_since(guard.since, disturbs) != Some(false)
                || self.entries.iter().any(|entry| disturbs(&entry.event))
            {
                return Committed::Conflict;
            }
        }
        commit.drafts.iter().fold(Committed::At(self.head.seq), |_, draft| Committed::At(self.add(draft)))
    }

    fn add(&mut self, draft: &Prepared) -> Sequence {
        let (seq, at, prev) = (self.head.seq.next(), dated(self.clock.now(), self.head.at), self.head.hash);
        let hash = chained(prev, seq, at, [&draft.actor, &draft.kind, &draft.subject], &draft.text);
        let mut event = Event {
            seq,
            at,
            actor: draft.actor.clone(),
            kind: draft.kind.clone(),
            subject: draft.subject.clone(),
            body: Arc::clone(&draft.body),
            prev,
            hash,
            change: None,
        };
        let known = match self.calls.get(&event.subject) {
            Some(call) => Some(Arc::clone(call)).filter(|call| call.status.is_open()),
            None if Recent::changes_calls(&event.kind) => self.recent.open_call(&event.subject),
            None => None,
        };
        event.change = change(&event, known.as_ref());
        if let Some(change) = &event.change {
            self.calls.insert(event.subject.clone(), Arc::clone(&change.call));
        }
        self.head = Head { seq, hash, at };
        self.entries.push(Entry { event, text: Arc::clone(&draft.text), salts: draft.salts.clone() });
        seq
    }
}
