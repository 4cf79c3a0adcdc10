//! The way in for the fuzzer: lines of the journal, and what is to become one.

use std::sync::Arc;

use interlock_glob::Glob;
use serde_json::Value;

use super::{
    Config, Draft, Durability, Event, Sequence, body, kind,
    past::{Began, admitted, change},
    prepare::Keeping,
};
use crate::{
    call::{Caller, ToolName},
    clock::Timestamp,
    scope::canonical,
};

/// How large a body may be here, in bytes.
const MOST: usize = 512;

/// Reads a line as an event, as every reader of the journal does; and makes its body fit to be kept.
///
/// # Panics
/// If something is not as it should be.
pub fn line(text: &str) {
    let Ok(event) = serde_json::from_str::<Event>(text) else { return };
    let hash = event.expected_hash();
    let again = serde_json::to_string(&event).ok().and_then(|text| serde_json::from_str::<Event>(&text).ok());
    assert_eq!(again.map(|event| event.expected_hash()), Some(hash), "what is written is what is read");
    drop(event.read::<body::Asked>());
    drop(event.read::<body::CallRefused>());
    drop(event.read::<body::Reviewed>());
    drop(event.read::<body::Process>());
    drop(change(&event, None));
    let open = Arc::new(admitted(Sequence(1), Timestamp(0), &event.subject, opening()));
    if let Some(change) = change(&event, Some(&open)) {
        assert!(event.kind == kind::CALL_ADMITTED || change.call.id == open.id);
    }
    kept(event);
}

fn opening() -> Began {
    Began {
        tool: ToolName::new("s", "t"),
        arguments: Value::Null,
        caller: Caller { principal: String::new(), roles: Vec::new(), client: None },
        session: String::new(),
        process: String::new(),
        idempotency: None,
    }
}

/// Redacts and cuts the body, which must then read as it was written.
fn kept(event: Event) {
    let config = Config {
        path: Default::default(),
        mirror_dir: None,
        redact: vec![(Glob::new("**"), vec!["/secret".to_owned(), "/deep/0".to_owned()])],
        max_body_bytes: MOST,
        durability: Durability::Batched,
    };
    let Event { actor, kind, subject, body, .. } = event;
    let secret = body.pointer("/arguments/secret").cloned();
    let prepared = Keeping::new(&config).prepare(Draft { actor, kind, subject, body: (*body).clone() });
    let read = serde_json::from_str::<Value>(&prepared.text).ok();
    assert_eq!(read.as_ref().map(canonical).as_deref(), Some(&*prepared.text), "it is canonical");
    assert_eq!(read.as_ref(), Some(&*prepared.body));
    if secret.is_some() {
        let kept = prepared.body.pointer("/arguments/secret");
        assert!(kept.is_none_or(|kept| kept.get("redacted").is_some()), "a secret is kept: {kept:?}");
    }
}
