//! Calls that their servers answered with a task: they are under way until the task ends. Whose they are, what clients
//! are told of them, and how they end.
//!
//! To clients, the call's id is the task's id. Each such call has one follower, a task of ours: it alone brings the call
//! to its end, whether it sees it by itself or a client does.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lru::LruCache;
use serde_json::{Map, Value, json};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    Mediator,
    sending::{Ended, Told},
};
use crate::{
    call::{Call, CallId, Caller},
    downstream::{Link, RpcError, ServerError, TASKS, TaskEnd, ToolServer, declares_tasks, task_end, without_tasks},
};

/// Most tasks that are followed at a time, and calls that may become one.
const MOST_OPEN: usize = 256;
/// Most tasks that have ended and are remembered. The one that was asked after longest ago makes room.
const MOST_ENDED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);
/// Most bytes of their last states.
const MOST_BYTES: usize = 64 << 20;
/// The longest that a task is followed.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// For how long a server may fail to tell of a task before the call counts as unknown.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// How long a server may take to tell of a task.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// How often a server is asked after a task that no client asks after, if it does not say how often it wants to be.
const PAUSE: Duration = Duration::from_secs(5);
/// The least and the most often that it is asked.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// The calls that became tasks.
#[derive(Debug)]
pub(super) struct Deferred {
    room: Arc<Semaphore>,
    known: Mutex<Known>,
}

/// Those that clients may ask after, by the id that clients know.
#[derive(Debug)]
struct Known {
    open: HashMap<String, Arc<Job>>,
    /// With the size of the last state, as JSON.
    ended: LruCache<String, (Arc<Job>, usize)>,
}

/// What clients ask after.
#[derive(Debug)]
struct Job {
    server: Arc<dyn ToolServer>,
    /// The server's own id of the task.
    task: String,
    call: CallId,
    principal: String,
    /// Tells the follower of a state of the task that the server told a client.
    heard: mpsc::Sender<Value>,
    /// The task's last state, once it has ended, with what the policies left of its result.
    end: watch::Receiver<Option<Arc<Value>>>,
}

/// What brings a call to its end.
struct Follower {
    job: Arc<Job>,
    call: Call,
    began: Instant,
    heard: mpsc::Receiver<Value>,
    ends: watch::Sender<Option<Arc<Value>>>,
    pause: Duration,
    room: OwnedSemaphorePermit,
}

impl Deferred {
    pub(super) fn new() -> Self {
        let known = Known { open: HashMap::new(), ended: LruCache::new(MOST_ENDED) };
        Self { room: Arc::new(Semaphore::new(MOST_OPEN)), known: Mutex::new(known) }
    }

    /// Reserves room for the task that a call may become. Where there is none, its server is told that the client takes
    /// no tasks, and answers the call itself.
    pub(super) fn room_for(&self, link: &mut Link) -> Option<OwnedSemaphorePermit> {
        if !declares_tasks(&link.capabilities) {
            return None;
        }
        let room = Arc::clone(&self.room).try_acquire_owned().ok();
        if room.is_none() {
            without_tasks(&mut link.capabilities);
        }
        room
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing done under this lock can panic half-way.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The task with this id, if it is this principal's.
    fn of(&self, id: &str, principal: &str) -> Option<Arc<Job>> {
        let mut known = self.known();
        let Known { open, ended } = &mut *known;
        let job = open.get(id).or_else(|| ended.get(id).map(|(job, _)| job));
        job.filter(|job| job.principal == principal).cloned()
    }

    fn opened(&self, job: Arc<Job>) {
        self.known().open.insert(job.call.to_string(), job);
    }

    /// Keeps a task that has ended with a last state of so many bytes, and forgets those that were asked after longest
    /// ago, if what is kept of all is too much.
    fn ended(&self, job: Arc<Job>, size: usize) {
        let mut known = self.known();
        let id = job.call.to_string();
        known.open.remove(&id);
        known.ended.put(id, (job, size));
        let mut all: usize = known.ended.iter().map(|(_, (_, size))| size).sum();
        while all > MOST_BYTES && known.ended.len() > 1 {
            all -= known.ended.pop_lru().map_or(all, |(_, (_, size))| size);
        }
    }

    fn forget(&self, job: &Job) {
        self.known().open.remove(job.call.as_str());
    }
}

impl Job {
    /// A state of the task with the id that clients know.
    fn named_for_clients(&self, mut state: Value) -> Value {
        if let Some(fields) = state.as_object_mut() {
            fields.insert("taskId".to_owned(), self.call.as_str().into());
        }
        state
    }

    /// The same for a task that has not ended: it has no result yet, and what no policy has looked at must not pass.
    fn still_open(&self, mut state: Value) -> Value {
        if let Some(fields) = state.as_object_mut() {
            fields.shift_remove("result");
        }
        self.named_for_clients(state)
    }
}

impl Mediator {
    /// Takes on a call whose server answered with a task. Returns what its client is told.
    pub(super) fn defer(
        &self,
        server: Arc<dyn ToolServer>,
        call: Call,
        task: String,
        result: Value,
        began: Instant,
        room: OwnedSemaphorePermit,
    ) -> Value {
        let (heard, hears) = mpsc::channel(1);
        let (ends, end) = watch::channel(None);
        let (id, principal) = (call.id.clone(), call.caller.principal.clone());
        let job = Arc::new(Job { server, task, call: id, principal, heard, end });
        self.parts().deferred.opened(Arc::clone(&job));
        tracing::info!(call.id = %call.id, tool = %call.tool, "the call became a task");
        let pause = pause(&result);
        let told = job.still_open(result);
        let follower = Follower { job, call, began, heard: hears, ends, pause, room };
        let mediator = self.clone();
        self.parts().tasks.spawn("deferred call", async move { mediator.follow(follower).await });
        told
    }

