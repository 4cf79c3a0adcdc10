//! An AI app as `interlock` meets it: Python's MCP client, TypeScript's or rmcp's, of either era, over either transport.
#![expect(deprecated, reason = "sampling, which servers of the older era do")]

use std::{convert::Infallible, process::Stdio};

use rmcp::{
    ClientHandler, RoleClient,
    model::{
        CallToolRequestParams, ClientCapabilities, ClientConfig, CreateMessageRequestParams, CreateMessageResult,
        ElicitRequestParams, ElicitResult, ElicitationAction, ErrorData, Implementation, ProgressNotificationParam,
        ProtocolVersion, SamplingMessage, SubscriptionFilter,
    },
    service::{
        ClientLifecycleMode, ClientServiceExt, NotificationContext, RequestContext, RunningService, ServiceError,
        Subscription,
    },
    transport::StreamableHttpClientTransport,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::mpsc,
};

use super::{
    house::{Door, House, INTERLOCK},
    packages,
};

/// Whose client it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Make {
    Python,
    Rmcp,
    /// The SDK's first generation, which speaks the older era only.
    TypeScript,
}

/// Which MCP it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Era {
    Legacy,
    Modern,
}

impl Era {
    pub(super) fn version(self) -> &'static str {
        match self {
            Self::Legacy => "2025-11-25",
            Self::Modern => "2026-07-28",
        }
    }
}

/// What came of a call.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The `CallToolResult`, or the JSON-RPC error under `error`.
    pub(super) result: Value,
    /// What the app was asked meanwhile.
    pub(super) asked: Vec<String>,
}

impl Outcome {
    pub(super) fn text(&self) -> String {
        let blocks = self.result["content"].as_array().unwrap_or_else(|| panic!("no content: {self:?}"));
        blocks.iter().filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The text of a call that went through.
    pub(super) fn passed(&self) -> String {
        assert_ne!(self.result["isError"], true, "{self:?}");
        self.text()
    }

    /// The one refusal of a call that was refused.
    pub(super) fn refusal(&self) -> &Value {
        assert_eq!(self.result["isError"], true, "{self:?}");
        let refused = self.result["structuredContent"]["interlock"]["refused"].as_array();
        let [refusal] = refused.unwrap().as_slice() else { panic!("not one refusal: {self:?}") };
        refusal
    }
}

/// A connected app.
pub(super) enum App {
    Script(Box<Script>),
    Rmcp(Box<Rmcp>),
}

impl App {
    /// Connects to a door on HTTP, or, without one, starts an `interlock serve` of its own.
    pub(super) async fn connect(make: Make, era: Era, house: &House, door: Option<&Door>) -> Self {
        let app = match make {
            Make::Python => {
                let mut python = Command::new(packages::python_bin().join("python"));
                python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/interop/client.py"));
                Self::Script(Box::new(Script::connect(python, era, house, door, "anybody").await))
            }
            Make::TypeScript => {
                let mut node = Command::new("node");
                node.env("PATH", packages::path());
                node.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/interop/client.cjs"));
                node.env("NODE_PATH", packages::node_modules());
                Self::Script(Box::new(Script::connect(node, era, house, door, "anybody").await))
            }
            Make::Rmcp => Self::Rmcp(Box::new(Rmcp::connect(era, house, door).await)),
        };
        assert_eq!(app.version(), era.version());
        app
    }

    fn version(&self) -> String {
        match self {
            Self::Script(script) => script.version.clone(),
            Self::Rmcp(rmcp) => rmcp.client.peer().peer_info().unwrap().protocol_version.to_string(),
        }
    }

    /// All tools, as `tools/list` gives them.
    pub(super) async fn tools(&mut self) -> Vec<Value> {
        let tools = match self {
            Self::Script(script) => script.step(&json!({"list": {}})).await["tools"].take(),
            Self::Rmcp(rmcp) => serde_json::to_value(rmcp.client.list_all_tools().await.unwrap()).unwrap(),
        };
        let Value::Array(tools) = tools else { panic!("no list: {tools}") };
        tools
    }

