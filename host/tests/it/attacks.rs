//! Whatever somebody may try in order to get in, or further in than they may: each attempt, and what it comes to.

mod clients;
pub(crate) mod issuer;
mod keys;
mod owners;
mod passing;
mod questions;
mod scopes;
mod tokens;

use std::fs;

use issuer::{AUDIENCE, Issuer};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::swap::live::Served;

/// One attempt: what is tried, the request, and the status that it has to end with.
type Attempt = (&'static str, RequestBuilder, u16);

/// The program with its door open to keys and to an issuer's tokens. Its one tool is for the role `ci`.
struct Gate {
    folder: TempDir,
    issuer: Issuer,
    served: Served,
}

impl Gate {
    async fn open() -> Self {
        Self::with(json!({}), json!({})).await
    }

    /// With more in `auth/jwt`, and in the configuration as a whole.
    async fn with(jwt: Value, more: Value) -> Self {
        let (folder, issuer) = (tempfile::tempdir().unwrap(), Issuer::start().await);
        let mut taken = json!({"issuer": issuer.url, "audience": AUDIENCE});
        taken.as_object_mut().unwrap().extend(jwt.as_object().unwrap().clone());
        let mut config = json!({
            "mcpServers": {"ci": {"component": "delivery"}},
            "policies": [{"name": "who", "component": "allow-list", "settings": {"rules": [
                {"effect": "allow", "tools": ["ci/*"], "roles": ["ci"]}]}}],
            "auth": {"keys": true, "jwt": taken},
        });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fs::write(folder.path().join("interlock.json"), config.to_string()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_interlock"));
        command.arg("-vv");
        let served = Served::start_as(folder.path(), command).await;
        Self { folder, issuer, served }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.served.url.trim_end_matches("/mcp"))
    }

    /// A call of the one tool over MCP, with nothing to show yet.
    fn call(&self) -> RequestBuilder {
        self.served.call(&self.served.url)
    }
}

/// Tries each, and says what came otherwise than it should.
async fn try_all(attempts: Vec<Attempt>) {
    let mut wrong = Vec::new();
    for (what, request, expected) in attempts {
        let answer = request.send().await.unwrap();
        if answer.status() != expected {
            wrong.push(format!("{what}: {} {}", answer.status(), answer.text().await.unwrap()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What an answer demands to be shown.
fn challenge(answer: &Response) -> &str {
    answer.headers().get("www-authenticate").map(|value| value.to_str().unwrap()).unwrap_or_default()
}
