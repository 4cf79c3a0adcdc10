//! What everyone else may do with the journal.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::Duration,
};

use interlock_glob::Glob;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Admission, Committed, Config, Draft, Event, Guard, JournalError, KeyValue, PastCall, Permit, Query, Sequence,
    Status, Turn,
    event::dated,
    kind,
    looking::{catch_up, look},
    mirror::Mirror,
    peers::{Alive, Peers, recover},
    prepare::Keeping,
    private,
    recent::Recent,
    sqlite::{Sqlite, beside, resolved},
    store::Store,
    turn::Lender,
    unsent::Waiting,
    verify::{Verified, verify},
    writer::{Commit, Request, Writer},
};
use crate::{
    call::{Call, Caller},
    clock::{Clock, Timestamp},
    tasks::Tasks,
};

/// How many requests may wait for the writer. Whoever comes then waits for room.
const MOST_WAITING: usize = 1024;
/// How often a process looks for processes that have died.
const MOURN: Duration = Duration::from_secs(3);

/// The journal, as one process uses it. Clones share everything.
#[derive(Clone, Debug)]
pub struct Journal {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: Arc<dyn Store>,
    recent: Arc<Recent>,
    clock: Arc<dyn Clock>,
    lender: Lender,
    mirror: Option<PathBuf>,
    peers: Peers,
    components: PathBuf,
    alive: Alive,
    // The writer is waited for by `close`; the helpers end with the owner's tasks.
    writer: Tasks,
    helpers: Tasks,
}

impl Journal {
    /// Opens the journal, and makes it if it is not there.
    ///
    /// The writer lives until [`Journal::close`], so that others can record their end while `tasks` are being stopped;
    /// everything else ends with `tasks`.
    ///
    /// # Errors
    /// If the file cannot be opened or was made by a newer version.
    pub async fn open(config: Config, clock: Arc<dyn Clock>, tasks: Tasks) -> Result<Self, JournalError> {
        let store = Arc::new(Sqlite::open(&config).await?);
        Self::over(store, config, clock, tasks).await
    }

    /// Opens the journal over a store.
    pub(super) async fn over(
        store: Arc<dyn Store>,
        config: Config,
        clock: Arc<dyn Clock>,
        tasks: Tasks,
    ) -> Result<Self, JournalError> {
        let (head, open) = store.opening().await?;
        let recent = Arc::new(Recent::new(head, open));
        let process: Arc<str> = Uuid::now_v7().to_string().into();
        let peers = Peers::open(beside(&resolved(&config.path), "-peers"))?;
        let alive = peers.join(&process)?;
        let (requests, waiting) = mpsc::channel(MOST_WAITING);
        let keeping = Arc::new(Keeping::new(&config));
        let (writer, helpers) = (Tasks::new(), tasks.child());
        let write = Writer::new(
            Arc::clone(&store),
            Arc::clone(&recent),
            Arc::clone(&clock),
            waiting,
            Arc::clone(&keeping),
            config.durability,
        );
        writer.spawn("journal writer", write.run());
        let stopping = helpers.stopping();
        helpers.spawn("journal reader", look(Arc::clone(&store), Arc::clone(&recent), stopping.clone()));
        if let Some(dir) = config.mirror_dir.clone() {
            // Now, because later nobody would be told but the log.
            private::create_folder(&dir).map_err(|source| JournalError::File { path: dir.clone(), source })?;
            let mirror = Mirror::new(dir, Arc::clone(&store), recent.changes(), stopping.clone());
            helpers.spawn("journal mirror", mirror.run());
        }
        let lender = Lender { keeping, process, requests };
        let (components, mirror) = (config.components(), config.mirror_dir);
        let shared =
            Shared { store, recent, clock, lender, mirror, peers: peers.clone(), components, alive, writer, helpers };
        let journal = Self { shared: Arc::new(shared) };
        recover(&journal, &peers).await?;
        let watched = Arc::downgrade(&journal.shared);
        journal.shared.helpers.spawn("journal peers", watch_peers(watched, peers, stopping));
        Ok(journal)
    }

    /// The ids of all processes that use this journal now, this one included, in the order in which they began.
    ///
    /// # Errors
    /// If their folder cannot be read.
    pub fn living(&self) -> Result<Vec<String>, JournalError> {
        let Peers { folder } = &self.shared.peers;
        self.shared.peers.living().map_err(|source| JournalError::File { path: folder.clone(), source })
    }

    /// Where the files are that tell who lives.
    pub(super) fn peers_folder(&self) -> &Path {
        &self.shared.peers.folder
    }

    /// The folder beside it for the components that judged calls, so that one can be gone back to. It may not be there.
    pub fn components(&self) -> &Path {
        &self.shared.components
    }

    /// Id of this process in the journal: a UUIDv7, new each time the journal is opened.
    pub fn process(&self) -> &str {
        &self.shared.lender.process
    }

