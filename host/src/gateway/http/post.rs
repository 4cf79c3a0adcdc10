//! A message that comes in by POST, in either era.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request as HttpRequest, State},
    http::{
        HeaderValue, StatusCode,
        header::{ACCEPT, CONTENT_TYPE},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use futures::{StreamExt, stream};
use rmcp::transport::common::http_header::{EVENT_STREAM_MIME_TYPE, HEADER_SESSION_ID, JSON_MIME_TYPE};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{Door, body::Whole, headers, reply};
use crate::{
    downstream::RpcError,
    gateway::{
        client::{Client, Era, Facts, declared, handshake, opens},
        line::{CAPACITY, Line},
        message::{self, INVALID_REQUEST, Malformed, Message, Request, rpc},
        offer,
    },
};

/// For how long the first message may decide how the response begins: alone it is sent as JSON, with a status of its
/// own. After that a stream is begun, so that the client sees that it is being served.
const DECIDING: Duration = Duration::from_secs(1);

/// The first revision whose clients understand an event without a message.
const PRIMED: &str = "2025-11-25";

/// Takes one message in.
pub(super) async fn post(State(door): State<Door>, request: HttpRequest) -> Response {
    let (parts, body) = request.into_parts();
    let accepts = |media_type| headers::lists(&parts.headers, &ACCEPT, media_type);
    if !(accepts("*/*") || accepts(JSON_MIME_TYPE) && accepts(EVENT_STREAM_MIME_TYPE)) {
        return (StatusCode::NOT_ACCEPTABLE, "The client must accept application/json and text/event-stream.")
            .into_response();
    }
    if !headers::lists(&parts.headers, &CONTENT_TYPE, JSON_MIME_TYPE) {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, "The content type must be application/json.").into_response();
    }
    let Whole { body, place: _place } = match door.bodies.read(body).await {
        Ok(whole) => whole,
        Err(unread) => return unread.told().into_response(),
    };
    match message::parse(&body) {
        Err(Malformed(answer)) => reply::json(StatusCode::BAD_REQUEST, &answer),
        Ok(Message::Request(request)) if opens(&request) => initialize(&door, &parts, &request).await,
        Ok(Message::Request(request)) => {
            let id = request.id.clone();
            // First, because what the body alone says would hide that the header says something else.
            let declared = headers::check_version(&parts.headers, &request)
                .and_then(|()| declared(&request, headers::is_modern(&parts.headers)));
            let served = match declared {
                Ok(Some(facts)) => modern(&door, &parts, request, facts).await,
                Ok(None) => legacy(&door, &parts, request).await,
                Err(error) => Err(error),
            };
            served.unwrap_or_else(|error| refused(&id, error))
        }
        Ok(Message::Notification { method, params }) => {
            if headers::is_modern(&parts.headers) {
                // Nothing that a client could tell belongs to anything here.
                return StatusCode::ACCEPTED.into_response();
            }
            match door.session(&parts.headers, &parts.extensions).await {
                Ok(session) => {
                    session.connection.told(&method, &params);
                    if method == "notifications/initialized" {
                        session.announce(&door.gateway.inner);
                    }
                    StatusCode::ACCEPTED.into_response()
                }
                Err(none) => none.into_response(),
            }
        }
        Ok(Message::Response { id, outcome }) => match door.session(&parts.headers, &parts.extensions).await {
            Ok(session) => {
                session.connection.answered(&id, outcome);
                StatusCode::ACCEPTED.into_response()
            }
            Err(none) => none.into_response(),
        },
    }
}

/// Whether a request's first message is its whole response, as JSON. A client that would rather have a stream gets
/// one, but for errors, which have a status of their own.
fn is_whole(parts: &Parts, message: &Value) -> bool {
    message::is_final(message) && (message::is_error(message) || !headers::prefers_stream(&parts.headers))
}

/// The response to a request that was not let in.
fn refused(id: &Value, error: RpcError) -> Response {
    reply::json(StatusCode::BAD_REQUEST, &message::error(id, error))
}

/// Opens a session.
async fn initialize(door: &Door, parts: &Parts, request: &Request) -> Response {
    let opened = async {
        headers::check_legacy(&parts.headers, request)?;
        let facts = handshake(&request.params)?;
        let caller = door.caller(&parts.extensions, None);
        let welcome = offer::welcome(&door.gateway.inner.behind.offered(), &facts);
        let session = door.sessions.open(&caller.principal, facts).await?;
        let id = HeaderValue::from_str(&session.connection.session)
            .map_err(|_| rpc(message::INTERNAL_ERROR, "internal error"))?;
        Ok((id, welcome))
    };
    match opened.await {
        Ok((id, welcome)) => {
            let mut response = reply::json(StatusCode::OK, &message::result(&request.id, welcome));
            response.headers_mut().insert(HEADER_SESSION_ID, id);
            response
        }
        Err(error) => refused(&request.id, error),
    }
}

