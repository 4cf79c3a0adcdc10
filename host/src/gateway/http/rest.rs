//! Tools for programs that do not speak MCP. The same line, the same policies, the same journal.

use axum::{
    extract::{Path, Request, State, rejection::PathRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, request::Parts},
    response::Response,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::{
    Door,
    body::Whole,
    headers,
    problem::{later, problem},
    reply,
};
use crate::{
    call::CallId,
    downstream::{Link, RpcError},
    gateway::{line::CAPACITY, message::INVALID_PARAMS},
    mediation::{Answer, CallRequest, Refused, is_idempotency_key},
    verdict::Unlock,
};

/// The header that names the session of a call, as `_meta["interlock/session"]` does in MCP.
const SESSION: &str = "interlock-session";
/// Most characters of it.
const LONGEST_SESSION: usize = 256;
/// The header with what the client calls a piece of work (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The header that marks an answer as one that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Refusals of what people have not answered yet.
const WAITING: [&str; 2] = ["approval_pending", "approval_unreachable"];
/// Refusals of what was asked for before.
const REPEATED: [&str; 4] =
    ["idempotency_conflict", "idempotency_in_progress", "idempotency_no_result", "idempotency_unknown"];

/// Somebody is at home.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Health {
    /// `ok`.
    status: &'static str,
}

/// The tools.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Tools {
    /// MCP `Tool` objects: each with its `name`, `description`, `inputSchema`, and perhaps `outputSchema`.
    tools: Vec<Map<String, Value>>,
}

/// What a tool said.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Called {
    /// The call's id.
    call: String,
    /// MCP `CallToolResult`.
    #[schemars(schema_with = "tool_result")]
    result: Value,
}

/// A call that people must agree to first.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Pending {
    /// The call's id.
    call: String,
    /// It is so.
    requires_confirmation: bool,
    /// The question's id; the first one's, if several policies ask.
    approval_id: String,
    /// The ids of all questions.
    approvals: Vec<String>,
    /// Where to go on, for the first question.
    links: Links,
    /// The same in a sentence.
    detail: String,
    /// What each policy that asks says.
    #[schemars(schema_with = "refusals")]
    refused: Value,
}

/// Where to go on with a call that people must agree to.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Links {
    /// To answer: by POST.
    confirm: String,
    /// What became of the call.
    call: String,
    /// Where people answer with a browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<String>,
}

fn tool_result(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "properties": {
        "content": { "type": "array", "items": { "type": "object" } },
        "structuredContent": {},
        "isError": { "type": "boolean" },
    } })
}

fn refusals(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "object" } })
}

/// Whether anybody is at home.
pub(super) async fn health() -> Response {
    reply::json(StatusCode::OK, &json!(Health { status: "ok" }))
}

/// Every tool, with its schemas and the rules that guard it.
pub(super) async fn tools(State(door): State<Door>) -> Response {
    let tools = door.gateway.inner.behind.tools();
    let tools: Vec<&Value> = tools.iter().map(AsRef::as_ref).collect();
    reply::json(StatusCode::OK, &json!({ "tools": tools }))
}

/// Calls a tool: its exposed name, or `server/tool`, is in the path, its arguments are the body.
pub(super) async fn call(
    State(door): State<Door>,
    tool: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let inner = &door.gateway.inner;
    let Ok(Path(tool)) = tool else {
        return problem(StatusCode::NOT_FOUND, "There is no such tool: its name is not text.", Map::new());
    };
    let Whole { body: arguments, place } = match door.bodies.object(&parts.headers, body).await {
        Ok(whole) => whole,
        Err(wrong) => return *wrong,
    };
    let call = match door.call_request(&parts, tool, arguments).await {
        Ok(Ok(call)) => call,
        Ok(Err(detail)) => return problem(StatusCode::BAD_REQUEST, detail, Map::new()),
        Err(error) => return later(StatusCode::SERVICE_UNAVAILABLE, &error.message, 5, Map::new()),
    };
    let Ok(room) = inner.room.clone().try_acquire_owned() else {
        return later(StatusCode::SERVICE_UNAVAILABLE, "Too many requests are open.", 1, Map::new());
    };
    // What the server says meanwhile has nowhere to go.
    let (messages, mut heard) = mpsc::channel(CAPACITY);
    let cancel = inner.cut.child_token();
    let link = Link {
        messages,
        cancel: cancel.clone(),
        meta: Map::new(),
        wants_progress: false,
        capabilities: json!({}),
        takes_input_required: false,
        resumes: None,
        log_level: None,
    };
    let behind = inner.behind.clone();
    // Dropped with this future: then the client is gone.
    let _gone = cancel.drop_guard();
    let answer = inner.tasks.carry("rest call", async move {
        let _room = (room, place);
        let deaf = async { while heard.recv().await.is_some() {} };
        let answering = behind.call(call, link);
        let (answer, ()) = tokio::join!(answering, deaf);
        answer
    });
    told(answer.await, inner.config.approvals_page.as_deref())
}

