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
    sandbox::{
        Finding, GuestTool, Manifest, Problem, ToolAnswer,
        words::{cut, one_line},
    },
    verdict::{Grant, Hold, Question, Refusal, Unlock, Verdict},
};

/// Longest code, in bytes.
const MAX_CODE_BYTES: usize = 64;
/// Longest reason, in bytes: it goes into a model's context.
const MAX_REASON_BYTES: usize = 4096;
/// Largest details of a refusal, in bytes of JSON: they are shown to the caller beside the reason.
const MAX_DETAILS_BYTES: usize = 16 << 10;
/// Longest name of a tool, a role or another thing that is named, in bytes.
const MAX_NAME_BYTES: usize = 512;
/// Most roles of one question, and most codes of one plugin.
const MAX_NAMES: usize = 256;
/// Most calls that one verdict waits for: as many as a question about history tells of.
const MAX_CALLS: usize = 256;
/// Most sentences that the rules of one policy for one tool may be.
const MAX_RULES: usize = 8;
/// Longest of them, in bytes: they go into the tool's description.
const MAX_RULE_BYTES: usize = 512;
/// Largest schema of a plugin's settings, in bytes.
const MAX_SCHEMA_BYTES: usize = 1 << 20;
/// Most problems that a plugin may find with its settings, and the longest text of one, in bytes.
const MAX_PROBLEMS: usize = 100;
const MAX_PROBLEM_BYTES: usize = 1024;
/// What a refusal has of its own beside its details.
const TAKEN: [&str; 4] = ["policy", "code", "reason", "unlocks"];
/// Most unlocks of one refusal.
const MAX_UNLOCKS: usize = 64;

type Checked<T> = Result<T, String>;

fn caller(caller: &Caller) -> types::Caller {
    types::Caller { principal: caller.principal.clone(), roles: caller.roles.clone() }
}

