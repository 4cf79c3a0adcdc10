//! Which requests a token is good for: what is needed is told at once and in full, before anything is done
//! (MCP 2026-07-28, authorization, scope challenge handling).

use std::collections::HashMap;

use axum::{
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderValue, Method, StatusCode, header::WWW_AUTHENTICATE},
    middleware::Next,
    response::Response,
};
use serde_json::{Map, Value, json};

use super::{Door, body::Whole, problem::problem};
use crate::{
    call::ToolName,
    gateway::{
        authenticate::Granted,
        message::{self, Message},
    },
};

/// Lets a request through that its credential was given for, or answers with what it would take.
///
/// Goes by what will be carried out, the body or the path, and not by headers that repeat it.
pub(super) async fn check(
    State(door): State<Door>,
    path: Option<Path<HashMap<String, String>>>,
    request: Request,
    next: Next,
) -> Response {
    let inner = &door.gateway.inner;
    let granted = request.extensions().get::<Granted>().cloned();
    let (Some(resource), Some(granted @ Granted::Scopes(_))) = (&inner.config.resource, granted) else {
        return next.run(request).await;
    };
    let (request, tool) = match path.as_ref().and_then(|Path(parameters)| in_path(parameters)) {
        Some(tool) => (request, inner.behind.tool(&tool)),
        None if request.method() == Method::POST => match door.called(request).await {
            Ok(read) => read,
            Err(unread) => return unread,
        },
        None => (request, None),
    };
    match resource.lacking(&granted, tool.as_ref()) {
        None => next.run(request).await,
        Some(needed) => {
            let scopes = Map::from_iter([("scopes".to_owned(), json!(needed))]);
            let detail = format!("The token lacks a scope; this takes `{}`.", needed.join(" "));
            let mut response = problem(StatusCode::FORBIDDEN, &detail, scopes);
            // Only a header's own letters are let in by the configuration.
            if let Ok(challenge) = HeaderValue::from_str(&resource.challenge(Some("insufficient_scope"), &needed)) {
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            }
            response
        }
    }
}

/// The tool that a path names: a route that runs one has it under this name, whole or with its server before it.
fn in_path(parameters: &HashMap<String, String>) -> Option<String> {
    let tool = parameters.get("tool")?;
    Some(parameters.get("server").map_or_else(|| tool.clone(), |server| format!("{server}/{tool}")))
}

impl Door {
    /// The tool that a message calls, and the request as it was. What is no such message is for others to judge.
    async fn called(&self, request: Request) -> Result<(Request, Option<ToolName>), Response> {
        let inner = &self.gateway.inner;
        let (parts, body) = request.into_parts();
        let read = self.bodies.read(body).await.map_err(|unread| {
            let (status, detail) = unread.told();
            problem(status, detail, Map::new())
        });
        // Its place is taken again by whoever reads it next.
        let Whole { body, .. } = read?;
        let tool = match message::parse(&body) {
            Ok(Message::Request(call)) if call.method == "tools/call" => {
                call.params.get("name").and_then(Value::as_str).and_then(|name| inner.behind.tool(name))
            }
            Ok(Message::Request(_) | Message::Notification { .. } | Message::Response { .. }) | Err(_) => None,
        };
        Ok((Request::from_parts(parts, Body::from(body)), tool))
    }
}
