//! From our words to those of generation 0.1.0 and back. What comes back is checked: a guest may answer anything.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    policy::interlock::plugin::types, reviewer::exports::interlock::plugin::review,
    tools::exports::interlock::plugin::toolset,
};
use crate::{
    call::{Call, CallId, Caller, PastCall},
    clock::Timestamp,
    sandbox::{Finding, GuestTool, Manifest, ToolAnswer},
    verdict::{Grant, Hold, Question, Refusal, Unlock, Verdict},
};

/// Longest code, in bytes.
const MAX_CODE_BYTES: usize = 64;
/// Longest reason, in bytes: it goes into a model's context.
const MAX_REASON_BYTES: usize = 4096;
/// What a refusal has of its own beside its details.
const TAKEN: [&str; 4] = ["policy", "code", "reason", "unlocks"];
/// The year 9999: what lies beyond cannot be written as RFC 3339, and read again. In milliseconds since 1970.
const LATEST_MS: u64 = 253_370_764_800_000;
/// Most unlocks of one refusal.
const MAX_UNLOCKS: usize = 64;

type Checked<T> = Result<T, String>;

fn caller(caller: &Caller) -> types::Caller {
    types::Caller { principal: caller.principal.clone(), roles: caller.roles.clone() }
}

pub(super) fn call(call: &Call, grant: Option<&Grant>) -> types::Call {
    types::Call {
        id: call.id.to_string(),
        tool: call.tool.to_string(),
        arguments: json_object(&call.arguments),
        caller: caller(&call.caller),
        session: call.session.clone(),
        received: call.received.0,
        hints: call.hints.to_vec(),
        approval: grant.map(|grant| types::GrantedApproval {
            id: grant.id.clone(),
            approvers: grant
                .approvers
                .iter()
                .map(|by| types::Approver { principal: by.principal.clone(), roles: by.roles.clone() })
                .collect(),
            granted: grant.granted.0,
        }),
    }
}

/// JSON text of an object.
pub(super) fn json_object(object: &Map<String, Value>) -> String {
    // Writing a `Map` cannot fail: its keys are strings, and the writer is memory.
    serde_json::to_string(object).unwrap_or_default()
}

pub(super) fn past_call(past: &PastCall) -> types::PastCall {
    types::PastCall {
        id: past.id.to_string(),
        tool: past.tool.to_string(),
        arguments: json_object(&past.arguments),
        outcome: past.outcome.map_or("running", |outcome| outcome.as_str()).to_owned(),
        result: past.result.as_deref().map(Value::to_string),
        admitted: past.admitted.0,
        finished: past.finished.map(|at| at.0),
        caller: caller(&past.caller),
    }
}

pub(super) fn context(call: &Call) -> toolset::CallContext {
    toolset::CallContext {
        id: call.id.to_string(),
        caller: caller(&call.caller),
        session: call.session.clone(),
        received: call.received.0,
    }
}

pub(super) fn manifest(from: types::Manifest) -> Checked<Manifest> {
    let settings_schema = serde_json::from_str(&from.settings_schema)
        .map_err(|error| format!("the settings' schema is no JSON: {error}"))?;
    if from.name.is_empty() || from.name.len() > MAX_CODE_BYTES {
        return Err("a plugin's name has 1 to 64 bytes".to_owned());
    }
    Ok(Manifest { name: from.name, version: from.version, summary: from.summary, settings_schema, codes: from.codes })
}

pub(super) fn verdict(from: types::Verdict) -> Checked<Verdict> {
    Ok(match from {
        types::Verdict::Allow => Verdict::Allow,
        types::Verdict::Refuse(refused) => Verdict::Refuse(refusal(refused)?),
        types::Verdict::Ask(asked) => Verdict::Ask(question(asked)?),
        types::Verdict::Hold(held) => Verdict::Hold(Hold {
            calls: held.calls.iter().map(|id| CallId::from(id.as_str())).collect(),
            longest: Duration::from_millis(held.longest),
            otherwise: refusal(held.otherwise)?,
        }),
    })
}

