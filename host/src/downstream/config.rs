//! What `downstream` is told of each server.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use serde_json::Value;

use crate::{
    oauth::{ClientKey, Endpoint},
    sandbox::ComponentSource,
    secret::Secret,
};

/// One server behind the gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerConfig {
    /// Its name in the configuration; no `/`.
    pub name: String,
    /// What stands before its tools' and prompts' names towards the AI app: `server__` unless configured; may be empty.
    pub prefix: String,
    /// How to reach it.
    pub reach: Reach,
    /// How long a request may get no answer, and no sign of life such as progress, before it counts as lost. A toolset
    /// has limits of its own.
    pub call_time: Duration,
}

/// How to reach a server.
#[derive(Clone, Debug, PartialEq)]
pub enum Reach {
    /// MCP over the standard streams of a child process.
    Stdio {
        /// The program, looked up in `PATH`.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// Its environment beyond the few variables that every program needs.
        env: BTreeMap<String, Secret>,
        /// Its working directory.
        cwd: PathBuf,
    },
    /// MCP over streamable HTTP.
    Http {
        /// Where.
        url: String,
        /// Headers of every request.
        headers: Vec<(String, Secret)>,
        /// How to get the tokens that the server wants, if it wants any.
        oauth: Option<ClientCredentials>,
    },
    /// A Wasm component in this process.
    Toolset {
        /// Which.
        component: ComponentSource,
        /// What it is configured with.
        settings: Arc<Value>,
    },
}

/// Who Interlock is to whoever gives out a server's tokens (OAuth 2.1, 4.2).
#[derive(Clone, Debug, PartialEq)]
pub struct ClientCredentials {
    /// Its name there.
    pub client_id: String,
    /// What proves it.
    pub proof: ClientProof,
    /// What the tokens are to be for; if none are given, what the server asks for.
    pub scopes: Vec<String>,
    /// What they are to be valid for (RFC 8707); none: what the server calls itself.
    pub resource: Option<String>,
    /// Who gives them out.
    pub from: TokenSource,
}

/// How Interlock proves who it is.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientProof {
    /// By a secret that both know.
    Secret(Secret),
    /// By signing with a key of its own.
    Key(ClientKey),
}

/// Who gives out tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// Whoever answers here.
    Endpoint(Endpoint),
    /// This issuer, where its metadata say.
    Issuer(String),
    /// Whom the server names.
    Server,
}

/// What holds for every server.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long the answer to a request that was called off is awaited before it counts as lost.
    pub orphan_grace: Duration,
    /// Longest time for a handshake or one page of a listing.
    pub listing_time: Duration,
    /// Wait before a server that went away is connected to again; doubled each time that this fails.
    pub retry_least: Duration,
    /// Longest such wait.
    pub retry_most: Duration,
    /// How long a server may take to end by itself, and then again to end when asked.
    pub stop_grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            orphan_grace: Duration::from_secs(10),
            listing_time: Duration::from_secs(30),
            retry_least: Duration::from_millis(500),
            retry_most: Duration::from_secs(30),
            stop_grace: Duration::from_secs(2),
        }
    }
}