impl Door {
    /// The call that a request is for, or what is wrong with the request.
    async fn call_request(
        &self,
        parts: &Parts,
        tool: String,
        arguments: Map<String, Value>,
    ) -> Result<Result<CallRequest, &'static str>, RpcError> {
        let caller = self.caller(&parts.extensions, None);
        let named = (session(&parts.headers), idempotency_key(&parts.headers), headers::batch(&parts.headers));
        let (named, idempotency_key, batch) = match named {
            (Ok(session), Ok(key), Ok(batch)) => (session, key, batch),
            (Err(wrong), ..) | (_, Err(wrong), _) | (.., Err(wrong)) => return Ok(Err(wrong)),
        };
        let session = match named {
            Some(session) => session,
            None => self.gateway.inner.behind.current_session(&caller.principal).await?,
        };
        let (beside, answers, continues) = (Map::new(), Vec::new(), None);
        Ok(Ok(CallRequest { tool, arguments, beside, caller, session, continues, idempotency_key, answers, batch }))
    }
}

fn session(headers: &HeaderMap) -> Result<Option<String>, &'static str> {
    let mut all = headers.get_all(SESSION).iter();
    let Some(named) = all.next() else { return Ok(None) };
    let named = named.to_str().unwrap_or_default();
    let fits = !named.is_empty() && named.len() <= LONGEST_SESSION && all.next().is_none();
    fits.then(|| Some(named.to_owned())).ok_or("One `Interlock-Session` has 1 to 256 visible ASCII characters.")
}

/// The key under which a piece of work is done once; in quotation marks or not.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, &'static str> {
    let mut all = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(one) = all.next() else { return Ok(None) };
    let text = one.to_str().unwrap_or_default();
    let key = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let fits = is_idempotency_key(key) && all.next().is_none();
    fits.then(|| Some(key.to_owned())).ok_or("One `Idempotency-Key` has 1 to 255 visible ASCII characters.")
}

/// What came of a call, in the words of HTTP.
fn told(answer: Answer, page: Option<&str>) -> Response {
    match answer {
        Answer::Result { call, result, replayed } => {
            marked(reply::json(StatusCode::OK, &json!(Called { call: call.to_string(), result })), replayed)
        }
        Answer::Refused { call, refused, .. } => refused_as(&call, &refused, page),
        Answer::Error { call, error, replayed } => {
            let more = members(json!({ "call": call, "error": { "code": error.code, "data": error.data } }));
            // A server may find fault with its parameters in the same words.
            let why = error.data.as_ref().and_then(|data| data.pointer("/interlock/refused/0/code"));
            let unknown = error.code == INVALID_PARAMS && why.is_some_and(|code| code == "tool_unknown");
            let status = if unknown { StatusCode::NOT_FOUND } else { StatusCode::BAD_GATEWAY };
            marked(problem(status, &error.message, more), replayed)
        }
    }
}

