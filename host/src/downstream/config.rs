//! What `downstream` is told of each server.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use serde_json::Value;

use crate::{sandbox::ComponentSource, secret::Secret};

/// One server behind the gateway.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Its name in the configuration; no `/`.
    pub name: String,
    /// What stands before its tools' and prompts' names towards the AI app: `server__` unless configured; may be empty.
    pub prefix: String,
    /// How to reach it.
    pub reach: Reach,
}

/// How to reach a server.
#[derive(Clone, Debug)]
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
    },
    /// A Wasm component in this process.
    Toolset {
        /// Which.
        component: ComponentSource,
        /// What it is configured with.
        settings: Arc<Value>,
    },
}
