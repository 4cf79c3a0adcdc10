//! The two doors of a gateway over HTTP, as programs use them: REST, and MCP by rmcp's own client.

use anyhow::Context as _;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::client::{Client, Told};

/// One caller, who has a key, at one of them.
pub(super) enum Desk {
    /// By `POST /tools/…`.
    Rest(Rest),
    /// By `tools/call` at `/mcp`.
    Mcp(Client),
}

/// A program that does not speak MCP.
pub(super) struct Rest {
    http: reqwest::Client,
    root: String,
    key: String,
}

impl Rest {
    /// Somebody with this key, at the gateway with this address.
    ///
    /// # Errors
    /// If this machine cannot do HTTP.
    pub(super) fn new(root: &str, key: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build().context("HTTP cannot be spoken here")?;
        Ok(Self { http, root: root.to_owned(), key: key.to_owned() })
    }

    /// Answers a question.
    ///
    /// # Errors
    /// If there is no answer in return. That it does not count is one.
    pub(super) async fn confirm(&self, approval: &str) -> anyhow::Result<(StatusCode, Value)> {
        let path = format!("{}/confirm/{approval}", self.root);
        let (status, _, body) = self.said(self.http.post(path).json(&json!({ "approve": true }))).await?;
        Ok((status, body))
    }

    async fn call(&self, tool: &str, arguments: &Value, work: Option<&str>) -> anyhow::Result<Told> {
        let mut request = self.http.post(format!("{}/tools/{tool}", self.root)).json(arguments);
        if let Some(work) = work {
            request = request.header("Idempotency-Key", work);
        }
        let (status, replayed, body) = self.said(request).await?;
        Ok(Told::of(match status {
            StatusCode::OK => {
                let mut result = body.get("result").cloned().unwrap_or_default();
                if let (true, Some(fields)) = (replayed, result.as_object_mut()) {
                    fields.insert("_meta".to_owned(), json!({ "interlock/replayed": true }));
                }
                result
            }
            // In the words of MCP, so that both doors are told of alike.
            _ => json!({
                "content": [{ "type": "text", "text": format!("{status}: {}", body.get("detail").and_then(Value::as_str).unwrap_or_default()) }],
                "structuredContent": { "interlock": { "refused": body.get("refused") } },
                "isError": true,
            }),
        }))
    }

    async fn said(&self, request: RequestBuilder) -> anyhow::Result<(StatusCode, bool, Value)> {
        let response = request.header("X-API-Key", &self.key).send().await.context("the gateway does not answer")?;
        let replayed = response.headers().get("Idempotency-Replayed").is_some_and(|value| value == "true");
        let status = response.status();
        let body = response.json().await.context("the gateway's answer is no JSON")?;
        Ok((status, replayed, body))
    }
}

impl Desk {
    /// Calls a tool of the server `crm`; of calls with the same `work`, one is made.
    ///
    /// # Errors
    /// If there is no answer. A refusal is one.
    pub(super) async fn call(&self, tool: &str, arguments: &Value, work: Option<&str>) -> anyhow::Result<Told> {
        match self {
            Self::Rest(rest) => rest.call(&format!("crm/{tool}"), arguments, work).await,
            Self::Mcp(client) => client.call_as(&format!("crm__{tool}"), arguments.clone(), work).await,
        }
    }

    /// What is done to make such a call.
    pub(super) fn done(&self, tool: &str, arguments: &Value, work: Option<&str>) -> String {
        let work = |says: &str| work.map(|work| format!("  {says}: {work}")).unwrap_or_default();
        match self {
            Self::Rest(_) => format!("POST /tools/crm/{tool} {arguments}{}", work("Idempotency-Key")),
            Self::Mcp(_) => format!("crm__{tool} {arguments}{}", work("_meta[\"interlock/idempotency-key\"]")),
        }
    }

    /// Goes away.
    ///
    /// # Errors
    /// If the connection broke before.
    pub(super) async fn leave(self) -> anyhow::Result<()> {
        match self {
            Self::Rest(_) => Ok(()),
            Self::Mcp(client) => client.leave().await,
        }
    }
}
