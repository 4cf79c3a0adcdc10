//! The seam: what every kind of server behind the gateway can do.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::{Link, RpcError, State, Status};
use crate::{
    call::{Hints, ToolName},
    clock::Timestamp,
    journal::Permit,
};

/// One tool of one server.
#[derive(Clone, Debug)]
pub struct Tool {
    /// `server/tool`.
    pub name: ToolName,
    /// The name that AI apps see.
    pub exposed: String,
    /// The MCP `Tool` object as the server gave it, unknown fields included.
    pub definition: Arc<Value>,
    /// SHA-256 of the definition's canonical JSON, as hexadecimal digits.
    pub digest: Arc<str>,
    /// What its annotations promise, as far as it holds: `read_only`, `destructive`, …
    pub hints: Hints,
}

/// What a server said of itself when it was connected, and its tools as last listed.
#[derive(Clone, Debug, Default)]
pub struct Offers {
    /// MCP `ServerCapabilities`.
    pub capabilities: Value,
    /// MCP `Implementation`.
    pub server_info: Value,
    /// Instructions for the model.
    pub instructions: Option<String>,
    /// Protocol revision spoken with it; empty for a toolset.
    pub protocol: String,
    /// Its tools, in its own order.
    pub tools: Arc<[Tool]>,
}

/// Why a server gave no answer, or not the one hoped for.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Nothing was sent: the server is not there.
    #[error("server `{server}` is not available: {reason}")]
    Unavailable {
        /// Its name.
        server: String,
        /// Why, for the operator.
        reason: String,
    },
    /// Nothing was sent: the request was called off first.
    #[error("the request was called off before it was sent")]
    Cancelled,
    /// It was sent, and no answer can be had: nobody knows whether it was carried out.
    #[error("no answer from server `{server}`: {reason}")]
    Lost {
        /// Its name.
        server: String,
        /// Why, for the operator.
        reason: String,
    },
    /// The server answered with an error.
    #[error(transparent)]
    Rpc(#[from] RpcError),
}

/// A server behind the gateway. Implemented by MCP clients and by Wasm toolsets.
#[async_trait]
pub trait ToolServer: Send + Sync + std::fmt::Debug {
    /// Its name in the configuration.
    fn name(&self) -> &str;

    /// What it offers now. Empty until it was connected once; kept while it is away.
    fn offers(&self) -> Arc<Offers>;

    /// How it is. A server that is always there need not say more than this.
    fn status(&self) -> Status {
        let offers = self.offers();
        Status {
            name: self.name().to_owned(),
            kind: "toolset",
            state: State::Ready,
            protocol: offers.protocol.clone(),
            tools: offers.tools.len(),
            since: Timestamp::default(),
            shadowed: Vec::new(),
        }
    }

    /// Runs the tool that the permit was given for, and returns its MCP `CallToolResult`, unknown fields included; or
    /// an `input_required` result if the link takes one; or a task with an id, if the link's capabilities have tasks.
    ///
    /// # Errors
    /// See [`ServerError`]: each case says what is known of whether the call was carried out.
    async fn call_tool(&self, permit: Permit, link: Link) -> Result<Value, ServerError>;

    /// Passes on any request but `tools/call`, with names and URIs as the server knows them.
    ///
    /// # Errors
    /// As for [`ToolServer::call_tool`].
    async fn request(&self, method: &str, params: Value, link: Link) -> Result<Value, ServerError>;
}
