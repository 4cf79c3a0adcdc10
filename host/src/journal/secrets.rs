//! Values that were taken out of an event are taken out of its prose as well: previews, reasons and faults repeat them.

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;

use crate::scope::canonical;

/// What stands where a value stood.
const BLOT: &str = "(redacted)";
/// Shorter texts are in every sentence; they go only where they stand in quotes.
const LEAST_BARE: usize = 3;

/// Fields of bodies that are no prose: names, ids, digests, times. What callers and servers sent is here too: there the
/// pointers say what goes, and scopes must go on to find the rest.
const EXACT: [&str; 23] = [
    "approvals",
    "arguments",
    "arguments_before",
    "binding",
    "call",
    "caller",
    "continues",
    "definition",
    "duration_ms",
    "expires",
    "hints",
    "idempotency",
    "outcome",
    "pid",
    "policy",
    "process",
    "received",
    "result",
    "session",
    "set",
    "tool",
    "version",
    "view",
];

/// The same of what lies within a field.
fn exact_within(field: &str) -> &'static [&'static str] {
    match field {
        "policies" => &["policy", "mode", "verdict", "code", "micros"],
        "batch" => &["id", "size"],
        "escalate" => &["from", "to", "at"],
        "question" => &["roles", "quorum", "expires_in_ms", "self_approval", "channel"],
        "refused" => &["policy", "code", "unlocks"],
        _ => &[],
    }
}

/// The values that were taken out of one event, as they would stand in a text.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    texts: Vec<String>,
}

impl Secrets {
    /// Remembers a value that was taken out, and all values in it.
    pub(super) fn learn(&mut self, taken: Option<&Value>) {
        match taken {
            Some(Value::String(text)) => {
                if text.chars().count() >= LEAST_BARE {
                    self.texts.push(text.clone());
                }
                if !text.is_empty() {
                    self.texts.push(canonical(&Value::from(text.as_str())));
                }
            }
            // `1.0` is `1` in canonical JSON.
            Some(number @ Value::Number(_)) => self.texts.extend([number.to_string(), canonical(number)]),
            Some(Value::Array(all)) => all.iter().for_each(|value| self.learn(Some(value))),
            Some(Value::Object(all)) => all.values().for_each(|value| self.learn(Some(value))),
            // Words that are in every text are no secrets.
            Some(Value::Null | Value::Bool(_)) | None => {}
        }
    }

    /// Takes the values out of an event's prose, and out of the text that repeats a result.
    pub(super) fn blot_out(&self, body: &mut Value) {
        if self.texts.is_empty() {
            return;
        }
        let Ok(found) = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&self.texts) else {
            // Too many for one search. Then no prose is kept rather than a secret in it.
            return prose(body, &mut |text| BLOT.clone_into(text));
        };
        let mut blot = |text: &mut String| {
            if found.is_match(text.as_str()) {
                *text = blotted(&found, text);
            }
        };
        prose(body, &mut blot);
    }
}

/// A text without the values. A short number goes only where it is no part of another number or word.
fn blotted(found: &AhoCorasick, text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    found.replace_all_with(text, &mut kept, |at, secret, kept| {
        let before = text.get(..at.start()).and_then(|before| before.chars().next_back());
        let after = text.get(at.end()..).and_then(|after| after.chars().next());
        let inside = [before, after].into_iter().flatten().any(char::is_alphanumeric);
        let part = secret.len() < LEAST_BARE && !secret.starts_with('"') && inside;
        kept.push_str(if part { secret } else { BLOT });
        true
    });
    kept
}

/// Hands every text that is prose to `change`.
fn prose(body: &mut Value, change: &mut dyn FnMut(&mut String)) {
    let Some(fields) = body.as_object_mut() else { return };
    let blocks = fields.get_mut("result").and_then(|result| result.get_mut("content")).and_then(Value::as_array_mut);
    for block in blocks.into_iter().flatten() {
        for pointer in ["/text", "/resource/text"] {
            if let Some(Value::String(text)) = block.pointer_mut(pointer) {
                change(text);
            }
        }
    }
    for (field, value) in fields.iter_mut().filter(|(field, _)| !EXACT.contains(&field.as_str())) {
        let exact = exact_within(field);
        match value {
            Value::Array(all) => all.iter_mut().for_each(|one| within(one, exact, change)),
            value => within(value, exact, change),
        }
    }
}

fn within(value: &mut Value, exact: &[&str], change: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Number(number) => {
            let mut text = number.to_string();
            change(&mut text);
            if text == BLOT {
                *value = Value::String(text);
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|one| within(one, &[], change)),
        Value::Object(all) => {
            let prose = all.iter_mut().filter(|(key, _)| !exact.contains(&key.as_str()));
            prose.for_each(|(_, one)| within(one, &[], change));
        }
        Value::Null | Value::Bool(_) => {}
    }
}
