//! The MCP server that stands behind the gateway while it is measured, or alone: it answers with what it was given.

use std::{io::Write as _, sync::Arc, time::Duration};

use anyhow::Result;
use axum::{Router, serve::ListenerExt as _};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult, PaginatedRequestParams,
        ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
    transport::{
        StreamableHttpServerConfig, StreamableHttpService, streamable_http_server::session::local::LocalSessionManager,
    },
};
use serde_json::{Map, json};
use tokio::{io::AsyncReadExt as _, net::TcpListener};

/// All the same, but that `slow` takes a while.
const TOOLS: [&str; 4] = ["check", "act", "refund", "slow"];

#[derive(Clone, Copy)]
struct Echo;

fn tool(name: &'static str) -> Tool {
    let schema = json!({"type": "object", "properties": {"text": {"type": "string"}}});
    Tool::new(name, "Answers with its argument.", schema.as_object().cloned().unwrap_or_else(Map::new))
}

impl ServerHandler for Echo {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        TOOLS.into_iter().find(|known| *known == name).map(tool)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(TOOLS.map(tool).to_vec()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if request.name == "slow" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let arguments = request.arguments.unwrap_or_default();
        let text = arguments.get("text").and_then(|text| text.as_str()).unwrap_or_default();
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}

/// Answers with what it was given.
pub(crate) async fn echo() -> Result<()> {
    serve(Echo).await
}

/// Says on which port a server serves, and serves until standard input ends.
pub(crate) async fn serve(server: impl ServerHandler + Clone) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    let service = StreamableHttpService::new(
        move || Ok(server.clone()),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default().with_json_response(true),
    );
    let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
    let serving = axum::serve(listener, Router::new().nest_service("/mcp", service));
    let mut input = Vec::new();
    let mut stdin = tokio::io::stdin();
    tokio::select! {
        served = serving.into_future() => served?,
        _ = stdin.read_to_end(&mut input) => {}
    }
    // The read that is under way would be waited for.
    std::process::exit(0)
}