    /// A caller's request about a task: `tasks/get`, `tasks/update` or `tasks/cancel`, with the id that clients know.
    ///
    /// # Errors
    /// `-32602` if there is no such task, or it is another principal's; else as for any request to a server.
    pub async fn task(
        &self,
        method: &str,
        mut params: Map<String, Value>,
        caller: &Caller,
        link: Link,
    ) -> Result<Value, ServerError> {
        let unknown = || ServerError::Rpc(RpcError { code: -32602, message: "unknown task".to_owned(), data: None });
        let id = params.get("taskId").and_then(Value::as_str).unwrap_or_default();
        let job = self.parts().deferred.of(id, &caller.principal).ok_or_else(unknown)?;
        let asks = method == "tasks/get";
        if let (true, Some(end)) = (asks, job.end.borrow().as_deref()) {
            return Ok(end.clone());
        }
        params.insert("taskId".to_owned(), job.task.clone().into());
        let answer = job.server.request(method, Value::Object(params), link).await?;
        if !asks {
            return Ok(answer);
        }
        if task_end(&answer).is_none() {
            // The follower need not ask as soon, then; if it is busy it will.
            drop(job.heard.try_send(answer.clone()));
            return Ok(job.still_open(answer));
        }
        // A follower that is gone has brought the call to its end, or given it up.
        drop(job.heard.send(answer).await);
        let mut end = job.end.clone();
        let end = end.wait_for(Option::is_some).await.map_err(|_| unknown())?;
        end.as_deref().cloned().ok_or_else(unknown)
    }

    /// Sees to it that the call comes to its end.
    async fn follow(&self, follower: Follower) {
        let Follower { job, call, began, mut heard, ends, mut pause, room } = follower;
        let stopping = self.parts().tasks.stopping();
        let last_moment = Instant::now() + LONGEST;
        let mut silent_since = None;
        let reason = loop {
            let asked = async {
                tokio::time::sleep(pause).await;
                ask(&job).await
            };
            let told = tokio::select! {
                biased;
                Some(state) = heard.recv() => Ok(state),
                () = stopping.cancelled() => break "the gateway stopped before the task ended".to_owned(),
                told = asked => told,
                () = tokio::time::sleep_until(last_moment) => break "the task did not end within a day".to_owned(),
            };
            match told {
                Ok(state) => match task_end(&state) {
                    Some(end) => {
                        let state = job.named_for_clients(self.end(&call, end, state, began.elapsed()).await);
                        let size = state.to_string().len();
                        self.parts().deferred.ended(job, size);
                        drop(room);
                        ends.send_replace(Some(Arc::new(state)));
                        return;
                    }
                    None => (pause, silent_since) = (self::pause(&state), None),
                },
                Err(ServerError::Rpc(error)) if error.code == -32602 => {
                    break "the server no longer knows the task".to_owned();
                }
                Err(error) => {
                    if silent_since.get_or_insert_with(Instant::now).elapsed() >= PATIENCE {
                        break error.to_string();
                    }
                }
            }
        };
        self.parts().deferred.forget(&job);
        let lost = ServerError::Lost { server: job.server.name().to_owned(), reason };
        self.conclude(&call, Ended::of(&call, Err(lost)), began.elapsed()).await;
    }

    /// Records how the call ended. Returns the task's last state, with what the policies left of its result.
    async fn end(&self, call: &Call, end: TaskEnd, mut state: Value, took: Duration) -> Value {
        let ended = match end {
            TaskEnd::Answered(answer) => Ended::of(call, answer.map_err(ServerError::Rpc)),
            TaskEnd::Cancelled => Ended::cancelled("the server cancelled the task"),
        };
        let is_complete = state.get("result").is_some();
        let told = self.conclude(call, ended, took).await;
        let Some(fields) = state.as_object_mut() else { return state };
        match told {
            Told::Result(result) if is_complete => {
                fields.insert("result".to_owned(), result);
            }
            Told::Refused(refused) if is_complete => {
                fields.insert("result".to_owned(), self.refusal(call, refused).1);
            }
            Told::Error(error) => {
                fields.shift_remove("result");
                fields.insert("status".to_owned(), "failed".into());
                fields.entry("error").or_insert_with(|| json!({"code": error.code, "message": error.message}));
            }
            // It has no result.
            Told::Result(_) | Told::Refused(_) => {}
        }
        state
    }
}

/// Asks the server after the task, on nobody's behalf.
async fn ask(job: &Job) -> Result<Value, ServerError> {
    let cancel = CancellationToken::new();
    // However this ends, what was asked is over then.
    let _over = cancel.clone().drop_guard();
    let link = Link {
        // Nobody reads along.
        messages: mpsc::channel(1).0,
        cancel,
        meta: Map::new(),
        wants_progress: false,
        capabilities: json!({"extensions": {TASKS: {}}}),
        takes_input_required: true,
        resumes: None,
        log_level: None,
    };
    let answer = job.server.request("tasks/get", json!({"taskId": job.task}), link);
    match tokio::time::timeout(ANSWER_TIME, answer).await {
        Ok(answer) => answer,
        Err(_) => {
            let reason = format!("it did not tell of a task within {} s", ANSWER_TIME.as_secs());
            Err(ServerError::Lost { server: job.server.name().to_owned(), reason })
        }
    }
}

/// How long to wait before asking after a task again.
fn pause(state: &Value) -> Duration {
    let wanted = state.get("pollIntervalMs").and_then(Value::as_u64).map_or(PAUSE, Duration::from_millis);
    wanted.clamp(PAUSES.0, PAUSES.1)
}
