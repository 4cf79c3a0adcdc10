//! Problem documents (RFC 9457): errors for programs that do not speak MCP.

use axum::{
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

/// An error with its status, in a sentence, and with further members.
pub(super) fn problem(status: StatusCode, detail: &str, more: Map<String, Value>) -> Response {
    let mut body = json!({ "title": status.canonical_reason(), "status": status.as_u16(), "detail": detail });
    if let Some(fields) = body.as_object_mut() {
        fields.extend(more);
    }
    (status, [(CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}
