//! JSON-RPC 2.0 messages, kept as JSON so that nothing is lost that the wire carried. For both transports.

use serde_json::{Map, Value, json};

use super::unambiguous::{Unambiguous, is_ambiguous};
use crate::downstream::{RpcError, Salvage, Salvaged};

/// A JSON object.
pub(super) type Object = Map<String, Value>;

pub(super) const PARSE_ERROR: i64 = -32700;
pub(super) const INVALID_REQUEST: i64 = -32600;
pub(super) const METHOD_NOT_FOUND: i64 = -32601;
pub(super) const INVALID_PARAMS: i64 = -32602;
pub(super) const INTERNAL_ERROR: i64 = -32603;
/// From the range that JSON-RPC leaves to servers: try again later.
pub(super) const BUSY: i64 = -32000;
/// MCP 2026-07-28: a header does not say what the body says.
pub(super) const HEADER_MISMATCH: i64 = -32020;
/// MCP 2026-07-28: the client lacks a capability that the request needs.
pub(super) const MISSING_CAPABILITY: i64 = -32021;
/// MCP 2026-07-28: a revision that is not spoken here.
pub(super) const UNSUPPORTED_VERSION: i64 = -32022;

/// What a client sent.
#[derive(Debug)]
pub(super) enum Message {
    /// It wants an answer.
    Request(Request),
    /// It tells something.
    Notification { method: String, params: Object },
    /// It answers something that it was asked.
    Response { id: Value, outcome: Result<Value, RpcError> },
}

/// A client's request.
#[derive(Debug)]
pub(super) struct Request {
    /// A string or a number.
    pub(super) id: Value,
    /// `tools/call`, …
    pub(super) method: String,
    /// As sent; empty if none were.
    pub(super) params: Object,
}

impl Request {
    /// The request's `_meta`, if it has one that is an object.
    pub(super) fn meta(&self) -> Option<&Object> {
        self.params.get("_meta").and_then(Value::as_object)
    }
}

/// A text that is no message; holds the error response that it deserves.
#[derive(Debug)]
pub(super) struct Malformed(pub(super) Value);

/// Reads one message.
///
/// # Errors
/// [`Malformed`] with `-32700` for what is not JSON, `-32600` for what is not a single JSON-RPC 2.0 message or says
/// something twice, `-32602` for parameters that are not an object: MCP knows no others.
pub(super) fn parse(text: &[u8]) -> Result<Message, Malformed> {
    let value = match serde_json::from_slice(text) {
        Ok(Unambiguous(value)) => value,
        Err(error) => {
            let code = if is_ambiguous(&error) { INVALID_REQUEST } else { PARSE_ERROR };
            return unreadable(Salvage::of(text), rpc(code, format!("the message cannot be read: {error}")));
        }
    };
    let Value::Object(mut object) = value else {
        return Err(invalid(&Value::Null, "the message is not a JSON object; batches are not taken"));
    };
    let id = object.remove("id");
    let known_id = id.clone().filter(|id| id.is_string() || id.is_number());
    let answer_to = known_id.clone().unwrap_or_default();
    if object.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(invalid(&answer_to, "the message does not say that it is JSON-RPC 2.0"));
    }
    match (object.remove("method"), id, known_id) {
        (Some(Value::String(method)), id, known_id) => {
            let params = match object.remove("params") {
                None => Map::new(),
                Some(Value::Object(params)) => params,
                Some(_) => {
                    return Err(Malformed(error(&answer_to, rpc(INVALID_PARAMS, "`params` is not an object"))));
                }
            };
            match (id, known_id) {
                (None, _) => Ok(Message::Notification { method, params }),
                (Some(_), Some(id)) => Ok(Message::Request(Request { id, method, params })),
                (Some(_), None) => Err(invalid(&Value::Null, "the id is neither a string nor a number")),
            }
        }
        (Some(_), ..) => Err(invalid(&answer_to, "`method` is not a string")),
        (None, _, Some(id)) => match (object.remove("result"), object.remove("error")) {
            (Some(result), None) => Ok(Message::Response { id, outcome: Ok(result) }),
            (None, Some(error)) => Ok(Message::Response { id, outcome: Err(read_error(error)) }),
            (Some(_), Some(_)) | (None, None) => {
                Err(invalid(&id, "the message is neither a request nor a notification nor a response"))
            }
        },
        (None, ..) => Err(invalid(&Value::Null, "the message has neither a method nor an id")),
    }
}

