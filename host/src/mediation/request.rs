//! What a door asks of the line that calls take, and what it is answered.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{ClientAnswer, ClientQuestion, Refused};
use crate::{
    call::{Batch, Call, CallId, Caller},
    downstream::{RpcError, ToolServer},
};

/// One request to run one tool, as a door received it.
#[derive(Clone, Debug)]
pub struct CallRequest {
    /// The name that AI apps see, or `server/tool`.
    pub tool: String,
    /// The arguments; empty if none were sent.
    pub arguments: Map<String, Value>,
    /// Parameters beside the name, the arguments and `_meta`, as sent.
    pub beside: Map<String, Value>,
    /// By whom, as the door established it.
    pub caller: Caller,
    /// In which session.
    pub session: String,
    /// The call that had asked for input and that this one goes on with.
    pub continues: Option<CallId>,
    /// What its caller calls this piece of work, which is done once however often it is asked for: 1 to 255 visible ASCII
    /// characters.
    pub idempotency_key: Option<String>,
    /// What the client has brought back of questions that were put through it.
    pub answers: Vec<ClientAnswer>,
    /// The calls that people are to be asked about together with this one, as the caller says.
    pub batch: Option<Batch>,
}

/// What came of a call.
#[derive(Debug)]
pub enum Answer {
    /// The tool's own `CallToolResult`, or its server's `InputRequiredResult`.
    Result {
        /// The call's id.
        call: CallId,
        /// As the server gave it, unless a policy changed it.
        result: Value,
        /// Whether it is the recorded answer of an earlier call that is the same; then the id is that call's.
        replayed: bool,
    },
    /// It was refused, or its answer was withheld.
    Refused {
        /// The call's id.
        call: CallId,
        /// Every refusal.
        refused: Vec<Refused>,
        /// The same as an MCP `CallToolResult` for the model.
        result: Value,
        /// What a client that can come back is to ask the person at it first.
        asks: Vec<ClientQuestion>,
    },
    /// A protocol error: no such tool, or the server's own JSON-RPC error, passed on.
    Error {
        /// The call's id.
        call: CallId,
        /// The error.
        error: RpcError,
        /// As with a result.
        replayed: bool,
    },
}

/// A call that is known to be for a tool of a server, and what was asked before policies rewrote it.
pub(super) struct Identified {
    pub(super) server: Arc<dyn ToolServer>,
    pub(super) call: Call,
    pub(super) before: Option<Arc<Map<String, Value>>>,
}