fn marked(mut response: Response, replayed: bool) -> Response {
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

fn refused_as(call: &CallId, refused: &[Refused], page: Option<&str>) -> Response {
    let reasons: Vec<&str> = refused.iter().map(|one| one.refusal.reason.as_str()).collect();
    let detail = reasons.join(" ");
    let unlocks = || refused.iter().flat_map(|one| &one.refusal.unlocks);
    let each = |fits: fn(&Refused) -> bool| !refused.is_empty() && refused.iter().all(fits);
    let approvals: Vec<String> = unlocks()
        .filter_map(|unlock| if let Unlock::Approval(id) = unlock { Some(id.clone()) } else { None })
        .collect();
    let open = each(|one| WAITING.contains(&one.refusal.code.as_str()) && !one.refusal.unlocks.is_empty());
    if let (Some(first), true) = (approvals.first(), open) {
        let links = Links {
            confirm: format!("/confirm/{first}"),
            call: format!("/calls/{call}"),
            page: page.map(|page| format!("{page}{first}")),
        };
        return reply::json(
            StatusCode::ACCEPTED,
            &json!(Pending {
                call: call.to_string(),
                requires_confirmation: true,
                approval_id: first.clone(),
                links,
                detail,
                refused: json!(refused),
                approvals,
            }),
        );
    }
    let more = json!({ "call": call, "refused": refused });
    if each(|one| REPEATED.contains(&one.refusal.code.as_str())) {
        return problem(StatusCode::CONFLICT, &detail, members(more));
    }
    if each(|one| one.refusal.code == "outcome_unknown") {
        return problem(StatusCode::GATEWAY_TIMEOUT, &detail, members(more));
    }
    if each(|one| ["journal_unavailable", "server_unavailable"].contains(&one.refusal.code.as_str())) {
        return later(StatusCode::SERVICE_UNAVAILABLE, &detail, 5, members(more));
    }
    // Where nothing but time helps.
    let waits: Option<Vec<u64>> =
        unlocks()
            .map(|unlock| {
                if let Unlock::Wait(wait) = unlock { u64::try_from(wait.as_millis().div_ceil(1000)).ok() } else { None }
            })
            .collect();
    match waits.and_then(|waits| waits.into_iter().max()) {
        Some(seconds) if each(|one| !one.refusal.unlocks.is_empty()) => {
            later(StatusCode::TOO_MANY_REQUESTS, &detail, seconds, members(more))
        }
        Some(_) | None => problem(StatusCode::FORBIDDEN, &detail, members(more)),
    }
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::header::RETRY_AFTER;

    use crate::verdict::Refusal;

    use super::*;

    fn status(all: Vec<(&str, Vec<Unlock>)>) -> (u16, Option<String>) {
        let refused = |(code, unlocks)| Refused {
            policy: "p".to_owned(),
            refusal: Refusal { unlocks, ..Refusal::new(code, "No.") },
        };
        let response = refused_as(&CallId::new(), &all.into_iter().map(refused).collect::<Vec<_>>(), None);
        let after = response.headers().get(RETRY_AFTER).map(|after| after.to_str().unwrap().to_owned());
        (response.status().as_u16(), after)
    }

    #[test]
    fn what_is_refused_has_a_status_by_what_would_help() {
        let (short, long) = (Unlock::Wait(Duration::from_millis(1200)), Unlock::Wait(Duration::from_secs(30)));
        let (call, approval) = (Unlock::Call("a/b".to_owned()), Unlock::Approval("id".to_owned()));
        assert_eq!(status(vec![("sequence_unmet", vec![call.clone()])]), (403, None));
        assert_eq!(status(vec![("not_allowed", vec![])]), (403, None));
        assert_eq!(status(vec![("approval_pending", vec![approval.clone()])]), (202, None));
        assert_eq!(
            status(vec![("approval_unreachable", vec![approval.clone()])]),
            (202, None),
            "it is open all the same"
        );
        assert_eq!(status(vec![("approval_unreachable", vec![])]), (403, None), "its time is over");
        assert_eq!(status(vec![("rate_exceeded", vec![short.clone()])]), (429, Some("2".to_owned())));
        assert_eq!(status(vec![("a", vec![short.clone()]), ("b", vec![long.clone()])]), (429, Some("30".to_owned())));
        assert_eq!(status(vec![("a", vec![short.clone()]), ("b", vec![])]), (403, None), "time alone does not help");
        assert_eq!(status(vec![("a", vec![short, call])]), (403, None));
        assert_eq!(status(vec![("approval_pending", vec![approval]), ("not_allowed", vec![])]), (403, None));
        assert_eq!(status(vec![("server_unavailable", vec![])]), (503, Some("5".to_owned())));
        assert_eq!(status(vec![("idempotency_conflict", vec![])]), (409, None));
        assert_eq!(status(vec![("outcome_unknown", vec![])]), (504, None));
    }

    #[test]
    fn only_a_tool_that_is_not_there_is_not_found() {
        let status = |data: Option<Value>| {
            let error = RpcError { code: INVALID_PARAMS, message: "No.".to_owned(), data };
            told(Answer::Error { call: CallId::new(), error, replayed: false }, None).status().as_u16()
        };
        assert_eq!(status(Some(json!({ "interlock": { "refused": [{ "code": "tool_unknown" }] } }))), 404);
        assert_eq!((status(None), status(Some(json!({ "field": "amount" })))), (502, 502), "the server says so");
    }
}
