//! Tools that ask the client in the middle of a call, as was done before 2026-07-28. Since then they ask by ending the
//! call, and are called again with the answer.
#![expect(deprecated, reason = "the suites test what MCP has deprecated")]

use rmcp::{
    ErrorData, RoleServer,
    model::{CallToolResponse, ElicitRequestParams, InputRequiredResult, ProtocolVersion},
    service::RequestContext,
};
use serde_json::{Value, json};

use crate::{
    definitions::from_json,
    plain::{lost, text},
    rounds::Round,
};

/// Key of the one question.
const QUESTION: &str = "question";

/// Asks what a tool asks, and words the answer; none if there is no such tool here.
pub(crate) async fn call(
    name: &str,
    arguments: &Value,
    round: &Round<'_>,
    context: &RequestContext<RoleServer>,
) -> Option<Result<CallToolResponse, ErrorData>> {
    let argument = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    let params = match name {
        "test_sampling" => {
            let message = json!({"role": "user", "content": {"type": "text", "text": argument("prompt")}});
            return Some(ask("sampling/createMessage", sample(message), round, context).await);
        }
        "test_elicitation" => form(argument("message"), user()),
        "test_elicitation_sep1034_defaults" => form("Please check these values.", defaults()),
        "test_elicitation_sep1330_enums" => form("Please choose.", choices()),
        _ => return None,
    };
    Some(ask("elicitation/create", params, round, context).await)
}

async fn ask(
    method: &str,
    params: Value,
    round: &Round<'_>,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let modern = context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
    let answer = if modern {
        let Some(answer) = round.answer(QUESTION) else {
            let questions = from_json(json!({QUESTION: {"method": method, "params": params}}))?;
            return Ok(InputRequiredResult::from_input_requests(questions).into());
        };
        answer.clone()
    } else if method == "sampling/createMessage" {
        let answer = context.peer.create_message(from_json(params)?).await.map_err(lost)?;
        serde_json::to_value(answer).unwrap_or_default()
    } else {
        let form: ElicitRequestParams = from_json(params)?;
        let answer = context.peer.create_elicitation(form).await.map_err(lost)?;
        serde_json::to_value(answer).unwrap_or_default()
    };
    let said = match answer.pointer("/content/text").and_then(Value::as_str) {
        Some(said) => format!("LLM response: {said}"),
        None => {
            let field = |key: &str| answer.get(key).cloned().unwrap_or_default();
            format!("action={}, content={}", field("action").as_str().unwrap_or_default(), field("content"))
        }
    };
    text(&said).map(Into::into)
}

fn sample(message: Value) -> Value {
    json!({"messages": [message], "maxTokens": 100})
}

fn form(message: &str, properties: Value) -> Value {
    let schema = json!({"type": "object", "properties": properties});
    json!({"mode": "form", "message": message, "requestedSchema": schema})
}

fn user() -> Value {
    json!({
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    })
}

fn defaults() -> Value {
    json!({
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": true},
    })
}

fn choices() -> Value {
    let options = ["option1", "option2", "option3"];
    let titled = |what: &str| {
        json!([
            {"const": "value1", "title": format!("First {what}")},
            {"const": "value2", "title": format!("Second {what}")},
            {"const": "value3", "title": format!("Third {what}")},
        ])
    };
    json!({
        "untitledSingle": {"type": "string", "enum": options},
        "titledSingle": {"type": "string", "oneOf": titled("Option")},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": options}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled("Choice")}},
    })
}
