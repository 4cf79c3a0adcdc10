//! `idempotency`: from which arguments keys are made for calls that come without one.

use std::time::Duration;

use interlock_glob::Glob;

use super::{
    document::Node,
    findings::Findings,
    pointer, policies,
    problem::ProblemKind::BadValue,
    shape::{Key, Shape},
};
use crate::mediation::Derivation;

/// What `idempotency` may hold.
pub(super) const SHAPE: Shape = Shape::Names(&Shape::Table(&[
    Key::required(
        "key",
        Shape::List(&Shape::Text),
        "JSON Pointers to the arguments that tell one piece of work from another.",
    ),
    Key::required(
        "within_minutes",
        Shape::Whole(1, 525_600),
        "Minutes for which a call with the same arguments there is the same piece of work.",
    ),
]));

/// What callers who send no key are given. `redact` are the journal's redactions.
pub(super) fn read(
    section: Option<&Node>,
    servers: &[&str],
    redact: &[(Glob, Vec<String>)],
    findings: &mut Findings<'_>,
) -> Vec<Derivation> {
    let mut all = Vec::new();
    for (tools, rule) in section.map_or(&[][..], Node::entries) {
        let glob = policies::pattern(rule, tools, servers, findings);
        let Some(list) = rule.get("key") else { continue };
        if list.items().is_empty() {
            findings.value(list, BadValue, "must not be empty").hint("every call would be the same.");
        }
        for (at, text) in list.texts() {
            if let Some(fault) = pointer::fault(text) {
                findings.value(at, BadValue, &format!("is not a JSON Pointer: {fault}"));
            }
            if let Some(hidden) = pointer::hidden(text, redact) {
                findings
                    .value(at, BadValue, &format!("goes by `{text}`, which `journal.redact` hides"))
                    .hint(format!("what is redacted cannot be compared: take `{hidden}` out of `journal.redact`."));
            }
        }
        let minutes = rule.get("within_minutes").and_then(Node::whole).unwrap_or_default();
        let key = list.texts().map(|(_, text)| text.to_owned()).collect();
        all.push(Derivation { tools: glob, key, within: Duration::from_secs(minutes.saturating_mul(60)) });
    }
    all
}
