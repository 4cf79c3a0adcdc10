//! The line back to the AI app while one of its requests is open downstream.

use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// What a server may need of the client while it answers one request.
///
/// Everything that the server sends for this request arrives at `messages` in wire order, and all of it before the
/// request's answer is returned. Clones share the client; each open request has its own.
#[derive(Clone, Debug)]
pub struct Link {
    /// Takes what the server sends. Bounded: a slow client slows its server down.
    pub messages: mpsc::Sender<FromServer>,
    /// Cancelled when the client calls the request off or is gone.
    pub cancel: CancellationToken,
    /// The request's `_meta` as the client sent it, without the progress token and the keys that the protocol itself
    /// owns (`io.modelcontextprotocol/…`).
    pub meta: Map<String, Value>,
    /// Whether the client asked for progress.
    pub wants_progress: bool,
    /// The client's capabilities (MCP `ClientCapabilities`).
    pub capabilities: Value,
    /// Whether the client can take `input_required` for an answer and come back (MCP 2026-07-28).
    pub takes_input_required: bool,
    /// What the client answered to an earlier `input_required`: the `inputResponses` and `requestState` of its request.
    pub resumes: Option<Resume>,
    /// Log level that the client asked for, for this request (MCP 2026-07-28) or the whole session.
    pub log_level: Option<String>,
}

/// Whether a client with these capabilities can put a form to the person at it. A capability that names no mode means
/// forms (MCP 2025-11-25, elicitation).
pub fn takes_forms(capabilities: &Value) -> bool {
    capabilities
        .get("elicitation")
        .filter(|elicitation| elicitation.is_object())
        .is_some_and(|elicitation| elicitation.get("form").is_some() || elicitation.get("url").is_none())
}

/// A client's answer to `input_required`.
#[derive(Clone, Debug)]
pub struct Resume {
    /// `inputResponses`, as sent.
    pub responses: Value,
    /// The downstream server's own `requestState`, as that server gave it.
    pub state: Option<String>,
}

/// Something that a server sends while a request is open.
#[derive(Debug)]
pub enum FromServer {
    /// A notification. Progress comes without its token: the receiver puts the client's own in.
    Notification {
        /// `notifications/progress`, `notifications/message`, …
        method: String,
        /// Its parameters.
        params: Value,
    },
    /// A request to the client: sampling, elicitation, roots.
    Request {
        /// `elicitation/create`, `sampling/createMessage`, `roots/list`.
        method: String,
        /// Its parameters.
        params: Value,
        /// Takes the client's answer. Dropped unanswered: the client is gone.
        reply: oneshot::Sender<Result<Value, RpcError>>,
    },
}

/// A JSON-RPC error object.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct RpcError {
    /// JSON-RPC or MCP code.
    pub code: i64,
    /// One sentence.
    pub message: String,
    /// Whatever else was said.
    pub data: Option<Value>,
}

impl RpcError {
    /// For a server that answered with something that is no answer.
    pub(super) fn not_a_result() -> Self {
        Self { code: -32603, message: "the server's answer is not a result".to_owned(), data: None }
    }
}
