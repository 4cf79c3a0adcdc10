//! The AI app of the demonstrations: rmcp's own client, at the stdio door of a child process, or over HTTP.

use std::{
    fs::{self, File},
    path::PathBuf,
};

use anyhow::Context as _;
use rmcp::{
    RoleClient, ServiceExt as _,
    model::{CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation},
    service::RunningService,
    transport::{
        StreamableHttpClientTransport, TokioChildProcess, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use serde_json::{Value, json};
use tokio::process::Command;

/// A connection to `interlock serve`; hanging up ends that process.
pub(super) struct Client {
    running: RunningService<RoleClient, ClientConfig>,
}

/// What came of one call, as the AI app sees it.
#[derive(Debug)]
pub(super) struct Told {
    /// What the model reads.
    pub(super) text: String,
    result: Value,
}

impl Client {
    /// Starts the server and shakes hands.
    ///
    /// # Errors
    /// If that fails; the end of the server's log, which goes to the file, is part of the error.
    pub(super) async fn start(mut command: Command, log: PathBuf) -> anyhow::Result<Self> {
        let file = File::create(&log).context("the server's log cannot be written")?;
        command.kill_on_drop(true);
        let started = TokioChildProcess::builder(command).stderr(file).spawn();
        let (process, _) = started.context("interlock cannot be started as a process")?;
        let shaken = introduction().serve(process).await;
        let running = shaken.with_context(|| {
            let said = fs::read_to_string(&log).unwrap_or_default();
            format!("interlock serve did not answer; it said:\n{said}")
        })?;
        Ok(Self { running })
    }

    /// Shakes hands with a gateway over HTTP, with a key.
    ///
    /// # Errors
    /// If that fails.
    pub(super) async fn over_http(url: &str, key: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build().context("HTTP cannot be spoken here")?;
        let config = StreamableHttpClientTransportConfig::with_uri(url).auth_header(key);
        let transport = StreamableHttpClientTransport::with_client(http, config);
        let running = introduction().serve(transport).await.context("the gateway did not answer")?;
        Ok(Self { running })
    }

    /// Calls a tool.
    ///
    /// # Errors
    /// If there is no answer. A refusal, or a tool's failure, is an answer.
    pub(super) async fn call(&self, tool: &str, arguments: Value) -> anyhow::Result<Told> {
        self.call_as(tool, arguments, None).await
    }

    /// The same, as a piece of work with this name.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(super) async fn call_as(&self, tool: &str, arguments: Value, work: Option<&str>) -> anyhow::Result<Told> {
        let mut call = json!({ "name": tool, "arguments": arguments });
        if let (Some(work), Some(fields)) = (work, call.as_object_mut()) {
            fields.insert("_meta".to_owned(), json!({ "interlock/idempotency-key": work }));
        }
        let call: CallToolRequestParams = serde_json::from_value(call).context("these are no arguments")?;
        let result = self.running.call_tool(call).await.with_context(|| format!("{tool} was not answered"))?;
        let result = serde_json::to_value(result).context("the answer is no JSON")?;
        Ok(Told::of(result))
    }

    /// What a tool's description says.
    ///
    /// # Errors
    /// If the list cannot be had, or the tool is not in it.
    pub(super) async fn description(&self, tool: &str) -> anyhow::Result<String> {
        let tools = self.running.list_all_tools().await.context("the tools cannot be listed")?;
        let found = tools.into_iter().find(|one| one.name == tool);
        Ok(found.with_context(|| format!("{tool} is not offered"))?.description.unwrap_or_default().into_owned())
    }

    /// Hangs up, and waits until the server has ended.
    ///
    /// # Errors
    /// If the connection broke before.
    pub(super) async fn leave(self) -> anyhow::Result<()> {
        self.running.cancel().await.context("the connection broke")?;
        Ok(())
    }
}

/// Who calls.
fn introduction() -> ClientConfig {
    ClientConfig::new(ClientCapabilities::default(), Implementation::new("interlock-demo", "1"))
}

impl Told {
    /// What a `CallToolResult` says.
    pub(super) fn of(result: Value) -> Self {
        let blocks = result.get("content").and_then(Value::as_array).into_iter().flatten();
        let texts: Vec<&str> = blocks.filter_map(|block| block.get("text").and_then(Value::as_str)).collect();
        Self { text: texts.join("\n"), result }
    }

    /// Whether it is what was answered before.
    pub(super) fn replayed(&self) -> bool {
        self.result.pointer("/_meta/interlock~1replayed") == Some(&Value::Bool(true))
    }

    /// Whether the tool did it.
    pub(super) fn succeeded(&self) -> bool {
        self.result.get("isError").and_then(Value::as_bool) != Some(true)
    }

    /// The refusal with this code.
    pub(super) fn refused_with(&self, code: &str) -> Option<&Value> {
        let refusals = self.result.pointer("/structuredContent/interlock/refused").and_then(Value::as_array);
        refusals?.iter().find(|refusal| refusal.get("code").is_some_and(|said| said == code))
    }

    /// Something in the structured answer; null if it is not there.
    pub(super) fn at(&self, pointer: &str) -> Value {
        let structured = self.result.get("structuredContent");
        structured.and_then(|value| value.pointer(pointer)).cloned().unwrap_or_default()
    }
}
