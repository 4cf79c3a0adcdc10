//! One request of ours while it is open at a server: who hears what the server says meanwhile, and what came back. For
//! the client and the switchboard.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot, watch};
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
    /// Moves whenever the server says something that belongs to it.
    signs: watch::Sender<()>,
    /// What the client has to take or answer before it is the server's turn again.
    with_client: AtomicUsize,
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
            signs: watch::Sender::default(),
            with_client: AtomicUsize::new(0),
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
            signs: watch::Sender::default(),
            with_client: AtomicUsize::new(0),
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

    /// Waits until the server has said nothing that belongs to it for so long. While the client has to answer, or does
    /// not keep up, it is not the server who is waited for.
    pub(super) async fn silent_for(&self, limit: Duration) {
        self.silent(|| tokio::time::sleep(limit)).await;
    }

    async fn silent<F: Future<Output = ()>>(&self, limit: impl Fn() -> F) {
        let mut signs = self.signs.subscribe();
        loop {
            tokio::select! {
                biased;
                // The sender lives as long as we do.
                _ = signs.changed() => {}
                () = limit() => if self.with_client.load(Ordering::SeqCst) == 0 { return },
            }
        }
    }

    /// Hands a notification to the client; waits while the client is slow, gives up when it is gone.
    pub(super) async fn notify(&self, method: String, params: Value) {
        let _turn = ClientsTurn::begin(self);
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
        let _turn = ClientsTurn::begin(self);
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

/// Something that the client has to take or answer, until it has, or that is given up.
struct ClientsTurn<'a>(&'a Exchange);

impl<'a> ClientsTurn<'a> {
    fn begin(exchange: &'a Exchange) -> Self {
        exchange.with_client.fetch_add(1, Ordering::SeqCst);
        Self(exchange)
    }
}

impl Drop for ClientsTurn<'_> {
    fn drop(&mut self) {
        self.0.with_client.fetch_sub(1, Ordering::SeqCst);
        self.0.signs.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::{FutureExt, poll};
    use serde_json::json;
    use tokio::sync::Semaphore;

    use super::*;

    fn exchange() -> (Exchange, mpsc::Receiver<FromServer>) {
        let (messages, received) = mpsc::channel(4);
        let link = Link {
            messages,
            cancel: CancellationToken::new(),
            meta: Map::new(),
            wants_progress: true,
            capabilities: json!({"roots": {}}),
            takes_input_required: false,
            resumes: None,
            log_level: None,
        };
        (Exchange::new(&link), received)
    }

    /// Limits that are over when the test says so: how many have begun, and the means to end one.
    fn limits() -> (Arc<AtomicUsize>, Arc<Semaphore>, impl Fn() -> futures::future::BoxFuture<'static, ()>) {
        let (begun, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let (counts, waits) = (Arc::clone(&begun), Arc::clone(&over));
        let limit = move || {
            counts.fetch_add(1, Ordering::SeqCst);
            let waits = Arc::clone(&waits);
            async move { waits.acquire().await.unwrap().forget() }.boxed()
        };
        (begun, over, limit)
    }

    #[tokio::test]
    async fn each_sign_of_life_begins_the_wait_anew() {
        let (exchange, mut received) = exchange();
        let (begun, over, limit) = limits();
        let mut silence = std::pin::pin!(exchange.silent(limit));
        for nth in 1..=3 {
            assert!(poll!(&mut silence).is_pending());
            assert_eq!(begun.load(Ordering::SeqCst), nth);
            exchange.notify("notifications/progress".to_owned(), json!({})).await;
            received.recv().await.unwrap();
        }
        over.add_permits(1);
        silence.await;
        assert_eq!(begun.load(Ordering::SeqCst), 4);
    }

    #[tokio::test]
    async fn a_server_that_waits_for_the_client_is_not_silent() {
        let (exchange, mut received) = exchange();
        let (_, over, limit) = limits();
        let mut silence = std::pin::pin!(exchange.silent(limit));
        {
            let mut question = std::pin::pin!(exchange.ask("roots/list".to_owned(), json!({})));
            assert!(poll!(&mut question).is_pending());
            let Some(FromServer::Request { reply, .. }) = received.recv().await else { panic!("nothing is asked") };
            for _ in 0..3 {
                over.add_permits(1);
                assert!(poll!(&mut silence).is_pending());
            }
            reply.send(Ok(json!({}))).unwrap();
            question.await.unwrap();
        }
        assert!(poll!(&mut silence).is_pending());
        over.add_permits(1);
        silence.await;
    }
}
