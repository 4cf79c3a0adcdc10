//! An MCP server that has everything that `@modelcontextprotocol/conformance` asks of a server: bare, it shows what rmcp
//! passes; behind Interlock, that nothing gets lost. It prints its URL, and runs until its standard input ends.

mod asking;
mod backend;
mod definitions;
mod jobs;
mod plain;
mod prompts;
mod resources;
mod rounds;

use std::io::Write;

use rmcp::{
    model::ProtocolVersion,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

use crate::backend::Backend;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let newest = match std::env::args().nth(1).as_deref() {
        None => ProtocolVersion::V_2026_07_28,
        Some("--legacy") => ProtocolVersion::V_2025_11_25,
        Some(other) => anyhow::bail!("what is `{other}`? `--legacy` speaks MCP up to 2025-11-25 only"),
    };
    let backend = Backend::new(newest)?;
    let over = CancellationToken::new();
    let config = StreamableHttpServerConfig::default()
        .with_cancellation_token(over.child_token())
        .with_allowed_origins(["http://localhost:*", "http://127.0.0.1:*"]);
    let service: StreamableHttpService<Backend, LocalSessionManager> =
        StreamableHttpService::new(move || Ok(backend.clone()), Default::default(), config);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/mcp", listener.local_addr()?);
    let mut out = std::io::stdout();
    writeln!(out, "{url}")?;
    out.flush()?;
    let router = axum::Router::new().nest_service("/mcp", service);
    tokio::spawn(async move {
        // Whoever started this holds the other end: its end is ours, however it comes.
        drop(tokio::io::stdin().read_to_end(&mut Vec::new()).await);
        over.cancel();
        std::process::exit(0);
    });
    axum::serve(listener, router).await?;
    Ok(())
}