/// What becomes of a message that cannot be read: a request is answered with this error, and so is everything of which
/// nobody can tell what it was; an answer to a question of ours counts as this error, so that nobody waits for another.
///
/// # Errors
/// [`Malformed`] for all but answers.
pub(super) fn unreadable(what: Salvaged, why: RpcError) -> Result<Message, Malformed> {
    match what {
        Salvaged::Request(id) => Err(Malformed(error(&id, why))),
        Salvaged::Response(id) => Ok(Message::Response { id, outcome: Err(why) }),
        Salvaged::Nothing => Err(Malformed(error(&Value::Null, why))),
    }
}

fn read_error(error: Value) -> RpcError {
    RpcError {
        code: error.get("code").and_then(Value::as_i64).unwrap_or(INTERNAL_ERROR),
        message: error.get("message").and_then(Value::as_str).unwrap_or("the client gave no reason").to_owned(),
        data: error.get("data").cloned(),
    }
}

fn invalid(id: &Value, message: &str) -> Malformed {
    Malformed(error(id, rpc(INVALID_REQUEST, message)))
}

/// An error object without data.
pub(super) fn rpc(code: i64, message: impl Into<String>) -> RpcError {
    RpcError { code, message: message.into(), data: None }
}

/// The message that answers request `id` with a result.
pub(super) fn result(id: &Value, result: Value) -> Value {
    let mut message = json!({"jsonrpc": "2.0", "id": id});
    // Moved in: the macro would copy it.
    if let Some(message) = message.as_object_mut() {
        message.insert("result".to_owned(), result);
    }
    message
}

/// The message that answers request `id` with an error.
pub(super) fn error(id: &Value, error: RpcError) -> Value {
    let mut body = json!({"code": error.code, "message": error.message});
    if let (Some(data), Some(body)) = (error.data, body.as_object_mut()) {
        body.insert("data".to_owned(), data);
    }
    json!({"jsonrpc": "2.0", "id": id, "error": body})
}

/// A notification to the client.
pub(super) fn notification(method: &str, params: Value) -> Value {
    match params {
        Value::Null => json!({"jsonrpc": "2.0", "method": method}),
        params => json!({"jsonrpc": "2.0", "method": method, "params": params}),
    }
}

/// A request to the client.
pub(super) fn request(id: u64, method: &str, params: Value) -> Value {
    match params {
        Value::Null => json!({"jsonrpc": "2.0", "id": id, "method": method}),
        params => json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}),
    }
}

/// Whether a message of ours ends the request that it is about.
pub(super) fn is_final(message: &Value) -> bool {
    message.get("method").is_none()
}

/// Whether a message of ours says that a request failed.
pub(super) fn is_error(message: &Value) -> bool {
    message.get("error").is_some()
}

/// The code of the error that a message of ours carries.
pub(super) fn error_code(message: &Value) -> Option<i64> {
    message.get("error")?.get("code")?.as_i64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> i64 {
        error_code(&parse(text.as_bytes()).unwrap_err().0).unwrap()
    }

    #[test]
    fn what_is_no_message_is_told_why() {
        assert_eq!(code("{"), PARSE_ERROR);
        for wrong in [
            "[]",
            "1",
            r#"{"id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":1}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"ping"}"#,
        ] {
            assert_eq!(code(wrong), INVALID_REQUEST, "{wrong}");
        }
        assert_eq!(code(r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#), INVALID_PARAMS);
    }

    #[test]
    fn the_three_kinds_are_told_apart() {
        assert!(matches!(
            parse(br#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#),
            Ok(Message::Request(Request { id, .. })) if id == "a"
        ));
        assert!(matches!(parse(br#"{"jsonrpc":"2.0","method":"x"}"#), Ok(Message::Notification { .. })));
        assert!(matches!(
            parse(br#"{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"no"}}"#),
            Ok(Message::Response { outcome: Err(RpcError { code: -1, .. }), .. })
        ));
    }
}
