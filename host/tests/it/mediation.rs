//! The call path as a whole: real policies in the real sandbox over a real journal, in front of a server that does as told.

mod approvals;
mod batches;
mod changes;
mod clock;
mod delegation;
mod ends;
mod gates;
mod generations;
mod guests;
mod house;
mod model;
mod pinning;
mod repeats;
mod stops;
mod tasks;
mod through_client;
mod together;
mod world;

pub(crate) use world::{in_the_end, line, request, told};

/// A world in which a human is asked as one rule says.
pub(crate) fn asking(rule: serde_json::Value) -> world::World {
    let rules = serde_json::json!({ "rules": [rule] });
    world::World::with(serde_json::json!([world::policy("gate", "approval", rules, serde_json::json!({}))]))
}
