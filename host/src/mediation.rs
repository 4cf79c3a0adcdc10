//! The call path: one call from request to answer.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{
    call::{CallId, Caller},
    downstream::{Link, RpcError},
};

/// One request to run one tool, as a door received it.
#[derive(Debug)]
pub struct CallRequest {
    /// The name that AI apps see, or `server/tool`.
    pub tool: String,
    /// The arguments; empty if none were sent.
    pub arguments: Map<String, Value>,
    /// By whom, as the door established it.
    pub caller: Caller,
    /// In which session.
    pub session: String,
    /// The call that had asked for input and that this one goes on with.
    pub continues: Option<CallId>,
}

/// What came of a call.
#[derive(Debug)]
pub enum Answer {
    /// A result for the AI app: the tool's own, a refusal (`isError`), or `input_required`.
    Result {
        /// The call's id.
        call: CallId,
        /// MCP `CallToolResult` or `InputRequiredResult`.
        result: Value,
    },
    /// A protocol error: no such tool, or the server's own JSON-RPC error, passed on.
    Error(RpcError),
}

/// Takes every call down the one straight line. Clones share everything.
#[derive(Clone, Debug)]
pub struct Mediator {}

impl Mediator {
    /// The tools that AI apps see: MCP `Tool` objects under their exposed names, in a fixed order, each guarded one with
    /// a line that tells its rules.
    pub fn tools(&self) -> Vec<Arc<Value>> {
        Vec::new()
    }

    /// Carries one call out, or refuses it.
    pub async fn call(&self, request: CallRequest, _link: Link) -> Answer {
        Answer::Error(RpcError { code: -32602, message: format!("unknown tool `{}`", request.tool), data: None })
    }
}
