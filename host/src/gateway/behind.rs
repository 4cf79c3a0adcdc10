//! The seam towards what stands behind the AI's door: mediation for tool calls, the catalogue for all else.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};
use tokio::sync::broadcast;

pub use crate::downstream::Announcement;
use crate::{
    call::{Caller, ToolName},
    downstream::{Link, RpcError},
    mediation::{Answer, CallRequest},
};

/// What clients are told of the servers behind the door, taken together.
#[derive(Clone, Debug, Default)]
pub struct Offered {
    /// MCP `ServerCapabilities`.
    pub capabilities: Value,
    /// Instructions for the model.
    pub instructions: Option<String>,
}

/// What stands behind the door.
#[async_trait]
pub trait Behind: Send + Sync + std::fmt::Debug {
    /// The tools that AI apps see: MCP `Tool` objects under their exposed names, in a fixed order.
    fn tools(&self) -> Arc<Vec<Arc<Value>>>;

    /// The tool that clients mean by a name; none if there is none.
    fn tool(&self, name: &str) -> Option<ToolName>;

    /// Carries one tool call out, or refuses it.
    async fn call(&self, request: CallRequest, link: Link) -> Answer;

    /// Answers any other request of MCP, with names and URIs as clients know them.
    ///
    /// `params` come without `_meta`, `inputResponses` and `requestState`: those are in the link.
    ///
    /// # Errors
    /// The server's own JSON-RPC error, or one that says that there is no such thing.
    async fn request(&self, method: &str, params: Value, link: Link) -> Result<Value, RpcError>;

    /// Answers a caller's request about a task (`tasks/get`, `tasks/update`, `tasks/cancel`) that one of their calls
    /// became. `params` come without `_meta`.
    ///
    /// # Errors
    /// The server's own JSON-RPC error, or `-32602` if the caller has no such task.
    async fn task(
        &self,
        method: &str,
        params: Map<String, Value>,
        caller: Caller,
        link: Link,
    ) -> Result<Value, RpcError>;

    /// The session that a call of this principal belongs to which is made now, where the protocol has no sessions.
    ///
    /// # Errors
    /// If it cannot be found out.
    async fn current_session(&self, principal: &str) -> Result<String, RpcError>;

    /// Remembers that a client has opened a session, and what it said of itself.
    ///
    /// # Errors
    /// If it cannot be remembered.
    async fn session_opened(&self, id: &str, principal: &str, client: Value) -> Result<(), RpcError>;

    /// What the client of a session said of itself; none if this principal has opened no such session, or it is over.
    ///
    /// # Errors
    /// If it cannot be found out.
    async fn session_taken_up(&self, id: &str, principal: &str) -> Result<Option<Value>, RpcError>;

    /// Takes note of it that a client has ended its session.
    async fn session_ended(&self, id: &str, principal: &str);

    /// What clients are told when they arrive.
    fn offered(&self) -> Offered;

    /// Everything that is announced from now on.
    fn announcements(&self) -> broadcast::Receiver<Announcement>;
}