    /// Waits until the app has been told that the list of tools has changed.
    pub(super) async fn tools_changed(&mut self) {
        match self {
            Self::Script(script) => drop(script.step(&json!({"changed": {}})).await),
            Self::Rmcp(rmcp) => match &mut rmcp.listening {
                Some(listening) => drop(listening.next().await.unwrap().expect("the subscription goes on")),
                None => rmcp.changed.recv().await.unwrap(),
            },
        }
    }

    pub(super) async fn call(&mut self, tool: &str, arguments: Value) -> Outcome {
        match self {
            Self::Script(script) => script.call(tool, arguments).await.0,
            Self::Rmcp(rmcp) => rmcp.call(tool, arguments).await,
        }
    }

    /// Calls a tool that reports its progress so many times, and returns what was reported, in order of size.
    pub(super) async fn call_with_progress(
        &mut self,
        tool: &str,
        arguments: Value,
        reports: usize,
    ) -> (Outcome, Vec<f64>) {
        let (outcome, mut progress) = match self {
            Self::Script(script) => script.call(tool, arguments).await,
            Self::Rmcp(rmcp) => {
                let outcome = rmcp.call(tool, arguments).await;
                let mut progress = Vec::new();
                // rmcp tells of each in a task of its own, maybe after the result.
                while progress.len() < reports {
                    progress.push(rmcp.progress.recv().await.unwrap());
                }
                (outcome, progress)
            }
        };
        progress.sort_by(f64::total_cmp);
        (outcome, progress)
    }

    /// Hangs up, as an app does that is closed.
    pub(super) async fn close(self) {
        match self {
            Self::Script(script) => script.close().await,
            Self::Rmcp(rmcp) => rmcp.close().await,
        }
    }
}

/// `client.py` or `client.cjs`, driven line by line.
pub(super) struct Script {
    version: String,
    child: Child,
    write: ChildStdin,
    read: Lines<BufReader<ChildStdout>>,
}

impl Script {
    /// Python's client, with this person before it: see `client.py`.
    pub(super) async fn with(person: &str, era: Era, house: &House, door: &Door) -> Self {
        let mut python = Command::new(packages::python_bin().join("python"));
        python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/interop/client.py"));
        Self::connect(python, era, house, Some(door), person).await
    }

    async fn connect(mut command: Command, era: Era, house: &House, door: Option<&Door>, person: &str) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let (write, read) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
        let mut script = Self { version: String::new(), child, write, read };
        let mode = if era == Era::Legacy { "legacy" } else { "auto" };
        let how = match door {
            Some(door) => json!({"mode": mode, "url": door.url, "person": person}),
            None => {
                let env: serde_json::Map<_, _> =
                    House::environment().into_iter().map(|(name, value)| (name, value.into())).collect();
                json!({"mode": mode, "command": [INTERLOCK, "serve"], "cwd": house.folder(), "env": env})
            }
        };
        script.version = script.step(&how).await["version"].as_str().unwrap().to_owned();
        script
    }

    pub(super) async fn step(&mut self, step: &Value) -> Value {
        self.write.write_all(format!("{step}\n").as_bytes()).await.unwrap();
        let line = self.read.next_line().await.unwrap();
        serde_json::from_str(&line.unwrap_or_else(|| panic!("the client has ended at {step}"))).unwrap()
    }

    async fn call(&mut self, tool: &str, arguments: Value) -> (Outcome, Vec<f64>) {
        let mut told = self.step(&json!({"call": {"name": tool, "arguments": arguments}})).await;
        let asked = serde_json::from_value(told["asked"].take()).unwrap_or_default();
        let progress = serde_json::from_value(told["progress"].take()).unwrap_or_default();
        let result = if told["error"].is_null() { told["result"].take() } else { told };
        (Outcome { result, asked }, progress)
    }

