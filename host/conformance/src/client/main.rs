//! An MCP client that is nothing but Interlock's other side: one server, no policies, and somebody who asks for everything
//! that the server has. `@modelcontextprotocol/conformance` starts it with its own server's URL as the last argument.

mod answers;
mod visit;

use std::{env, process::ExitCode};

use anyhow::{Context as _, anyhow};
use interlock::{app::App, config, sandbox::standard_plugins};
use serde_json::{Value, json};

/// What the suite has to say of the calls that it wants.
const CONTEXT: &str = "MCP_CONFORMANCE_CONTEXT";

/// What is being tested.
const SCENARIO: &str = "MCP_CONFORMANCE_SCENARIO";

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let url = env::args().next_back().filter(|url| url.starts_with("http")).context("the last argument is no URL")?;
    let context: Value = match env::var(CONTEXT) {
        Ok(context) => serde_json::from_str(&context)?,
        Err(_) => Value::Null,
    };
    let folder = tempfile::tempdir()?;
    let mut server = json!({"url": url, "prefix": ""});
    let text_of = |name: &str| context.get(name).and_then(Value::as_str).unwrap_or("none");
    // Scenarios of this name are about tokens; those that have no client for us end before one is needed.
    if env::var(SCENARIO).is_ok_and(|scenario| scenario.starts_with("auth/")) {
        let proof = if context.get("private_key_pem").is_some() {
            ("private_key", "private_key_pem")
        } else {
            ("client_secret", "client_secret")
        };
        let oauth = json!({"client_id": text_of("client_id"), proof.0: text_of(proof.1)});
        server.as_object_mut().context("no object")?.insert("oauth".to_owned(), oauth);
    }
    let text = json!({"mcpServers": {"server": server}}).to_string();
    let config = config::parse(&folder.path().join("interlock.json"), &text, &|_| None, &standard_plugins())
        .map_err(|problems| anyhow!("{problems}"))?;
    let app = App::start(&config, None, Some("conformance")).await?;
    let seen = visit::all(&app.mediator(), &context).await;
    app.stop().await;
    Ok(if seen { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
