//! Stands in for a client that cannot come back with input: a modern server answers `input_required`, the client is
//! asked over the open link, the request is made again with its answers. MCP 2026-07-28, multi round-trip requests.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{Link, RpcError, ServerError, connection::Connection, exchange::Exchange};

/// How often a server may ask again within one request.
const MAX_ROUNDS: u32 = 10;
/// First wait where a server wants nothing but to be asked again later; doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Makes a request, and answers what the server asks in between.
///
/// # Errors
/// See [`ServerError`]; the client's own error if it could not answer, [`ServerError::Cancelled`] if the client left
/// between two rounds: every request so far was answered then, and none is open.
pub(super) async fn request(
    connection: &Connection,
    method: &str,
    mut params: Value,
    link: &Link,
) -> Result<Value, ServerError> {
    if let (true, Some(resume)) = (connection.is_modern(), &link.resumes) {
        put(&mut params, resume.responses.clone(), resume.state.clone().map(Value::String));
    }
    if link.takes_input_required {
        return connection.request(method, params, link).await;
    }
    for round in 0..MAX_ROUNDS {
        let mut answer = connection.request(method, params.clone(), link).await?;
        if answer.get("resultType").and_then(Value::as_str) != Some("input_required") {
            return Ok(answer);
        }
        let mut responses = Map::new();
        let questions = answer.get_mut("inputRequests").and_then(Value::as_object_mut).map(std::mem::take);
        for (key, mut question) in questions.unwrap_or_default() {
            let asked = question.get("method").and_then(Value::as_str).unwrap_or_default().to_owned();
            let with = question.get_mut("params").map(Value::take).unwrap_or_else(|| Value::Object(Map::new()));
            let response = Exchange::new(link).ask(asked, with).await;
            if link.cancel.is_cancelled() {
                return Err(ServerError::Cancelled);
            }
            responses.insert(key, response?);
        }
        if responses.is_empty() {
            tokio::select! {
                () = tokio::time::sleep(FIRST_WAIT * 2u32.pow(round.min(5))) => {}
                () = link.cancel.cancelled() => return Err(ServerError::Cancelled),
            }
        }
        put(&mut params, Value::Object(responses), answer.get_mut("requestState").map(Value::take));
    }
    Err(ServerError::Rpc(RpcError {
        code: -32603,
        message: format!("the server asked for input more than {MAX_ROUNDS} times"),
        data: None,
    }))
}

/// Puts a client's answers into a request, in place of earlier ones.
fn put(params: &mut Value, responses: Value, state: Option<Value>) {
    if !params.is_object() {
        *params = Value::Object(Map::new());
    }
    let Some(params) = params.as_object_mut() else { return };
    let given = |value: &Value| !value.is_null() && value.as_object().is_none_or(|object| !object.is_empty());
    for (key, value) in [("inputResponses", Some(responses)), ("requestState", state)] {
        match value.filter(given) {
            Some(value) => params.insert(key.to_owned(), value),
            None => params.shift_remove(key),
        };
    }
}
