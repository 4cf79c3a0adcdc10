//! `journal`: where and how everything that happens is kept.

use std::path::PathBuf;

use interlock_glob::Glob;

use super::{
    component::Base,
    document::{Node, Value},
    findings::Findings,
    pointer, policies,
    problem::ProblemKind::{BadValue, Unsupported},
    shape::{Key, Shape},
};
use crate::journal::{Config, Durability};

/// What `journal` may hold.
pub(super) const SHAPE: Shape = Shape::Table(&[
    Key::new(
        "url",
        Shape::Text,
        "Where it is kept: `sqlite:FILE`, relative to this file; sqlite:interlock.db unless given.",
    ),
    Key::new(
        "mirror_dir",
        Shape::OrNull(&Shape::Text),
        "Folder of the daily JSON-lines files; audit_logs unless given, \
        null for none.",
    ),
    Key::new(
        "redact",
        Shape::Names(&Shape::List(&Shape::Text)),
        "What must not be kept: from patterns of server/tool to \
        JSON Pointers into arguments and results.",
    ),
    Key::new(
        "max_body_kib",
        Shape::Whole(1, 16_384),
        "Arguments and results beyond this many KiB are kept as digest, \
        length and beginning; 64 unless given.",
    ),
    Key::new(
        "durability",
        Shape::Word(&["before_call", "batched"]),
        "When an admission counts as durable: on disk before \
        the call is sent (unless given), or at most 50 ms later.",
    ),
]);

/// What the journal is told.
pub(super) fn read(section: Option<&Node>, servers: &[&str], base: &Base<'_>, findings: &mut Findings<'_>) -> Config {
    let get = |key| section.and_then(|section| section.get(key));
    let kib = get("max_body_kib").and_then(Node::whole).and_then(|kib| usize::try_from(kib).ok()).unwrap_or(64);
    Config {
        path: get("url").map_or_else(|| base.path("interlock.db"), |url| file(url, base, findings)),
        mirror_dir: match get("mirror_dir") {
            Some(Node { value: Value::Null, .. }) => None,
            Some(node) => {
                if node.text() == Some("") {
                    findings.value(node, BadValue, "must name a folder").hint("write null for no mirror.");
                }
                Some(base.path(node.text().unwrap_or_default()))
            }
            None => Some(base.path("audit_logs")),
        },
        redact: redact(get("redact"), servers, findings),
        max_body_bytes: kib.saturating_mul(1024),
        durability: match get("durability").and_then(Node::text) {
            Some("batched") => Durability::Batched,
            Some(_) | None => Durability::BeforeCall,
        },
    }
}

/// The file of `sqlite:FILE` or `sqlite://FILE`.
fn file(node: &Node, base: &Base<'_>, findings: &mut Findings<'_>) -> PathBuf {
    let Some(url) = node.text() else { return PathBuf::new() };
    let path = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
    match path {
        Some("" | ":memory:") => {
            findings.value(node, BadValue, "must name a file: what is only in memory proves nothing");
        }
        Some(path) if path.contains('?') => {
            findings.value(node, BadValue, "takes no `?` options");
        }
        Some(path) => return base.path(path),
        None if url.starts_with("postgres:") || url.starts_with("postgresql:") => {
            findings.value(node, Unsupported, "is not supported: PostgreSQL comes later").hint("write `sqlite:FILE`.");
        }
        None => {
            findings.value(node, BadValue, "must have the form `sqlite:FILE`");
        }
    }
    PathBuf::new()
}

fn redact(section: Option<&Node>, servers: &[&str], findings: &mut Findings<'_>) -> Vec<(Glob, Vec<String>)> {
    let mut all = Vec::new();
    for (tools, list) in section.map_or(&[][..], Node::entries) {
        let glob = policies::pattern(list, tools, servers, findings);
        if list.items().is_empty() {
            findings.value(list, BadValue, "must not be empty").hint("nothing would be redacted.");
        }
        for (at, text) in list.texts() {
            if pointer::keys(text).iter().any(|key| key == "*") {
                findings.value(at, BadValue, "has a `*`, which stands for itself: JSON Pointers have no wildcards");
            }
            if let Some(fault) = pointer::fault(text) {
                findings.value(at, BadValue, &format!("is not a JSON Pointer: {fault}"));
            }
        }
        all.push((glob, list.texts().map(|(_, text)| text.to_owned()).collect()));
    }
    all
}
