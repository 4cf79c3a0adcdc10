//! Which methods there are, in which era, and what their parameters must hold. What does not fit is refused here, so
//! that no server ever sees a request that this door has not understood.

use serde_json::Value;

use super::{
    client::{Era, severity},
    message::{INVALID_PARAMS, METHOD_NOT_FOUND, Object, Request, rpc},
};
use crate::downstream::RpcError;

/// A method that this door knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Ping,
    Discover,
    ListTools,
    CallTool,
    SetLevel,
    Subscribe,
    Unsubscribe,
    Listen,
    /// About a task that a call became.
    Task,
    /// Passed on to the servers; `true`: they may ask the client for input first.
    PassedOn {
        may_ask: bool,
    },
}

/// The method that a request means, its parameters checked. `initialize` is the transports' own affair.
///
/// # Errors
/// `-32601` for a method that is unknown, or not of this era; `-32602` for parameters that it does not take.
pub(super) fn understand(request: &Request, era: Era) -> Result<Method, RpcError> {
    let params = &request.params;
    let method = match (request.method.as_str(), era) {
        ("ping", Era::Legacy) => Method::Ping,
        ("server/discover", Era::Modern) => Method::Discover,
        ("tools/list", _) => Method::ListTools,
        ("tools/call", _) => {
            text(params, "name")?;
            object_or_none(params, "arguments")?;
            Method::CallTool
        }
        ("logging/setLevel", Era::Legacy) => {
            if severity(text(params, "level")?).is_none() {
                return Err(rpc(INVALID_PARAMS, "`level` is not a log level"));
            }
            Method::SetLevel
        }
        ("resources/subscribe", Era::Legacy) => text(params, "uri").map(|_| Method::Subscribe)?,
        ("resources/unsubscribe", Era::Legacy) => text(params, "uri").map(|_| Method::Unsubscribe)?,
        ("subscriptions/listen", Era::Modern) => {
            object(params, "notifications")?;
            Method::Listen
        }
        ("tasks/get" | "tasks/cancel", Era::Modern) => text(params, "taskId").map(|_| Method::Task)?,
        ("tasks/update", Era::Modern) => {
            text(params, "taskId")?;
            object(params, "inputResponses")?;
            Method::Task
        }
        ("prompts/list" | "resources/list" | "resources/templates/list", _) => {
            if params.get("cursor").is_some_and(|cursor| !cursor.is_string()) {
                return Err(rpc(INVALID_PARAMS, "`cursor` is not a text"));
            }
            Method::PassedOn { may_ask: false }
        }
        ("prompts/get", _) => {
            text(params, "name")?;
            object_or_none(params, "arguments")?;
            Method::PassedOn { may_ask: true }
        }
        ("resources/read", _) => text(params, "uri").map(|_| Method::PassedOn { may_ask: true })?,
        ("completion/complete", _) => {
            object(params, "ref")?;
            object(params, "argument")?;
            Method::PassedOn { may_ask: false }
        }
        (unknown, _) => return Err(rpc(METHOD_NOT_FOUND, format!("there is no method `{unknown}`"))),
    };
    match params.get("_meta") {
        None | Some(Value::Object(_)) => Ok(method),
        Some(_) => Err(rpc(INVALID_PARAMS, "`_meta` is not an object")),
    }
}

fn text<'a>(params: &'a Object, key: &str) -> Result<&'a str, RpcError> {
    params
        .get(key)
        .and_then(Value::as_str)
        .ok_or_else(|| rpc(INVALID_PARAMS, format!("`{key}` is missing, or not a text")))
}

fn object<'a>(params: &'a Object, key: &str) -> Result<&'a Object, RpcError> {
    params
        .get(key)
        .and_then(Value::as_object)
        .ok_or_else(|| rpc(INVALID_PARAMS, format!("`{key}` is missing, or not an object")))
}

fn object_or_none(params: &Object, key: &str) -> Result<(), RpcError> {
    if params.contains_key(key) { object(params, key).map(drop) } else { Ok(()) }
}
