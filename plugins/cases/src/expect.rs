//! What is to come of a case, and how that is compared with what did.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// What is to come of a case: of a policy a verdict, arguments or a finding, of a toolset an answer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Word>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unlocks: Option<Vec<Map<String, Value>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finding: Option<FindingWord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, deserialize_with = "even_null", skip_serializing_if = "Option::is_none")]
    structured: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_error: Option<bool>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Allow,
    Refuse,
    Ask,
    Hold,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum FindingWord {
    Pass,
    Redact,
    Withhold,
}

/// `null` is something that can be expected.
fn even_null<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

impl Expect {
    /// What is named, by key.
    pub fn named(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(named)) => named,
            // A struct of JSON's own types is an object.
            _ => Map::new(),
        }
    }
}

/// What came otherwise than expected: a clause for each key. `given` has the words of `expect`, all of them.
pub fn differences(expected: &Map<String, Value>, given: &Map<String, Value>) -> Vec<String> {
    let mut wrong = Vec::new();
    for key in ["verdict", "finding"] {
        if given.contains_key(key) && !expected.contains_key(key) {
            wrong.push(format!("no `{key}` is expected"));
        }
    }
    for (key, wanted) in expected {
        let there = given.get(key);
        let fits = match (key.as_str(), wanted, there) {
            ("reason" | "text", Value::String(part), Some(Value::String(whole))) => whole.contains(part),
            ("question", Value::Object(named), Some(Value::Object(asked))) => {
                named.iter().all(|(key, value)| asked.get(key) == Some(value))
            }
            _ => there == Some(wanted),
        };
        if !fits {
            let there = there.map_or_else(|| "nothing".to_owned(), Value::to_string);
            wrong.push(format!("`{key}` is {there}, not {wanted}"));
        }
    }
    wrong
}
