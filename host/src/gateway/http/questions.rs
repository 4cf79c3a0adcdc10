//! Questions to people and their answers, and what became of calls, for programs that do not speak MCP.

use axum::{
    extract::{Path, Request, State, rejection::PathRejection},
    http::StatusCode,
    response::Response,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Door,
    problem::{later, problem},
    reply,
};
use crate::{
    call::Caller,
    gateway::{CallStatus, DeskError, Question, Reply},
};

/// Most bytes of an answer.
const MOST_BYTES: usize = 64 << 10;
/// Most characters of a reason.
const LONGEST_REASON: usize = 2000;

/// What somebody says to a question.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Confirmation {
    /// Yes or no. One no is a no.
    approve: bool,
    /// Why, in your words: it is put on record.
    #[serde(default)]
    #[schemars(length(max = 2000))]
    reason: Option<String>,
    /// The `digest` of the question that you were shown: your answer then counts for exactly that.
    #[serde(default)]
    seen: Option<String>,
}

/// The open questions that concern a caller.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Questions {
    /// The oldest first; at most 200.
    approvals: Vec<Question>,
}

/// What stands in a path; not every path is text.
type InPath = Result<Path<String>, PathRejection>;

/// The open questions that the caller has asked, or may answer.
pub(super) async fn list(State(door): State<Door>, request: Request) -> Response {
    let caller = door.caller(request.extensions(), None);
    told(door.desk.questions(&caller).await.map(|approvals| json!(Questions { approvals })))
}

/// One question.
pub(super) async fn show(State(door): State<Door>, id: InPath, request: Request) -> Response {
    let caller = door.caller(request.extensions(), None);
    let Ok(Path(id)) = id else { return told(Err(DeskError::Unknown)) };
    told(door.desk.question(&id, &caller).await.map(|question: Question| json!(question)))
}

/// What became of a call of the caller's own.
pub(super) async fn call(State(door): State<Door>, id: InPath, request: Request) -> Response {
    let caller = door.caller(request.extensions(), None);
    let Ok(Path(id)) = id else { return told(Err(DeskError::Unknown)) };
    told(door.desk.call(&id, &caller).await.map(|status: CallStatus| json!(status)))
}

/// Answers a question.
pub(super) async fn confirm(State(door): State<Door>, id: InPath, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match door.bodies.at_most(MOST_BYTES).object(&parts.headers, body).await {
        Ok(whole) => whole.body,
        Err(wrong) => return *wrong,
    };
    let Some(caller) = parts.extensions.get::<Caller>() else {
        // Whoever made the call could answer for somebody else.
        let detail = "Nobody is known here, so nobody can answer: write `\"auth\": {\"keys\": true}` into the \
                      configuration, and make keys with `interlock keys create`. Until then, `interlock approvals`.";
        return problem(StatusCode::FORBIDDEN, detail, Map::new());
    };
    let confirmation = match serde_json::from_value::<Confirmation>(Value::Object(body)) {
        Ok(confirmation) => confirmation,
        Err(error) => {
            return problem(StatusCode::BAD_REQUEST, &format!("The body cannot be read: {error}."), Map::new());
        }
    };
    let Confirmation { approve, reason, seen } = confirmation;
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > LONGEST_REASON) {
        let detail = format!("A reason has at most {LONGEST_REASON} characters.");
        return problem(StatusCode::BAD_REQUEST, &detail, Map::new());
    }
    let Ok(Path(id)) = id else { return told(Err(DeskError::Unknown)) };
    told(door.desk.answer(&id, caller, Reply { approve, reason, seen }).await.map(|question| json!(question)))
}

fn told(found: Result<Value, DeskError>) -> Response {
    let said = |status, detail: &str| problem(status, detail, Map::new());
    match found {
        Ok(found) => reply::json(StatusCode::OK, &found),
        Err(DeskError::Unknown) => said(StatusCode::NOT_FOUND, "There is no such thing, or it is not yours to see."),
        Err(DeskError::Denied(why)) => said(StatusCode::FORBIDDEN, &sentence(&why)),
        Err(DeskError::Over(why)) => said(StatusCode::CONFLICT, &sentence(&why)),
        Err(error @ DeskError::Unavailable) => {
            later(StatusCode::SERVICE_UNAVAILABLE, &sentence(&error.to_string()), 5, Map::new())
        }
    }
}

/// An error's text, as a sentence.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).chain(['.']).collect()
}
