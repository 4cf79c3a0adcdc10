//! Which HTTP requests are looked at at all: see [`site`](crate::site).

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use serde_json::Map;

use super::{Door, problem::problem};
use crate::site::{self, Stranger};

/// Refuses requests by host and origin, before anything else looks at them.
pub(super) async fn guard(State(door): State<Door>, request: Request, next: Next) -> Response {
    let config = &door.gateway.inner.config;
    let (status, told) = match site::check(&config.hosts, &config.origins, request.headers(), request.uri()) {
        Ok(()) => return next.run(request).await,
        Err(Stranger::NoHost) => (StatusCode::BAD_REQUEST, "The Host header is missing or malformed."),
        Err(Stranger::Host) => (StatusCode::FORBIDDEN, "This Host is not served here."),
        Err(Stranger::Origin) => (StatusCode::FORBIDDEN, "This Origin may not call."),
    };
    problem(status, told, Map::new())
}