/// A request that stands for itself. That the client goes away calls it off.
async fn modern(door: &Door, parts: &Parts, request: Request, facts: Facts) -> Result<Response, RpcError> {
    let inner = &door.gateway.inner;
    headers::check_modern(&parts.headers, &request, |name| {
        inner.behind.tools().iter().find(|tool| tool.get("name").and_then(Value::as_str) == Some(name)).cloned()
    })?;
    let caller = door.caller(&parts.extensions, facts.name.clone());
    let client = Client { era: Era::Modern, facts, caller, session: None };
    let (out, mut messages) = mpsc::channel(CAPACITY);
    let cancel = inner.cut.child_token();
    let line = Line::new(out, cancel.clone(), None);
    let gateway = door.gateway.clone();
    let last = line.clone();
    let mut answering = inner.tasks.carry("http request", async move { gateway.answer(request, client, &line).await });
    // Dropped with this future or with the stream: then the client is gone, or has everything.
    let gone = cancel.drop_guard();
    let (first, answered) = tokio::select! {
        biased;
        first = messages.recv() => (first, None),
        answered = &mut answering => (None, Some(answered)),
        () = tokio::time::sleep(DECIDING) => (None, None),
    };
    if let Some(Some(answer)) = &answered
        && messages.is_empty()
        && is_whole(parts, answer)
    {
        return Ok(reply::json(reply::status(answer), answer));
    }
    inner.tasks.spawn("http stream", async move {
        let answer = match answered {
            Some(answer) => answer,
            None => answering.await,
        };
        if let Some(answer) = answer {
            last.send(answer).await;
        }
    });
    let rest = stream::unfold((messages, gone), |(mut messages, gone)| async move {
        messages.recv().await.map(|message| (message, (messages, gone)))
    });
    Ok(reply::passing_stream(stream::iter(first).chain(rest)))
}

/// A request of a session. It goes on without its client, who may come back and read on.
async fn legacy(door: &Door, parts: &Parts, request: Request) -> Result<Response, RpcError> {
    headers::check_legacy(&parts.headers, &request)?;
    let session = match door.session(&parts.headers, &parts.extensions).await {
        Ok(session) => session,
        Err(none) => return Ok(none.into_response()),
    };
    let inner = &door.gateway.inner;
    let connection = &session.connection;
    let facts = connection.facts().ok_or_else(|| rpc(INVALID_REQUEST, "`initialize` comes first"))?;
    let caller = door.caller(&parts.extensions, facts.name.clone());
    let primed = facts.version.as_str() >= PRIMED;
    let client = Client { era: Era::Legacy, facts, caller, session: Some(connection.session.clone()) };
    let open = connection.open(&request.id)?;
    let log = session.new_stream();
    let (out, mut outgoing) = mpsc::channel(CAPACITY);
    let line = Line::new(out, open.cancel.clone(), Some(Arc::clone(connection)));
    let (gateway, kept, called_off) = (door.gateway.clone(), Arc::clone(&log), open.cancel.clone());
    inner.tasks.spawn("http request", async move {
        let answering = async move {
            if let Some(answer) = gateway.answer(request, client, &line).await {
                line.send(answer).await;
            }
            drop(open);
        };
        let keeping = async {
            while let Some(message) = outgoing.recv().await {
                // Called off, it goes nowhere any more, and nobody need wait.
                called_off.run_until_cancelled(kept.room()).await;
                kept.push(message);
            }
        };
        tokio::join!(answering, keeping);
        kept.end();
    });
    let number = log.stream;
    let mut events = Box::pin(Arc::clone(&log).read(None));
    let first = match tokio::time::timeout(DECIDING, events.next()).await {
        Ok(Some(event)) if is_whole(parts, &event.message) => {
            session.forget(&log);
            return Ok(reply::json(StatusCode::OK, &event.message));
        }
        Ok(first) => first,
        Err(_) => None,
    };
    let events = stream::iter(first).chain(events);
    Ok(if primed { reply::primed_stream(number, events) } else { reply::stream(events) })
}
