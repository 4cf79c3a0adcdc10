//! `trust`: whose components are loaded.

use super::{
    component::Base,
    document::Node,
    findings::Findings,
    problem::ProblemKind::BadValue,
    shape::{Key, Shape},
};
use crate::trust::{Config, KeyAt, PublicKey};

/// What `trust` may hold.
pub(super) const SHAPE: Shape = Shape::Table(&[
    Key::required(
        "keys",
        Shape::List(&Shape::Text),
        "Public keys: files as `interlock plugin keygen` makes them, relative to this file, or the keys themselves.",
    ),
    Key::new(
        "require_signature",
        Shape::Flag,
        "Whether a component is loaded only if one of the keys has signed it; true unless given. What Interlock brings \
        needs no signature.",
    ),
]);

/// Whom the file trusts.
pub(super) fn read(section: Option<&Node>, base: &Base<'_>, findings: &mut Findings<'_>) -> Config {
    let Some(section) = section else { return Config::default() };
    let require_signature = section.get("require_signature").and_then(Node::flag).unwrap_or(true);
    let mut keys = Vec::new();
    for (at, text) in section.get("keys").into_iter().flat_map(Node::texts) {
        if !PublicKey::is_meant_by(text) {
            if text.is_empty() {
                findings.value(at, BadValue, "must be a key, or name the file of one");
            }
            keys.push(KeyAt::File(base.path(text)));
            continue;
        }
        match text.parse() {
            Ok(key) => keys.push(KeyAt::Here(key)),
            Err(error) => {
                findings.value(at, BadValue, &format!("cannot be used: {error}")).hint(error.hint());
            }
        }
    }
    let named = section.get("keys").filter(|keys| keys.items().is_empty() && require_signature);
    if let Some(none) = named {
        findings
            .value(none, BadValue, "must name a key where signatures are required: nothing could be loaded")
            .hint("`interlock plugin keygen --out NAME` makes a pair of keys.");
    }
    Config { keys, require_signature }
}
