//! From what a server says of itself and its tools to [`Offers`]. Pure.

use std::{collections::HashSet, sync::Arc};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tracing::warn;

use super::{Offers, Tool};
use crate::{call::ToolName, scope::canonical};

/// What annotations call a hint, and what we call it.
const HINTS: [(&str, &str); 4] = [
    ("readOnlyHint", "read_only"),
    ("destructiveHint", "destructive"),
    ("idempotentHint", "idempotent"),
    ("openWorldHint", "open_world"),
];

impl Offers {
    /// Reads the answer to `initialize` or `server/discover`.
    pub(super) fn from_handshake(handshake: &Value, protocol: String) -> Self {
        let info =
            handshake.get("serverInfo").or_else(|| handshake.pointer("/_meta/io.modelcontextprotocol~1serverInfo"));
        Self {
            capabilities: handshake.get("capabilities").cloned().unwrap_or_default(),
            server_info: info.cloned().unwrap_or_default(),
            instructions: handshake.get("instructions").and_then(Value::as_str).map(str::to_owned),
            protocol,
            tools: Arc::default(),
        }
    }
}

/// The tools of one server. A definition without a name is left out, and so is one whose name would pass for another
/// server's tool or escape the pattern `server/*`; of two with the same name the first counts.
pub(super) fn tools(server: &str, prefix: &str, definitions: Vec<Value>) -> Arc<[Tool]> {
    let mut seen = HashSet::new();
    let mut tools = Vec::with_capacity(definitions.len());
    for definition in definitions {
        let Some(name) = definition.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()) else {
            warn!(server, "a tool without a name was left out");
            continue;
        };
        if name.contains(|c: char| matches!(c, '/' | '*') || c.is_control() || c.is_whitespace()) {
            warn!(server, tool = ?name, "a tool was left out whose name has `/`, `*`, white space or a control character");
            continue;
        }
        if !seen.insert(name.to_owned()) {
            warn!(server, tool = name, "a second tool of the same name was left out");
            continue;
        }
        tools.push(Tool {
            name: ToolName::new(server, name),
            exposed: format!("{prefix}{name}"),
            digest: digest(&definition),
            hints: hints(&definition),
            definition: Arc::new(definition),
        });
    }
    tools.into()
}

/// SHA-256 over the canonical JSON of a definition, as hexadecimal digits.
pub fn digest(definition: &Value) -> Arc<str> {
    let hash = Sha256::digest(canonical(definition).as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

/// The hints that a definition's annotations state outright; the protocol's defaults promise nothing.
fn hints(definition: &Value) -> Arc<[String]> {
    let annotations = definition.get("annotations").unwrap_or(&Value::Null);
    let holds = |key| annotations.get(key).and_then(Value::as_bool) == Some(true);
    HINTS.iter().filter(|(theirs, _)| holds(*theirs)).map(|(_, ours)| (*ours).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_hints_that_are_true_count_and_bad_definitions_are_left_out() {
        let tools = tools(
            "s",
            "s__",
            vec![
                json!({"name": "a", "annotations": {"readOnlyHint": true, "destructiveHint": false,
                    "idempotentHint": 1}}),
                json!({"name": "a", "description": "again"}),
                json!({"title": "nameless"}),
                json!("not an object"),
            ],
        );
        let seen: Vec<_> = tools.iter().map(|tool| (tool.exposed.as_str(), tool.hints.to_vec())).collect();
        assert_eq!(seen, [("s__a", vec!["read_only".to_owned()])]);
    }

    #[test]
    fn tools_whose_names_escape_patterns_are_left_out() {
        let names = ["a/b", "/", "*", "a*", "a b", " a", "a\n", "a\u{a0}b", "a\u{0}", "a\u{1b}[0m", "a.b-c_D1"];
        let tools = tools("s", "s__", names.iter().map(|name| json!({"name": name})).collect());
        let kept: Vec<_> = tools.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(kept, ["s/a.b-c_D1"]);
    }

    #[test]
    fn a_digest_does_not_depend_on_the_order_of_keys() {
        let digests = [json!({"name": "a", "x": {"b": 1, "c": 2}}), json!({"x": {"c": 2, "b": 1}, "name": "a"})];
        assert_eq!(digest(&digests[0]), digest(&digests[1]));
        assert_ne!(digest(&digests[0]), digest(&json!({"name": "a", "x": {"b": 1, "c": 3}})));
    }
}
