//! What clients are told of this door, and what results look like in each era.

use serde_json::{Value, json};

use super::{
    behind::Offered,
    client::{self, Era, Facts, VERSIONS},
    message::Object,
};

/// Key of `_meta` under which results name who answers, since 2026-07-28.
const SERVER_KEY: &str = "io.modelcontextprotocol/serverInfo";

/// MCP `Implementation` of this door.
fn identity() -> Value {
    json!({"name": "interlock", "title": "Interlock", "version": env!("CARGO_PKG_VERSION")})
}

/// The result of `initialize`.
pub(super) fn welcome(offered: &Offered, facts: &Facts) -> Value {
    let mut result = json!({
        "protocolVersion": facts.version,
        "capabilities": capabilities(offered, Era::Legacy),
        "serverInfo": identity(),
    });
    instruct(&mut result, offered);
    result
}

/// The result of `server/discover`.
pub(super) fn discovery(offered: &Offered) -> Value {
    let mut result = json!({"supportedVersions": VERSIONS, "capabilities": capabilities(offered, Era::Modern)});
    instruct(&mut result, offered);
    result
}

fn instruct(result: &mut Value, offered: &Offered) {
    if let (Some(text), Some(result)) = (&offered.instructions, result.as_object_mut()) {
        result.insert("instructions".to_owned(), text.clone().into());
    }
}

/// What the servers can do, taken together: tools always, and their list may change; tasks as clients of the era may
/// have them.
pub(super) fn capabilities(offered: &Offered, era: Era) -> Object {
    let all = client::capabilities(era, offered.capabilities.clone());
    let mut all = all.as_object().cloned().unwrap_or_default();
    all.insert("tools".to_owned(), json!({"listChanged": true}));
    all
}

/// A tool's definition, as clients of an era take it.
///
/// Before 2026-07-28 nobody said that `structuredContent` of an error need not fit the tool's `outputSchema`, and the
/// TypeScript SDK's first generation throws a refusal away that does not. So the schema has room for refusals there.
pub(super) fn tool(tool: &Value, era: Era) -> Value {
    let mut tool = tool.clone();
    match (era, tool.get_mut("outputSchema")) {
        (Era::Legacy, Some(Value::Object(schema))) => *schema = with_room_for_refusals(schema),
        (Era::Legacy | Era::Modern, _) => {}
    }
    tool
}

fn with_room_for_refusals(schema: &Object) -> Object {
    let only = |kept: &dyn Fn(&str) -> bool| -> Object {
        schema.iter().filter(|(key, _)| kept(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let whole = ["$schema", "$id"];
    // Whoever reads the schema, or refers into it, finds things where they were.
    let told = ["title", "description", "type", "properties", "$defs", "definitions"];
    let mut wide = only(&|key| whole.contains(&key) || told.contains(&key));
    let refusal = json!({"properties": {"interlock": {"type": "object"}}, "required": ["interlock"]});
    wide.insert("anyOf".to_owned(), json!([only(&|key| !whole.contains(&key)), refusal]));
    wide
}

/// Gives a result the fields that its era asks for, and leaves all others alone.
pub(super) fn dress(method: &str, mut result: Value, era: Era) -> Value {
    let Some(fields) = result.as_object_mut() else { return result };
    let complete = fields.get("resultType").is_none_or(|kind| kind == "complete");
    match era {
        Era::Legacy if complete => {
            fields.shift_remove("resultType");
        }
        Era::Legacy => {}
        Era::Modern => {
            fields.entry("resultType").or_insert_with(|| "complete".into());
            if complete && is_cacheable(method) {
                fields.entry("ttlMs").or_insert_with(|| 0.into());
                // Whatever the server thinks: what a caller may see is decided per caller.
                fields.insert("cacheScope".to_owned(), "private".into());
            }
            let meta = fields.entry("_meta").or_insert_with(|| json!({}));
            if let Some(meta) = meta.as_object_mut() {
                meta.insert(SERVER_KEY.to_owned(), identity());
            }
        }
    }
    result
}

fn is_cacheable(method: &str) -> bool {
    matches!(
        method,
        "server/discover"
            | "tools/list"
            | "prompts/list"
            | "resources/list"
            | "resources/templates/list"
            | "resources/read"
    )
}
