//! HTTP responses: one message as JSON, or several as a stream of server-sent events.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{
        IntoResponse, Response,
        sse::{self, KeepAlive, Sse},
    },
};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use rmcp::transport::common::http_header::JSON_MIME_TYPE;
use serde_json::Value;

use crate::gateway::message::{HEADER_MISMATCH, METHOD_NOT_FOUND, MISSING_CAPABILITY, UNSUPPORTED_VERSION, error_code};

/// How long a client is to wait before it reads on where a stream broke.
const PAUSE: Duration = Duration::from_secs(1);

/// How often a silent stream shows that it is alive: more often than proxies usually give up.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// One message of a stream that can be read on from.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) stream: u64,
    pub(super) number: u64,
    pub(super) message: Arc<Value>,
}

/// One message as the whole response.
pub(super) fn json(status: StatusCode, message: &Value) -> Response {
    // JSON of our own making can always be written.
    let body = serde_json::to_vec(message).unwrap_or_default();
    (status, [(CONTENT_TYPE, HeaderValue::from_static(JSON_MIME_TYPE))], body).into_response()
}

/// The status that goes with a response of MCP 2026-07-28.
pub(super) fn status(message: &Value) -> StatusCode {
    match error_code(message) {
        Some(HEADER_MISMATCH | MISSING_CAPABILITY | UNSUPPORTED_VERSION) => StatusCode::BAD_REQUEST,
        Some(METHOD_NOT_FOUND) => StatusCode::NOT_FOUND,
        Some(_) | None => StatusCode::OK,
    }
}

/// A stream of a session, each message with the id from which a client can read on.
pub(super) fn stream(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    sse(events.map(|Event { stream, number, message }| {
        sse::Event::default().id(format!("{stream}-{number}")).data(message.to_string())
    }))
}

/// The same, begun with an empty event that has an id, and says when to come back: a client can then read on even if the
/// connection breaks before the first message (MCP 2025-11-25, transports).
pub(super) fn primed_stream(begins: u64, events: impl Stream<Item = Event> + Send + 'static) -> Response {
    let mut response = stream(events);
    // By hand: axum leaves empty data out, and without any data there is no event for a client to see.
    let primer = Bytes::from(format!("id: {begins}-0\nretry: {}\ndata:\n\n", PAUSE.as_millis()));
    let rest = std::mem::take(response.body_mut()).into_data_stream();
    *response.body_mut() = Body::from_stream(futures::stream::iter([Ok(primer)]).chain(rest));
    response
}

/// A stream that cannot be read on from.
pub(super) fn passing_stream(messages: impl Stream<Item = Value> + Send + 'static) -> Response {
    sse(messages.map(|message| sse::Event::default().data(message.to_string())))
}

fn sse(events: impl Stream<Item = sse::Event> + Send + 'static) -> Response {
    let sse = Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE));
    // Proxies must not collect events.
    ([("x-accel-buffering", "no")], sse).into_response()
}