    /// Appends events, all or none, and returns the position of the last once they are durable.
    ///
    /// # Errors
    /// If they could not be recorded; then none is.
    pub async fn append(&self, drafts: Vec<Draft>) -> Result<Sequence, JournalError> {
        match self.ask(drafts, None).await? {
            Committed::At(seq) => Ok(seq),
            // Without a guard there is nothing to conflict with.
            Committed::Conflict => Ok(self.head()),
        }
    }

    /// Appends events, all or none, if the guard holds at that moment.
    ///
    /// # Errors
    /// If they could not be recorded; then none is.
    pub async fn commit(&self, drafts: Vec<Draft>, guard: Guard) -> Result<Committed, JournalError> {
        self.ask(drafts, Some(guard)).await
    }

    /// Admits a call if the guard holds at that moment: the permit comes once the admission is durable. The first draft
    /// admits the call; the others, if any, are recorded with it.
    ///
    /// # Errors
    /// If it could not be recorded, or the first draft does not admit this very call.
    pub async fn admit(&self, call: Call, drafts: Vec<Draft>, guard: Guard) -> Result<Admission, JournalError> {
        let others = admits(&call, &drafts, self.process())?;
        let answer = self.hand_over(drafts, Some(guard)).await?;
        let waiting = Waiting { call: &call, answer, lender: &self.shared.lender };
        Ok(match waiting.answer().await? {
            Committed::At(last) => Admission::Admitted(Permit::new(call, last.back(others))),
            Committed::Conflict => Admission::Conflict,
        })
    }

    /// Takes the writer's turn, for a call that could not be decided otherwise: see [`Turn`].
    ///
    /// # Errors
    /// If the turn cannot be had.
    pub async fn turn(&self) -> Result<Turn, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Turn(self.shared.lender.clone(), reply)).await?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    /// Records something that has happened and cannot be undone, such as the end of a call. Does not wait for the disk,
    /// only for room in the queue; durable within 50 ms, and tried again for as long as the store fails.
    ///
    /// # Errors
    /// If the journal is closed.
    pub async fn finish(&self, draft: Draft) -> Result<(), JournalError> {
        let draft = self.shared.lender.keeping.prepare(draft);
        self.send(Request::Commit(Commit { drafts: vec![draft], guard: None, must: true, reply: None })).await
    }

    /// As [`Journal::finish`], and waits until other processes can see it.
    ///
    /// # Errors
    /// If it could not be recorded yet. It is tried again all the same, unless the journal is closed.
    pub async fn finish_for_all(&self, draft: Draft) -> Result<(), JournalError> {
        let drafts = vec![self.shared.lender.keeping.prepare(draft)];
        let (reply, answer) = oneshot::channel();
        self.send(Request::Commit(Commit { drafts, guard: None, must: true, reply: Some(reply) })).await?;
        answer.await.map_err(|_| JournalError::Closed)?.map(drop)
    }

    /// The last event that this process knows of.
    pub fn head(&self) -> Sequence {
        self.shared.recent.head().seq
    }

    /// Learns what other processes have appended, and returns the last event. One small read if they have not.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn refresh(&self) -> Result<Sequence, JournalError> {
        let Shared { store, recent, .. } = self.shared.as_ref();
        if store.hint()? > recent.head().seq {
            catch_up(store.as_ref(), recent).await?;
        }
        Ok(recent.head().seq)
    }

    /// Whether an event that this process knows of goes against the guard. Events that are no longer at hand count as
    /// such: it is an occasion to look again, never an assurance.
    pub fn disturbed(&self, guard: &Guard) -> bool {
        self.shared.recent.any_since(guard.since, |event| (guard.disturbed_by)(event)).unwrap_or(true)
    }

    /// Every call that is open as far as this process knows: running, or of unknown outcome and not settled.
    pub fn open_calls(&self) -> Vec<Arc<PastCall>> {
        let mut open = self.shared.recent.open_calls(|_| true).1;
        open.sort_by_key(|call| call.seq);
        open
    }

    /// Fires for every event, whoever wrote it; others' within about 20 ms. Carries the last position.
    pub fn changes(&self) -> watch::Receiver<Sequence> {
        self.shared.recent.changes()
    }

    /// All events after a position that this process knows of; for folds. Those that change a call have that change, and
    /// no body. None: some of them are no longer at hand, and must be read from the store with [`Journal::read`].
    pub fn since(&self, after: Sequence) -> Option<Vec<Arc<Event>>> {
        self.shared.recent.since(after)
    }

    /// Events for an audit, in order.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn read(&self, query: &Query) -> Result<Vec<Event>, JournalError> {
        self.shared.store.read(query).await
    }

    /// Looks whether the whole chain is there and unchanged, and goes as far as its mirror. Reads every event.
    ///
    /// # Errors
    /// If the store cannot be read. A broken chain is not an error: it is what was asked for.
    pub async fn verify(&self) -> Result<Verified, JournalError> {
        verify(self.shared.store.as_ref(), self.shared.mirror.as_deref()).await
    }

    /// What a server's toolset remembers between calls.
    pub fn store_for(&self, server: &str) -> KeyValue {
        KeyValue { store: Arc::clone(&self.shared.store), server: server.into() }
    }

    /// The time now, as an event would be dated: not before the last one, even if the clock was set back.
    pub fn now(&self) -> Timestamp {
        dated(self.shared.clock.now(), self.shared.recent.head().at)
    }

    /// Waits until everything that was handed over before is durable.
    ///
    /// # Errors
    /// If the journal is closed.
    pub async fn flush(&self) -> Result<(), JournalError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Flush(reply)).await?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    /// Makes everything durable that was handed over, and ends. Whoever comes later is told that it is closed. Returns
    /// whether all ended within `grace`.
    pub async fn close(&self, grace: Duration) -> bool {
        // If it cannot be sent, the writer has ended already.
        let _ = self.send(Request::Close).await;
        let written = self.shared.writer.stop(grace).await;
        let helped = self.shared.helpers.stop(grace).await;
        let process = self.process();
        let (_, left) = self.shared.recent.open_calls(|call| call.status == Status::Running && call.process == process);
        // What is left open is closed by the next process that looks.
        if left.is_empty() && written {
            self.shared.alive.leave();
        }
        if let Ok(Err(error)) = tokio::time::timeout(grace, self.shared.store.close()).await {
            tracing::warn!(%error, "the journal's file was left for the next process to tidy up");
        }
        written && helped
    }

    /// Whether what calls of such tools have at a JSON Pointer into their arguments is redacted, or something of it.
    pub(crate) fn hides(&self, tools: &Glob, pointer: &str) -> bool {
        self.shared.lender.keeping.hides(tools, pointer)
    }

    /// For the ledger.
    pub(crate) fn store(&self) -> &dyn Store {
        self.shared.store.as_ref()
    }

    /// For the ledger.
    pub(crate) fn recent(&self) -> &Recent {
        &self.shared.recent
    }

    /// Learns of everything up to a position that the store has told of.
    pub(crate) async fn reach(&self, seq: Sequence) -> Result<(), JournalError> {
        if seq > self.head() {
            catch_up(self.store(), self.recent()).await?;
        }
        Ok(())
    }

    async fn ask(&self, drafts: Vec<Draft>, guard: Option<Guard>) -> Result<Committed, JournalError> {
        self.hand_over(drafts, guard).await?.await.map_err(|_| JournalError::Closed)?
    }

    async fn hand_over(
        &self,
        drafts: Vec<Draft>,
        guard: Option<Guard>,
    ) -> Result<oneshot::Receiver<Result<Committed, JournalError>>, JournalError> {
        let drafts = drafts.into_iter().map(|draft| self.shared.lender.keeping.prepare(draft)).collect();
        let (reply, answer) = oneshot::channel();
        self.send(Request::Commit(Commit { drafts, guard, must: false, reply: Some(reply) })).await?;
        Ok(answer)
    }

    async fn send(&self, request: Request) -> Result<(), JournalError> {
        self.shared.lender.requests.send(request).await.map_err(|_| JournalError::Closed)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Without a handle there is nobody to look for. The writer ends by itself, once it has written everything.
        self.helpers.stopping().cancel();
    }
}

