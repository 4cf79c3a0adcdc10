//! The MCP client against real servers: a Python one over stdio, rmcp's over HTTP.

mod catalogue;
mod http;
mod stdio;

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{clock::SystemClock, tasks::Tasks};

/// A link as a client with every capability has it, and its other end.
pub(super) fn link() -> (Link, mpsc::Receiver<FromServer>) {
    let (messages, received) = mpsc::channel(16);
    let link = Link {
        messages,
        cancel: CancellationToken::new(),
        meta: Map::new(),
        wants_progress: false,
        capabilities: json!({"elicitation": {"form": {}}, "sampling": {}, "roots": {}}),
        takes_input_required: false,
        resumes: None,
        log_level: None,
    };
    (link, received)
}

/// Quick where a person would wait.
pub(super) fn settings() -> Settings {
    Settings { retry_least: Duration::from_millis(5), retry_most: Duration::from_millis(50), ..Settings::default() }
}

pub(super) struct Fixture {
    pub(super) server: McpServer,
    pub(super) announcements: Announcements,
    pub(super) tasks: Tasks,
}

impl Fixture {
    pub(super) fn start(reach: Reach, settings: Settings) -> Self {
        let (tasks, announcements) = (Tasks::new(), Announcements::new());
        let config = ServerConfig { name: "odd".to_owned(), prefix: "odd__".to_owned(), reach };
        let server = McpServer::start(config, settings, announcements.clone(), Arc::new(SystemClock), &tasks).unwrap();
        Self { server, announcements, tasks }
    }

    pub(super) async fn ready(self) -> Self {
        assert_eq!(self.server.settled().await.state, State::Ready);
        self
    }

    pub(super) async fn run(&self, tool: &str, arguments: Value, link: Link) -> Result<Value, ServerError> {
        let Value::Object(arguments) = arguments else { unreachable!() };
        self.server.run(tool, &Arc::new(arguments), &link).await
    }

    /// Runs a tool for a client that hears nothing but the answer.
    pub(super) async fn plain(&self, tool: &str, arguments: Value) -> Result<Value, ServerError> {
        let (link, mut received) = link();
        let (answer, ()) =
            tokio::join!(self.run(tool, arguments, link), async { while received.recv().await.is_some() {} });
        answer
    }

    pub(super) async fn stop(self) {
        assert!(self.tasks.stop(Duration::from_secs(30)).await, "every task ends");
    }
}
