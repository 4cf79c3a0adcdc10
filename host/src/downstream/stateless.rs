//! The direct way to an HTTP server of 2026-07-28, where a request is one POST that stands for itself. For connections.
//!
//! rmcp's client would hand each message from task to task until it is on the wire, and its answer back. Here a request
//! goes from whoever makes it straight to the socket, and what comes back goes through the switchboard as everywhere.

use std::sync::Arc;

use futures::StreamExt;
use http::{HeaderName, HeaderValue, StatusCode};
use reqwest::Response;
use rmcp::transport::common::http_header::{HEADER_MCP_METHOD, HEADER_MCP_NAME, HEADER_MCP_PROTOCOL_VERSION};
use serde_json::{Map, Value, json};

use super::{
    exchange::Exchange,
    http::{Failure, HttpError, Tapped, body, is_type},
    outlet::Outlet,
    param_headers::{encode, param_headers},
    switchboard::CalledOff,
};

/// A request of a client's, as it will be posted.
pub(super) struct Posted<'a> {
    /// `tools/call`, …
    pub(super) method: &'a str,
    /// Its parameters, an object, `_meta` included.
    pub(super) params: Value,
    /// The revision that is spoken.
    pub(super) version: &'a str,
    /// The called tool's input schema.
    pub(super) schema: Option<&'a Map<String, Value>>,
}

impl Tapped {
    /// Posts a request and reads until its answer is there; the exchange then holds it. Dropping this closes the stream,
    /// which is how a request is called off in this revision.
    ///
    /// # Errors
    /// If the server cannot be reached, refuses the request, or ends without an answer.
    pub(super) async fn post(&self, id: &str, request: Posted<'_>, exchange: &Arc<Exchange>) -> Result<(), Failure> {
        let Posted { method, mut params, version, schema } = request;
        let headers = headers(method, &params, version, schema);
        if exchange.wants_progress
            && let Some(meta) = params.get_mut("_meta").and_then(Value::as_object_mut)
        {
            meta.insert("progressToken".to_owned(), id.into());
        }
        let mut message = json!({"jsonrpc": "2.0", "id": id, "method": method});
        // Moved in: the macro would copy them.
        if let Some(message) = message.as_object_mut() {
            message.insert("params".to_owned(), params);
        }
        self.logged_in().await?;
        if !exchange.begin_sending() {
            return Err(Failure::Client(CalledOff.into()));
        }
        self.board.open(id, exchange.clone());
        let mut posting = self.base.request(&message);
        for (name, value) in headers {
            posting = posting.header(name, value);
        }
        let response = self.send(posting, Some(exchange)).await?;
        if response.status().is_client_error() {
            // The server refused the request as such, so it did not run it.
            exchange.not_taken();
        }
        self.read(id, response, exchange).await
    }

    async fn read(&self, id: &str, response: Response, exchange: &Exchange) -> Result<(), Failure> {
        let status = response.status();
        let origin = Value::from(id).to_string();
        let outlet = Outlet::Post(self.base.clone());
        if status.is_success() && is_type(&response, "text/event-stream") {
            let mut events = self.events(response, Some(origin), outlet);
            while !exchange.is_answered() {
                match events.next().await {
                    Some(event) => event?,
                    None => return Ok(()),
                };
            }
            return Ok(());
        }
        if is_type(&response, "application/json")
            && let Ok(mut answer) = serde_json::from_slice::<Value>(&body(response).await?)
            && (status.is_success() || answer.get("error").is_some())
        {
            if let Some(answer) = answer.as_object_mut() {
                // Servers that could not read a request leave its id out, but it can only be this one.
                answer.insert("id".to_owned(), id.into());
            }
            self.board.incoming(answer, Some(&origin), &outlet).await;
            return Ok(());
        }
        if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Ok(());
        }
        Err(Failure::Client(HttpError::Status(status)))
    }
}

/// What the headers must repeat of the body.
fn headers(
    method: &str,
    params: &Value,
    version: &str,
    schema: Option<&Map<String, Value>>,
) -> Vec<(HeaderName, HeaderValue)> {
    let name = match method {
        "tools/call" | "prompts/get" => params.get("name"),
        "resources/read" => params.get("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => params.get("taskId"),
        _ => None,
    };
    let own = [
        (HEADER_MCP_PROTOCOL_VERSION.to_owned(), Some(version.to_owned())),
        (HEADER_MCP_METHOD.to_owned(), Some(method.to_owned())),
        (HEADER_MCP_NAME.to_owned(), name.and_then(Value::as_str).map(str::to_owned)),
    ];
    let mirrored = schema.map(|schema| param_headers(schema, params.get("arguments"))).unwrap_or_default();
    let all = own.into_iter().chain(mirrored);
    // What cannot be a header is left out: the server then says that it misses it.
    all.filter_map(|(name, text)| Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(encode(&text?)).ok()?)))
        .collect()
}