/// Makes sure that the first draft admits this very call, and says enough for the ledger to remember it. Returns how many
/// others there are.
pub(super) fn admits(call: &Call, drafts: &[Draft], process: &str) -> Result<u64, JournalError> {
    let malformed = |reason: &str| {
        let kind = drafts.first().map_or(kind::CALL_ADMITTED, |draft| draft.kind.as_str());
        Err(JournalError::Malformed { kind: kind.to_owned(), reason: reason.to_owned() })
    };
    let Some((draft, others)) = drafts.split_first() else { return malformed("there is no draft") };
    if draft.kind != kind::CALL_ADMITTED || draft.subject != call.id.as_str() {
        return malformed("it does not admit this call");
    }
    let says = |key: &str, text: &str| draft.body.get(key).and_then(Value::as_str) == Some(text);
    let caller = draft.body.get("caller").map(Caller::deserialize);
    if !says("process", process) {
        return malformed("it does not name this process");
    }
    if !says("tool", call.tool.as_str())
        || !says("session", &call.session)
        || !matches!(caller, Some(Ok(caller)) if caller == call.caller)
        || !draft.body.get("arguments").is_some_and(Value::is_object)
    {
        return malformed("tool, caller or session are not the call's, or there are no arguments");
    }
    Ok(u64::try_from(others.len()).unwrap_or(u64::MAX))
}

/// Looks now and then for processes that have died.
async fn watch_peers(journal: Weak<Shared>, peers: Peers, stopping: CancellationToken) {
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(MOURN) => {}
        }
        let Some(shared) = journal.upgrade() else { return };
        if let Err(error) = recover(&Journal { shared }, &peers).await {
            tracing::warn!(%error, "calls of processes that have died could not be closed");
        }
    }
}
