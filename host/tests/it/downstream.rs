//! The MCP client against real servers: a Python one over stdio, rmcp's and a hand-made one over HTTP. Each tool call
//! is admitted by a journal first, as there is no other way to call one.

mod bad_servers;
mod catalogue;
pub(crate) mod http;
mod login;
mod stdio;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use interlock::{
    call::{Call, CallId, Caller, ToolName},
    clock::{Clock, SystemClock, Timestamp},
    downstream::*,
    journal::{Admission, Config, Draft, Durability, Guard, Journal, Permit, Sequence, body, kind},
    tasks::Tasks,
};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A link as a client with every capability has it, and its other end.
fn link() -> (Link, mpsc::Receiver<FromServer>) {
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
fn settings() -> Settings {
    Settings { retry_least: Duration::from_millis(5), retry_most: Duration::from_millis(50), ..Settings::default() }
}

/// A server, and a journal that admits every call of it.
struct Fixture {
    server: McpServer,
    announcements: Announcements,
    tasks: Tasks,
    journal: Journal,
    _folder: tempfile::TempDir,
}

impl Fixture {
    async fn start(reach: Reach, settings: Settings) -> Self {
        Self::start_with_limit(reach, settings, Duration::from_secs(600)).await
    }

    /// With a server that may be silent for so long.
    async fn start_with_limit(reach: Reach, settings: Settings, call_time: Duration) -> Self {
        Self::start_with(Arc::new(SystemClock), reach, settings, call_time).await
    }

    /// By another clock.
    async fn start_by(clock: Arc<dyn Clock>, reach: Reach, settings: Settings) -> Self {
        Self::start_with(clock, reach, settings, Duration::from_secs(600)).await
    }

    async fn start_with(clock: Arc<dyn Clock>, reach: Reach, settings: Settings, call_time: Duration) -> Self {
        let (tasks, announcements) = (Tasks::new(), Announcements::new());
        let config = ServerConfig { name: "odd".to_owned(), prefix: "odd__".to_owned(), reach, call_time };
        let folder = tempfile::tempdir().unwrap();
        let records = Config {
            path: folder.path().join("interlock.db"),
            mirror_dir: None,
            redact: Vec::new(),
            max_body_bytes: 64 * 1024,
            durability: Durability::BeforeCall,
        };
        let journal = Journal::open(records, Arc::new(SystemClock), tasks.child()).await.unwrap();
        let server = McpServer::start(config, settings, announcements.clone(), clock, &tasks).unwrap();
        Self { server, announcements, tasks, journal, _folder: folder }
    }

    async fn ready(self) -> Self {
        assert_eq!(self.server.settled().await.state, State::Ready);
        self
    }

    async fn permit(&self, tool: &str, arguments: Value) -> Permit {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let call = Call {
            id: CallId::new(),
            tool: ToolName::new("odd", tool),
            arguments: Arc::new(arguments),
            beside: Arc::default(),
            caller: Caller { principal: "alice".to_owned(), roles: Vec::new(), client: None },
            session: "s".to_owned(),
            received: Timestamp(0),
            hints: Arc::new([]),
            definition: "d".into(),
            continues: None,
            idempotency: None,
            batch: None,
        };
        let body = body::Admitted {
            tool: call.tool.clone(),
            arguments: Value::Object(call.arguments.as_ref().clone()),
            arguments_before: None,
            beside: Map::new(),
            definition: call.definition.to_string(),
            caller: call.caller.clone(),
            session: call.session.clone(),
            hints: Vec::new(),
            received: call.received,
            policies: Vec::new(),
            set: String::new(),
            scopes: Vec::new(),
            view: Sequence(0),
            approvals: Vec::new(),
            continues: None,
            idempotency: None,
            process: self.journal.process().to_owned(),
        };
        let draft = Draft::new("alice", kind::CALL_ADMITTED, call.id.as_str(), &body).unwrap();
        match self.journal.admit(call, vec![draft], Guard::none()).await.unwrap() {
            Admission::Admitted(permit) => permit,
            Admission::Conflict => panic!("nothing was looked at"),
        }
    }

    async fn run(&self, tool: &str, arguments: Value, link: Link) -> Result<Value, ServerError> {
        self.server.call_tool(self.permit(tool, arguments).await, link).await
    }

    /// Runs a tool for a client that hears nothing but the answer.
    async fn plain(&self, tool: &str, arguments: Value) -> Result<Value, ServerError> {
        let (link, mut received) = link();
        let (answer, ()) =
            tokio::join!(self.run(tool, arguments, link), async { while received.recv().await.is_some() {} });
        answer
    }

    async fn stop(self) {
        assert!(self.journal.close(Duration::from_secs(30)).await, "the journal ends");
        assert!(self.tasks.stop(Duration::from_secs(30)).await, "every task ends");
    }
}
