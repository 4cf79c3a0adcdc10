//! One request of ours while it is open at a server: who hears what the server says meanwhile, and what came back. For
//! the client and the switchboard.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU8, Ordering},
};

use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{FromServer, Link, RpcError};

/// How far a request has got.
const QUEUED: u8 = 0;
const SENT: u8 = 1;
const CALLED_OFF: u8 = 2;

/// A request in flight. It travels with the request through rmcp, in the request's extensions, down to the transport.
#[derive(Debug)]
pub(super) struct Exchange {
    /// Where the server's messages go; none for a request of our own.
    messages: Option<mpsc::Sender<FromServer>>,
    /// Cancelled when nobody waits any longer.
    cancel: CancellationToken,
    /// The client's capabilities.
    capabilities: Value,
    /// Whether a progress token goes out.
    pub(super) wants_progress: bool,
    progress: AtomicU8,
    answer: Mutex<Option<Result<Value, RpcError>>>,
}

impl Exchange {
    /// An exchange on behalf of a client.
    pub(super) fn new(link: &Link) -> Self {
        Self {
            messages: Some(link.messages.clone()),
            cancel: link.cancel.clone(),
            capabilities: link.capabilities.clone(),
            wants_progress: link.wants_progress,
            progress: AtomicU8::new(QUEUED),
            answer: Mutex::default(),
        }
    }

    /// An exchange that no client knows of: a listing.
    pub(super) fn of_our_own(cancel: CancellationToken) -> Self {
        Self {
            messages: None,
            cancel,
            capabilities: Value::Object(Map::new()),
            wants_progress: false,
            progress: AtomicU8::new(QUEUED),
            answer: Mutex::default(),
        }
    }

    /// Whether a client stands behind it.
    pub(super) fn has_client(&self) -> bool {
        self.messages.is_some()
    }

    /// Says that the first byte is about to leave. False: it was called off, and must not leave.
    pub(super) fn begin_sending(&self) -> bool {
        self.progress.compare_exchange(QUEUED, SENT, Ordering::SeqCst, Ordering::SeqCst) != Err(CALLED_OFF)
    }

    /// Takes [`Exchange::begin_sending`] back: the server never got it, or refused it unread.
    pub(super) fn not_taken(&self) {
        self.progress.store(QUEUED, Ordering::SeqCst);
    }

    /// Calls it off if nothing has left yet; says whether that was so.
    pub(super) fn call_off(&self) -> bool {
        self.progress.compare_exchange(QUEUED, CALLED_OFF, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Whether the server may have got it.
    pub(super) fn was_sent(&self) -> bool {
        self.progress.load(Ordering::SeqCst) == SENT
    }

    /// Keeps what the server answered.
    pub(super) fn answered(&self, answer: Result<Value, RpcError>) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }

    /// Whether the server has answered.
    pub(super) fn is_answered(&self) -> bool {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// What the server answered, if it did.
    pub(super) fn take_answer(&self) -> Option<Result<Value, RpcError>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Hands a notification to the client; waits while the client is slow, gives up when it is gone.
    pub(super) async fn notify(&self, method: String, params: Value) {
        self.pass(FromServer::Notification { method, params }).await;
    }

    /// Asks the client and waits for its answer.
    ///
    /// # Errors
    /// The client's own error, or one that says that it cannot be asked this or is gone.
    pub(super) async fn ask(&self, method: String, params: Value) -> Result<Value, RpcError> {
        if !self.can_be_asked(&method, &params) {
            return Err(RpcError {
                code: -32601,
                message: format!("the client does not support `{method}`"),
                data: None,
            });
        }
        let (reply, answer) = oneshot::channel();
        self.pass(FromServer::Request { method, params, reply }).await;
        let gone = || RpcError { code: -32603, message: "the client is gone".to_owned(), data: None };
        tokio::select! {
            answer = answer => answer.unwrap_or_else(|_| Err(gone())),
            () = self.cancel.cancelled() => Err(gone()),
        }
    }

    /// Whether the client declared that it can answer such a request. Methods that we do not know are passed on.
    pub(super) fn can_be_asked(&self, method: &str, params: &Value) -> bool {
        let declared = |pointer| self.capabilities.pointer(pointer).is_some_and(Value::is_object);
        self.has_client()
            && match method {
                "elicitation/create" if params.get("mode").and_then(Value::as_str) == Some("url") => {
                    declared("/elicitation/url")
                }
                "elicitation/create" => declared("/elicitation"),
                "sampling/createMessage" => declared("/sampling"),
                "roots/list" => declared("/roots"),
                _ => true,
            }
    }

    async fn pass(&self, message: FromServer) {
        if let Some(messages) = &self.messages {
            tokio::select! {
                biased;
                // A failed send means that nobody listens any longer.
                _ = messages.send(message) => {}
                () = self.cancel.cancelled() => {}
            }
        }
    }
}