pub(in crate::sandbox) fn call(call: &Call, grant: Option<&Grant>) -> types::Call {
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
pub(in crate::sandbox) fn json_object(object: &Map<String, Value>) -> String {
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

pub(in crate::sandbox) fn manifest(from: types::Manifest) -> Checked<Manifest> {
    if from.name.is_empty() || from.name.len() > MAX_CODE_BYTES {
        return Err("a plugin's name has 1 to 64 bytes".to_owned());
    }
    if from.settings_schema.len() > MAX_SCHEMA_BYTES {
        return Err(format!("the settings' schema has over {} KiB", MAX_SCHEMA_BYTES >> 10));
    }
    let settings_schema = serde_json::from_str(&from.settings_schema)
        .map_err(|error| format!("the settings' schema is no JSON: {error}"))?;
    Ok(Manifest {
        name: from.name,
        version: named("version", from.version)?,
        summary: cut(from.summary, MAX_REASON_BYTES),
        settings_schema,
        codes: all_named("codes", from.codes)?,
    })
}

/// What is wrong with settings, as far as a person will read.
pub(in crate::sandbox) fn problems(from: Vec<types::Problem>) -> Vec<Problem> {
    let told = |types::Problem { pointer, message }| Problem {
        pointer: cut(pointer, MAX_PROBLEM_BYTES),
        message: one_line(&message, MAX_PROBLEM_BYTES),
    };
    from.into_iter().take(MAX_PROBLEMS).map(told).collect()
}

/// The rules of one policy for one tool.
pub(in crate::sandbox) fn rules(from: Vec<String>) -> Vec<String> {
    from.iter().take(MAX_RULES).map(|rule| one_line(rule, MAX_RULE_BYTES)).collect()
}

/// A name, unless it is too long for one. Cut, it would be another.
fn named(what: &str, name: String) -> Checked<String> {
    match name.len() {
        0..=MAX_NAME_BYTES => Ok(name),
        long => Err(format!("a name among its {what} has {long} bytes; at most {MAX_NAME_BYTES} are taken")),
    }
}

fn all_named(what: &str, names: Vec<String>) -> Checked<Vec<String>> {
    match names.len() {
        0..=MAX_NAMES => names.into_iter().map(|name| named(what, name)).collect(),
        many => Err(format!("{many} {what}; at most {MAX_NAMES} are taken")),
    }
}

pub(in crate::sandbox) fn verdict(from: types::Verdict) -> Checked<Verdict> {
    Ok(match from {
        types::Verdict::Allow => Verdict::Allow,
        types::Verdict::Refuse(refused) => Verdict::Refuse(refusal(refused)?),
        types::Verdict::Ask(asked) => Verdict::Ask(question(asked)?),
        types::Verdict::Hold(held) if held.calls.len() > MAX_CALLS => {
            return Err(format!("it waits for {} calls; at most {MAX_CALLS} are taken", held.calls.len()));
        }
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
        return Err(format!("`{}` is no code", one_line(&from.code, MAX_CODE_BYTES)));
    }
    if from.unlocks.len() > MAX_UNLOCKS {
        return Err(format!("{} unlocks; at most {MAX_UNLOCKS} are taken", from.unlocks.len()));
    }
    let details = match from.details {
        Some(text) if text.len() > MAX_DETAILS_BYTES => {
            return Err(format!("`details` of {} bytes; at most {MAX_DETAILS_BYTES} are taken", text.len()));
        }
        Some(text) => object("`details`", &text)?,
        None => Map::new(),
    };
    // They are shown beside these, and must not stand in for them.
    if let Some(taken) = TAKEN.into_iter().find(|key| details.contains_key(*key)) {
        return Err(format!("`details` may not have a `{taken}`"));
    }
    Ok(Refusal {
        code: from.code,
        reason: cut(from.reason, MAX_REASON_BYTES),
        unlocks: from.unlocks.into_iter().map(unlock).collect::<Checked<_>>()?,
        details,
    })
}

fn unlock(from: types::Unlock) -> Checked<Unlock> {
    Ok(match from {
        types::Unlock::Call(tool) => Unlock::Call(named("unlocks", tool)?),
        types::Unlock::Wait(ms) => Unlock::Wait(Duration::from_millis(ms)),
        types::Unlock::Approval(id) => Unlock::Approval(named("unlocks", id)?),
        types::Unlock::After(at) if at > Timestamp::LAST.0 => return Err(format!("{at} is no time on the calendar")),
        types::Unlock::After(at) => Unlock::After(Timestamp(at)),
    })
}

fn question(from: types::Question) -> Checked<Question> {
    Ok(Question {
        reason: cut(from.reason, MAX_REASON_BYTES),
        preview: cut(from.preview, MAX_REASON_BYTES),
        roles: all_named("roles", from.roles)?,
        quorum: from.quorum.max(1),
        expires_in: Duration::from_millis(from.expires_in),
        self_approval: from.self_approval,
        channel: named("channel", from.channel)?,
    })
}

pub(super) fn finding(from: review::Finding) -> Checked<Finding> {
    Ok(match from {
        review::Finding::Pass => Finding::Pass,
        review::Finding::Redact(text) => Finding::Redact(result(&text)?),
        review::Finding::Withhold(reason) => Finding::Withhold(refusal(reason)?),
    })
}

/// Reads a whole MCP `CallToolResult`, which goes to the client as it is.
fn result(text: &str) -> Checked<Value> {
    let result = object("the result", text)?;
    let says_something = result.get("content").is_some_and(Value::is_array)
        || result.get("structuredContent").is_some_and(Value::is_object);
    if !says_something {
        return Err("the result: neither a list of `content` nor an object of `structuredContent`".to_owned());
    }
    if !result.get("isError").is_none_or(Value::is_boolean) {
        return Err("the result: `isError` is neither true nor false".to_owned());
    }
    if !result.get("resultType").is_none_or(|kind| kind == "complete") {
        return Err("the result: its `resultType` is not `complete`".to_owned());
    }
    Ok(Value::Object(result))
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

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*};

    use super::*;

    fn any_unlock() -> impl Strategy<Value = types::Unlock> {
        prop_oneof![
            "(?s).{0,700}".prop_map(types::Unlock::Call),
            any::<u64>().prop_map(types::Unlock::Wait),
            "[a-z0-9-]{0,40}".prop_map(types::Unlock::Approval),
            any::<u64>().prop_map(types::Unlock::After),
            (0..=Timestamp::LAST.0).prop_map(types::Unlock::After),
        ]
    }

    fn any_refusal() -> impl Strategy<Value = types::Refusal> {
        let code = prop_oneof!["[a-z_0-9]{1,80}", "(?s).{0,20}"];
        let details = prop_oneof![
            any::<u64>().prop_map(|number| json!({ "number": number }).to_string()),
            "(?s)\\PC{0,40}",
            Just("{\"code\": \"other\"}".to_owned()),
        ];
        (code, "(?s).{0,2000}", vec(any_unlock(), 0..4), option::of(details))
            .prop_map(|(code, reason, unlocks, details)| types::Refusal { code, reason, unlocks, details })
    }

    proptest! {
        #[test]
        fn a_refusal_that_is_taken_is_bounded_and_survives_being_written(from in any_refusal()) {
            let Ok(refusal) = refusal(from.clone()) else { return Ok(()) };
            prop_assert!((1..=MAX_CODE_BYTES).contains(&refusal.code.len()) && refusal.reason.len() <= MAX_REASON_BYTES);
            prop_assert!(from.reason.starts_with(&refusal.reason));
            let written = serde_json::to_value(&refusal).unwrap();
            prop_assert_eq!(&written["code"], &json!(from.code));
            let read: Refusal = serde_json::from_value(written.clone()).unwrap();
            // Waits are rounded up to seconds when they are written, once.
            prop_assert_eq!(serde_json::to_value(&read).unwrap(), written);
            prop_assert_eq!((read.code, read.reason, read.details), (refusal.code, refusal.reason, refusal.details));
        }

        #[test]
        fn what_is_said_to_be_an_object_is_one_or_nonsense(text in "(?s)[\\[\\]{}\":,a0 ]{0,12}|\\PC{0,20}") {
            let is_object = serde_json::from_str::<Value>(&text).is_ok_and(|value| value.is_object());
            prop_assert_eq!(object("it", &text).is_ok(), is_object);
        }
    }

    #[test]
    fn the_bounds_are_where_they_are_said_to_be() {
        let refusal = |code: usize, unlocks: usize, details: usize| {
            super::refusal(types::Refusal {
                code: "c".repeat(code),
                reason: String::new(),
                unlocks: vec![types::Unlock::Wait(1); unlocks],
                details: Some(format!("{{}}{}", " ".repeat(details - 2))),
            })
        };
        assert!(refusal(64, 64, 16 << 10).is_ok());
        assert!(refusal(65, 64, 2).is_err() && refusal(64, 65, 2).is_err() && refusal(64, 64, (16 << 10) + 1).is_err());
        let manifest = |name: &str, schema: usize, codes: usize| {
            super::manifest(types::Manifest {
                name: name.to_owned(),
                version: "1".to_owned(),
                summary: "s".repeat(10_000),
                settings_schema: format!("true{}", " ".repeat(schema - 4)),
                codes: vec!["c".repeat(512); codes],
            })
        };
        assert!(manifest("p", 1 << 20, 256).is_ok_and(|manifest| manifest.summary.len() == 4096));
        assert!(
            manifest("", 4, 0).is_err() && manifest("p", (1 << 20) + 1, 0).is_err() && manifest("p", 4, 257).is_err()
        );
        assert!(named("names", "n".repeat(513)).is_err());
    }
}