    pub(super) async fn close(mut self) {
        drop(self.write);
        assert!(self.child.wait().await.unwrap().success());
    }
}

/// rmcp's client.
pub(super) struct Rmcp {
    client: RunningService<RoleClient, Human>,
    child: Option<Child>,
    asked: mpsc::UnboundedReceiver<&'static str>,
    progress: mpsc::UnboundedReceiver<f64>,
    changed: mpsc::UnboundedReceiver<()>,
    /// Changes are told so in the newer era.
    listening: Option<Subscription>,
}

/// Who sits before it: answers everything that is asked.
#[derive(Clone)]
struct Human {
    asked: mpsc::UnboundedSender<&'static str>,
    progress: mpsc::UnboundedSender<f64>,
    changed: mpsc::UnboundedSender<()>,
}

impl Rmcp {
    pub(super) async fn connect(era: Era, house: &House, door: Option<&Door>) -> Self {
        let mode = match era {
            Era::Legacy => ClientLifecycleMode::Initialize,
            Era::Modern => ClientLifecycleMode::Auto {
                preferred_versions: vec![ProtocolVersion::V_2026_07_28],
                legacy_version: None,
            },
        };
        let ((asked_in, asked), (progress_in, progress)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let (changed_in, changed) = mpsc::unbounded_channel();
        let human = Human { asked: asked_in, progress: progress_in, changed: changed_in };
        let (client, child) = match door {
            Some(door) => {
                let transport = StreamableHttpClientTransport::from_uri(door.url.as_str());
                (human.serve_with_lifecycle(transport, mode).await.unwrap(), None)
            }
            None => {
                let mut child =
                    house.interlock(&["serve"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
                let transport = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
                (human.serve_with_lifecycle(transport, mode).await.unwrap(), Some(child))
            }
        };
        let listening = match era {
            Era::Legacy => None,
            Era::Modern => {
                let filter = SubscriptionFilter::builder().tools_list_changed().build();
                Some(client.listen(filter).await.unwrap())
            }
        };
        Self { client, child, asked, progress, changed, listening }
    }

    pub(super) async fn call(&mut self, tool: &str, arguments: Value) -> Outcome {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let result = match self.client.call_tool(request).await {
            Ok(result) => serde_json::to_value(result).unwrap(),
            Err(ServiceError::McpError(error)) => json!({ "error": error }),
            Err(error) => panic!("{tool}: {error}"),
        };
        let mut asked = Vec::new();
        while let Ok(one) = self.asked.try_recv() {
            asked.push(one.to_owned());
        }
        Outcome { result, asked }
    }

    /// Makes the same call over and over, and does not end.
    pub(super) fn keep_calling(
        &self,
        tool: &'static str,
        arguments: &Value,
    ) -> impl Future<Output = Infallible> + use<> {
        let request = CallToolRequestParams::new(tool).with_arguments(arguments.as_object().unwrap().clone());
        let peer = self.client.peer().clone();
        async move {
            loop {
                peer.call_tool_once(request.clone()).await.unwrap();
            }
        }
    }

    pub(super) async fn close(self) {
        self.client.cancel().await.unwrap();
        if let Some(mut child) = self.child {
            assert!(child.wait().await.unwrap().success());
        }
    }
}

impl ClientHandler for Human {
    fn get_info(&self) -> ClientConfig {
        let capabilities = ClientCapabilities::builder().enable_elicitation().enable_sampling().build();
        ClientConfig::new(capabilities, Implementation::new("rmcp", "1"))
    }

    async fn create_elicitation(
        &self,
        _: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        self.asked.send("elicitation").unwrap();
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(json!({"name": "Ada"})))
    }

    async fn create_message(
        &self,
        _: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        self.asked.send("sampling").unwrap();
        let message = SamplingMessage::assistant_text("a sampled answer");
        Ok(CreateMessageResult::new(message, "none".to_owned()))
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed.send(()).unwrap();
    }

    async fn on_progress(&self, params: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.progress.send(params.progress).unwrap();
    }
}
