//! Values that were taken out of an event are taken out of its prose as well: previews, reasons and faults repeat them.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, Input, MatchKind};
use serde_json::Value;

use crate::{plain::line, scope::canonical};

/// What stands where a value stood.
const BLOT: &str = "(redacted)";
/// Shorter texts are in every sentence; they go only where they stand in quotes.
const LEAST_BARE: usize = 3;
/// Prose is cut, and what was cut is a secret too: of a longer text its beginning goes wherever so many letters of it stand.
const LEAST_BEGINNING: usize = 8;
/// Where prose was cut. Before it, fewer letters will do.
const CUT: char = '…';

/// Fields of bodies that are no prose: names, ids, digests, times. What callers and servers sent is here too: there the
/// pointers say what goes, and scopes must go on to find the rest.
const EXACT: [&str; 24] = [
    "alone",
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
                self.learn_text(text);
                // As people are shown it.
                let shown: String = text.chars().map(|c| if is_unfit(c) { ' ' } else { c }).collect();
                if shown != *text {
                    self.learn_text(&shown);
                    self.learn_text(&line(text));
                }
            }
            // `1.0` is `1` in canonical JSON, and policies have ways of their own to write numbers.
            Some(value @ Value::Number(number)) => {
                self.texts.extend([value.to_string(), canonical(value)]);
                self.texts.extend(number.as_f64().map(|number| number.to_string()));
            }
            Some(Value::Array(all)) => all.iter().for_each(|value| self.learn(Some(value))),
            Some(Value::Object(all)) => all.values().for_each(|value| self.learn(Some(value))),
            // Words that are in every text are no secrets.
            Some(Value::Null | Value::Bool(_)) | None => {}
        }
    }

    fn learn_text(&mut self, text: &str) {
        if text.chars().count() >= LEAST_BARE {
            self.texts.push(text.to_owned());
        }
        if !text.is_empty() {
            self.texts.push(canonical(&Value::from(text)));
        }
    }

    /// Takes the values out of an event's prose, and out of the text that repeats a result.
    pub(super) fn blot_out(&self, body: &mut Value) {
        if self.texts.is_empty() {
            return;
        }
        match Search::of(&self.texts) {
            Some(search) => prose(body, &mut |text| search.blot(text)),
            // Too many for one search. Then no prose is kept rather than a secret in it.
            None => prose(body, &mut |text| BLOT.clone_into(text)),
        }
    }
}

/// Finds values, and what is left of them where they were cut.
struct Search<'s> {
    texts: &'s [String],
    found: AhoCorasick,
    /// The longer ones, by their beginnings.
    longer: HashMap<&'s str, Vec<&'s str>>,
}

impl<'s> Search<'s> {
    fn of(texts: &'s [String]) -> Option<Self> {
        let mut longer: HashMap<&str, Vec<&str>> = HashMap::new();
        for text in texts {
            if let Some(beginning) = letters(text, LEAST_BEGINNING) {
                longer.entry(beginning).or_default().push(text);
            }
        }
        let patterns = texts.iter().map(String::as_str).chain(longer.keys().copied());
        let found = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(patterns).ok()?;
        Some(Self { texts, found, longer })
    }

    fn blot(&self, text: &mut String) {
        if self.found.is_match(text.as_str()) {
            *text = self.blotted(text);
        }
        if text.contains(CUT) {
            *text = self.without_rests(text);
        }
    }

    /// A text without the values. A short number goes only where it is no part of another number or word.
    fn blotted(&self, text: &str) -> String {
        let (mut kept, mut done) = (String::with_capacity(text.len()), 0);
        while let Some(at) = self.found.find(Input::new(text).range(done..)) {
            let secret = text.get(at.range()).unwrap_or_default();
            let before = text.get(..at.start()).unwrap_or_default();
            let after = text.get(at.end()..).unwrap_or_default();
            let inside = before.ends_with(char::is_alphanumeric) || after.starts_with(char::is_alphanumeric);
            let part = secret.len() < LEAST_BARE && !secret.starts_with('"') && inside;
            kept.push_str(text.get(done..at.start()).unwrap_or_default());
            kept.push_str(if part { secret } else { BLOT });
            done = at.end();
            // Another value may begin alike, and more of it be here.
            let from_here = text.get(at.start()..).unwrap_or_default();
            let alike = self.longer.get(letters(from_here, LEAST_BEGINNING).unwrap_or(from_here));
            let longest = alike.into_iter().flatten().map(|other| shared(from_here, other)).max().unwrap_or_default();
            done = done.max(at.start() + longest);
        }
        kept.push_str(text.get(done..).unwrap_or_default());
        kept
    }

    /// A text without the few letters of a value that stand before a cut.
    fn without_rests(&self, text: &str) -> String {
        let mut parts: Vec<String> = text.split(CUT).map(str::to_owned).collect();
        let last = parts.len().saturating_sub(1);
        for part in parts.iter_mut().take(last) {
            let rests = (LEAST_BARE..LEAST_BEGINNING).rev().filter_map(|number| {
                let begins = |value: &&String| letters(value, number).is_some_and(|rest| part.ends_with(rest));
                self.texts.iter().find(begins).and_then(|value| letters(value, number)).map(str::len)
            });
            let longest = rests.max();
            if let Some(length) = longest {
                part.truncate(part.len() - length);
                part.push_str(BLOT);
            }
        }
        parts.join(&CUT.to_string())
    }
}

/// What previews and reasons have a blank for: what controls, hides or reorders (`cut` in the plugins' SDK).
fn is_unfit(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

/// The first letters of a text that has more of them.
fn letters(text: &str, number: usize) -> Option<&str> {
    text.char_indices().nth(number).and_then(|(end, _)| text.get(..end))
}

/// How far two texts are the same, in bytes.
fn shared(one: &str, other: &str) -> usize {
    let differ = one.char_indices().zip(other.chars()).find(|((_, a), b)| a != b);
    differ.map_or(one.len().min(other.len()), |((at, _), _)| at)
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
