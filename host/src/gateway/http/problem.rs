//! Problem documents (RFC 9457): errors for programs that do not speak MCP.

use axum::{
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What is wrong, as RFC 9457 has it; with further members that depend on what it is.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Problem {
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// What is wrong, in a sentence.
    detail: String,
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// An error with its status, in a sentence, and with further members.
pub(super) fn problem(status: StatusCode, detail: &str, more: Map<String, Value>) -> Response {
    let title = status.canonical_reason().unwrap_or_default();
    let body = Problem { title, status: status.as_u16(), detail: detail.to_owned(), more };
    (status, [(header::CONTENT_TYPE, "application/problem+json")], json!(body).to_string()).into_response()
}

/// A problem that may be none in so many seconds.
pub(super) fn later(status: StatusCode, detail: &str, seconds: u64, more: Map<String, Value>) -> Response {
    let mut response = problem(status, detail, more);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// There is nothing of this name.
pub(super) async fn nowhere(uri: Uri) -> Response {
    let detail = format!("There is nothing at {}. `GET /openapi.json` tells what there is.", uri.path());
    problem(StatusCode::NOT_FOUND, &detail, Map::new())
}

/// There is something, but not for this method. Which it is for, the router puts into `Allow`.
pub(super) async fn not_so(method: Method) -> Response {
    problem(StatusCode::METHOD_NOT_ALLOWED, &format!("{method} does nothing here."), Map::new())
}
