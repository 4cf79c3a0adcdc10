//! What a proxy costs that does nothing at all: rmcp's server in front of rmcp's client, for MCP 2026-07-28.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Result;
use rmcp::{
    ErrorData, RoleClient, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, ClientConfig, ListToolsResult, PaginatedRequestParams,
        ProtocolVersion, ServerCapabilities, ServerConfig, Tool,
    },
    service::{ClientLifecycleMode, Peer, RequestContext, ServiceError, serve_client_with_lifecycle},
    transport::{StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig},
};

use crate::echo::serve;

#[derive(Clone)]
struct Proxy {
    server: Peer<RoleClient>,
    tools: Arc<[Tool]>,
}

impl ServerHandler for Proxy {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.iter().find(|tool| tool.name == name).cloned()
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.to_vec()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.server.call_tool_once(request).await.map_err(|error| match error {
            ServiceError::McpError(error) => error,
            other => ErrorData::internal_error(other.to_string(), None),
        })
    }
}

/// Says on which port it serves, and forwards every call until standard input ends.
pub(crate) async fn proxy(server: SocketAddr) -> Result<()> {
    let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
    let config =
        StreamableHttpClientTransportConfig::with_uri(format!("http://{server}/mcp")).max_concurrent_requests(1024);
    let mode = ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::LATEST] };
    let transport = StreamableHttpClientTransport::with_client(http, config);
    let client = serve_client_with_lifecycle(ClientConfig::default(), transport, mode).await?;
    let tools = client.list_all_tools().await?.into();
    serve(Proxy { server: client.peer().clone(), tools }).await
}