fn refusal(from: types::Refusal) -> Checked<Refusal> {
    let code_fits = !from.code.is_empty()
        && from.code.len() <= MAX_CODE_BYTES
        && from.code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !code_fits {
        return Err(format!("`{}` is no code", from.code.escape_debug()));
    }
    if from.unlocks.len() > MAX_UNLOCKS {
        return Err(format!("{} unlocks; at most {MAX_UNLOCKS} are taken", from.unlocks.len()));
    }
    let details = match from.details {
        Some(text) => object("`details`", &text)?,
        None => Map::new(),
    };
    // They are shown beside these, and must not stand in for them.
    if let Some(taken) = TAKEN.into_iter().find(|key| details.contains_key(*key)) {
        return Err(format!("`details` may not have a `{taken}`"));
    }
    Ok(Refusal {
        code: from.code,
        reason: cut(from.reason),
        unlocks: from
            .unlocks
            .into_iter()
            .map(|unlock| match unlock {
                types::Unlock::Call(tool) => Unlock::Call(tool),
                types::Unlock::Wait(ms) => Unlock::Wait(Duration::from_millis(ms)),
                types::Unlock::Approval(id) => Unlock::Approval(id),
                types::Unlock::After(at) => Unlock::After(Timestamp(at.min(LATEST_MS))),
            })
            .collect(),
        details,
    })
}

fn question(from: types::Question) -> Checked<Question> {
    Ok(Question {
        reason: cut(from.reason),
        preview: cut(from.preview),
        roles: from.roles,
        quorum: from.quorum.max(1),
        expires_in: Duration::from_millis(from.expires_in),
        self_approval: from.self_approval,
        channel: from.channel,
    })
}

/// Cuts a text at its limit, between characters.
fn cut(mut text: String) -> String {
    if text.len() > MAX_REASON_BYTES {
        let end = (0..=MAX_REASON_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

pub(super) fn finding(from: review::Finding) -> Checked<Finding> {
    Ok(match from {
        review::Finding::Pass => Finding::Pass,
        review::Finding::Redact(result) => Finding::Redact(Value::Object(object("the result", &result)?)),
        review::Finding::Withhold(reason) => Finding::Withhold(refusal(reason)?),
    })
}

/// Reads what must be a JSON object.
pub(super) fn object(what: &str, text: &str) -> Checked<Map<String, Value>> {
    serde_json::from_str(text).map_err(|error| format!("{what}: no JSON object: {error}"))
}

pub(super) fn tool(from: toolset::ToolDefinition) -> Checked<GuestTool> {
    let mut definition = Map::new();
    definition.insert("name".to_owned(), json!(from.name));
    definition.insert("title".to_owned(), json!(from.title));
    definition.insert("description".to_owned(), json!(from.description));
    definition.insert("inputSchema".to_owned(), Value::Object(object("the input schema", &from.input_schema)?));
    if let Some(schema) = from.output_schema {
        definition.insert("outputSchema".to_owned(), Value::Object(object("the output schema", &schema)?));
    }
    let holds = |hint: &str| from.hints.iter().any(|held| held == hint);
    // All four are written out: MCP's defaults (destructive, open world) are the opposite of what silence means here.
    definition.insert(
        "annotations".to_owned(),
        json!({
            "title": from.title,
            "readOnlyHint": holds("read_only"),
            "destructiveHint": holds("destructive"),
            "idempotentHint": holds("idempotent"),
            "openWorldHint": holds("open_world"),
        }),
    );
    Ok(GuestTool { name: from.name, definition: Value::Object(definition) })
}

pub(super) fn answer(from: toolset::ToolResult) -> Checked<ToolAnswer> {
    let structured = match from.structured {
        Some(text) => Some(Value::Object(object("the structured content", &text)?)),
        None => None,
    };
    Ok(ToolAnswer { text: from.text, structured, is_error: from.is_error })
}
