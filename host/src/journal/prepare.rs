//! What becomes of a draft before it is ordered: secrets are taken out, what is too large is cut, and the rest is
//! written as canonical JSON.

use std::sync::Arc;

use interlock_glob::Glob;
use serde_json::{Map, Value, json};

use super::{Config, Draft, Hash, secrets::Secrets};
use crate::scope::{canonical, canonicalize};

/// The fields of bodies that hold what a caller or a server sent.
const FOREIGN: [&str; 4] = ["arguments", "arguments_before", "beside", "result"];
/// The fields that may be too large to keep: those, and the definitions of tools.
const LARGE: [&str; 5] = ["arguments", "arguments_before", "beside", "result", "content"];
/// How much of a text that was cut is kept, in bytes.
const KEPT_BYTES: usize = 1024;
/// Members of arguments that were cut stay if they are so short, and so few, that scopes can still be told apart.
const KEPT_MEMBER_BYTES: usize = 256;
const KEPT_MEMBERS: usize = 64;

/// The key to one redaction: without it, nobody can try which value the commitment stands for.
#[derive(Clone, Debug)]
pub(crate) struct Salt {
    /// Where the value was, as a JSON Pointer into the body.
    pub(super) pointer: String,
    pub(super) salt: [u8; 16],
}

/// A draft that is fit to be kept.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) actor: String,
    pub(super) kind: String,
    pub(super) subject: String,
    pub(super) body: Arc<Value>,
    pub(super) text: Arc<str>,
    pub(super) salts: Vec<Salt>,
}

/// What must not be kept, and how much may be.
#[derive(Debug)]
pub(super) struct Keeping {
    redact: Vec<(Glob, Vec<String>)>,
    most: usize,
}

impl Keeping {
    pub(super) fn new(config: &Config) -> Self {
        Self { redact: config.redact.clone(), most: config.max_body_bytes }
    }

    /// Whether what calls of such tools have at a JSON Pointer is taken out, or something of it.
    pub(super) fn hides(&self, tools: &Glob, pointer: &str) -> bool {
        let leads = |from: &str, to: &str| to.strip_prefix(from).is_some_and(|on| on.is_empty() || on.starts_with('/'));
        let mut redact = self.redact.iter().filter(|(glob, _)| glob.overlaps(tools)).flat_map(|(_, all)| all);
        redact.any(|hidden| leads(hidden, pointer) || leads(pointer, hidden))
    }

    /// Makes a draft fit to be kept.
    pub(super) fn prepare(&self, draft: Draft) -> Prepared {
        let Draft { actor, kind, subject, mut body } = draft;
        let (mut salts, mut secrets) = (Vec::new(), Secrets::default());
        let tool = body.get("tool").and_then(Value::as_str).unwrap_or_default().to_owned();
        // A name that leads to no tool may be another way to write one, or one with a mistake in it.
        let is_none = !tool.contains('/');
        for field in FOREIGN {
            let Some(value) = body.get_mut(field) else { continue };
            let fitting = self.redact.iter().filter(|(glob, _)| is_none || glob.matches(&tool));
            for pointer in fitting.flat_map(|(_, all)| all) {
                redact(value, field, pointer, &mut salts, &mut secrets);
            }
        }
        secrets.blot_out(&mut body);
        let mut text = canonicalize(&mut body);
        // No part is larger than the whole, and the whole is nearly always small.
        if text.len() > self.most {
            for field in LARGE {
                if let Some(value) = body.get_mut(field) {
                    cut(value, self.most);
                }
            }
            text = canonicalize(&mut body);
        }
        Prepared { actor, kind, subject, body: Arc::new(body), text: text.into(), salts }
    }
}

fn redact(value: &mut Value, field: &str, pointer: &str, salts: &mut Vec<Salt>, secrets: &mut Secrets) {
    if pointer.is_empty() {
        return;
    }
    if field != "result" {
        secrets.learn(take_out(value, pointer, format!("/{field}{pointer}"), salts).as_ref());
        return;
    }
    if let Some(content) = value.get_mut("structuredContent") {
        let place = format!("/result/structuredContent{pointer}");
        secrets.learn(take_out(content, pointer, place, salts).as_ref());
    }
    // Servers repeat the structured content as text, so the value must go from there as well.
    let blocks = value.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten().enumerate();
    for (at, block) in blocks {
        let Some(Value::String(text)) = block.get_mut("text") else { continue };
        if let Ok(mut inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
            let taken = take_out(&mut inner, pointer, format!("/result/content/{at}/text{pointer}"), salts);
            if taken.is_some() {
                *text = inner.to_string();
            }
            secrets.learn(taken.as_ref());
        }
    }
}

/// Replaces a value by a salted commitment, and returns it.
fn take_out(root: &mut Value, pointer: &str, place: String, salts: &mut Vec<Salt>) -> Option<Value> {
    let found = root.pointer_mut(pointer)?;
    let salt = uuid::Uuid::new_v4().into_bytes();
    let commitment = Hash::of(&[&salt, canonical(found).as_bytes()].concat());
    salts.push(Salt { pointer: place, salt });
    Some(std::mem::replace(found, json!({ "redacted": format!("sha256:{commitment}") })))
}

/// Replaces a value that is too large by its digest, length and beginning.
fn cut(value: &mut Value, most: usize) {
    let text = canonical(value);
    if text.len() <= most {
        return;
    }
    let end = (0..=KEPT_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    let mut kept = Map::new();
    let (sha256, beginning) = (Hash::of(text.as_bytes()).to_string(), text.get(..end).unwrap_or_default());
    kept.insert("truncated".to_owned(), json!({ "sha256": sha256, "bytes": text.len(), "first_kib": beginning }));
    // A result has no members worth keeping: they are content, not keys by which calls are told apart.
    if let Some(members) = value.as_object().filter(|object| !object.contains_key("content")) {
        let short = members.iter().filter(|(_, member)| is_short(member)).take(KEPT_MEMBERS);
        for (key, member) in short {
            kept.entry(key.clone()).or_insert_with(|| member.clone());
        }
    }
    *value = Value::Object(kept);
}

fn is_short(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => text.len() <= KEPT_MEMBER_BYTES,
        Value::Array(_) => false,
        // A redacted value is short and must not come back through the beginning of the text; it never does, because
        // it was taken out before.
        Value::Object(object) => object.contains_key("redacted") && object.len() == 1,
    }
}
