//! One client's connection: the stdio streams, or a session of HTTP before 2026-07-28. What is open on it, both ways.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{
    client::Facts,
    message::{INVALID_PARAMS, INVALID_REQUEST, Object, notification, rpc},
    subscriptions::MOST,
};
use crate::downstream::RpcError;

/// What is remembered of a connection while it lasts.
#[derive(Debug)]
pub(super) struct Connection {
    /// Id of the session that all its calls belong to.
    pub(super) session: String,
    /// Cancelled when nothing new is to begin: announcements end, open requests may finish.
    pub(super) closing: CancellationToken,
    /// Cancelled when the connection is over: everything open on it is called off.
    pub(super) over: CancellationToken,
    state: Mutex<State>,
    next_question: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// From `initialize`; none before it.
    facts: Option<Facts>,
    /// The client's requests that are not answered yet, by the JSON text of their id.
    open: HashMap<String, CancellationToken>,
    /// Our questions to the client that are not answered yet.
    asked: HashMap<u64, oneshot::Sender<Result<Value, RpcError>>>,
    /// Resources that the client subscribed to.
    subscribed: HashSet<String>,
}

impl Connection {
    /// A connection of the session with this id; it closes with `closing` and is over with `over`, if not sooner.
    pub(super) fn new(session: String, closing: &CancellationToken, over: &CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            session,
            closing: closing.child_token(),
            over: over.child_token(),
            state: Mutex::default(),
            next_question: AtomicU64::new(1),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing done under this lock can panic half-way, so a poisoned state is as good as any.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `initialize` said; none before it.
    pub(super) fn facts(&self) -> Option<Facts> {
        self.state().facts.clone()
    }

    /// Takes in what `initialize` said.
    pub(super) fn introduce(&self, facts: Facts) {
        self.state().facts = Some(facts);
    }

    /// Sets the log level for the rest of the session.
    pub(super) fn set_level(&self, level: &str) {
        if let Some(facts) = self.state().facts.as_mut() {
            facts.log_level = Some(level.to_owned());
        }
    }

    /// Notes that a request is open. Its token is cancelled when the client calls it off, or is gone.
    ///
    /// # Errors
    /// `-32600` if a request with this id is open already.
    pub(super) fn open(self: &Arc<Self>, id: &Value) -> Result<Open, RpcError> {
        let key = id.to_string();
        let mut state = self.state();
        if state.open.contains_key(&key) {
            return Err(rpc(INVALID_REQUEST, "a request with this id is open already"));
        }
        let cancel = self.over.child_token();
        state.open.insert(key.clone(), cancel.clone());
        Ok(Open { cancel, key, connection: Arc::clone(self) })
    }

    /// Whether nothing is open.
    pub(super) fn is_idle(&self) -> bool {
        self.state().open.is_empty()
    }

    /// Takes in a notification of the client.
    pub(super) fn told(&self, method: &str, params: &Object) {
        if method == "notifications/cancelled"
            && let Some(id) = params.get("requestId")
            && let Some(cancel) = self.state().open.get(&id.to_string())
        {
            cancel.cancel();
        }
    }

    /// Takes in the client's answer to a question. One that nobody waits for any more is dropped.
    pub(super) fn answered(&self, id: &Value, outcome: Result<Value, RpcError>) {
        let waiting = id.as_u64().and_then(|id| self.state().asked.remove(&id));
        if let Some(waiting) = waiting {
            // The asker may have been called off in the meantime.
            drop(waiting.send(outcome));
        }
    }

    /// Registers a question to the client.
    pub(super) fn question(self: &Arc<Self>) -> Question {
        let id = self.next_question.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        self.state().asked.insert(id, reply);
        Question { id, answer, connection: Arc::clone(self) }
    }

    /// Notes a subscription; false if there was one already.
    ///
    /// # Errors
    /// `-32602` if there are too many.
    pub(super) fn subscribe(&self, uri: &str) -> Result<bool, RpcError> {
        let mut state = self.state();
        if state.subscribed.len() >= MOST && !state.subscribed.contains(uri) {
            return Err(rpc(INVALID_PARAMS, format!("more than {MOST} resources")));
        }
        Ok(state.subscribed.insert(uri.to_owned()))
    }

    /// Forgets a subscription; false if there was none.
    pub(super) fn unsubscribe(&self, uri: &str) -> bool {
        self.state().subscribed.remove(uri)
    }

    /// Whether the client subscribed to this resource.
    pub(super) fn subscribed(&self, uri: &str) -> bool {
        self.state().subscribed.contains(uri)
    }

    /// All subscriptions, forgotten.
    pub(super) fn take_subscriptions(&self) -> HashSet<String> {
        std::mem::take(&mut self.state().subscribed)
    }
}

/// An open request; closed when dropped.
#[derive(Debug)]
pub(super) struct Open {
    /// Cancelled when the request is called off.
    pub(super) cancel: CancellationToken,
    key: String,
    connection: Arc<Connection>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connection.state().open.remove(&self.key);
    }
}

/// A question to the client that waits for its answer; forgotten when dropped.
#[derive(Debug)]
pub(super) struct Question {
    /// Id of the request to send.
    pub(super) id: u64,
    answer: oneshot::Receiver<Result<Value, RpcError>>,
    connection: Arc<Connection>,
}

impl Question {
    /// The client's answer; none if the connection is over.
    pub(super) async fn answer(&mut self) -> Option<Result<Value, RpcError>> {
        tokio::select! {
            answer = &mut self.answer => answer.ok(),
            () = self.connection.over.cancelled() => None,
        }
    }

    /// What tells the client that an answer is no longer wanted; none if it has answered.
    pub(super) fn withdrawal(&self) -> Option<Value> {
        let open = self.connection.state().asked.contains_key(&self.id);
        open.then(|| notification("notifications/cancelled", json!({"requestId": self.id})))
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.connection.state().asked.remove(&self.id);
    }
}
