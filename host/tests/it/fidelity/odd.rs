//! The test's own server, told by its corpus what to say, and a house with it.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::peer::{Era, Peer};
use crate::interop::house::{House, TIME_MS};

/// The corpus: a file for each case, named by what is odd about it.
pub(super) const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fidelity/cases");
const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fidelity/server.py");

/// How a server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Stdio,
    Http,
}

impl Way {
    pub(super) const BOTH: [Self; 2] = [Self::Stdio, Self::Http];
}

/// The test's own server.
pub(super) struct Odd {
    pub(super) era: Era,
    /// Over HTTP: its process, which ends with its input, and where it is.
    running: Option<(Child, String)>,
}

impl Odd {
    pub(super) async fn start(way: Way, era: Era) -> Self {
        let running = match way {
            Way::Stdio => None,
            Way::Http => {
                let mut python = Command::new("python3");
                python.args([SERVER, era.word(), "http", CASES]).stdin(Stdio::piped());
                let mut child = python.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
                let port = BufReader::new(child.stdout.take().unwrap()).lines().next_line().await.unwrap().unwrap();
                Some((child, format!("http://127.0.0.1:{port}/mcp")))
            }
        };
        Self { era, running }
    }

    /// The server itself, without anything in between.
    pub(super) async fn directly(&self) -> Peer {
        match &self.running {
            Some((_, url)) => Peer::reach(url, self.era).await,
            None => {
                let mut python = Command::new("python3");
                python.args([SERVER, self.era.word(), "stdio", CASES]);
                Peer::start(python, self.era).await
            }
        }
    }

    /// A house with this server in it, and a tool that has to wait its turn.
    pub(super) fn house(&self) -> House {
        let server: Value = match &self.running {
            Some((_, url)) => json!({"url": url}),
            None => json!({"command": "python3", "args": [SERVER, self.era.word(), "stdio", CASES]}),
        };
        let rules = json!([{"tools": ["odd/guarded"], "after": ["odd/mirror"]}]);
        House::with(&json!({
            "mcpServers": {"odd": server},
            "policies": [{"name": "mirror-first", "component": "sequence", "match": {"tools": ["odd/guarded"]},
                "limits": {"time_ms": TIME_MS}, "settings": {"rules": rules}}],
        }))
    }
}
