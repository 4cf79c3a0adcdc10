//! What the journal is told of what comes to be in force.

use serde_json::{Value, json};

use super::assembly::{Assembly, Kept};
use crate::{
    journal::{Draft, Journal, JournalError, kind},
    policy::{Mode, Policies, Standings},
    sandbox::Plugin,
};

/// The event that says what a process decides by from now on, and which keys of the file it does not go by until it is
/// started again.
pub(super) fn applied(assembly: &Assembly, journal: &Journal, waiting: &[&str]) -> Result<Draft, JournalError> {
    let servers: Vec<&str> = assembly.config.servers.iter().map(|server| server.name.as_str()).collect();
    let policies = assembly.mediator.policies();
    let mut body = json!({
        "digest": &*assembly.config.digest, "set": &**policies.digest(), "policies": policies.list(), "servers": servers,
    });
    if let Some(fields) = body.as_object_mut() {
        if !assembly.kept.is_empty() {
            fields.insert("kept".to_owned(), json!(assembly.kept));
        }
        if !waiting.is_empty() {
            fields.insert("at_next_start".to_owned(), json!(waiting));
        }
    }
    Draft::new("interlock", kind::CONFIG_APPLIED, journal.process(), &body)
}

/// Components that come to be in force, or to be judged beside one that is, where the journal does not know of it yet.
pub(super) fn arrivals(
    now: Option<&Policies>,
    next: &Policies,
    standings: &Standings,
) -> Result<Vec<Draft>, JournalError> {
    let mut drafts = Vec::new();
    for policy in next.iter() {
        let (plugin, standing) = (policy.plugin(), standings.policies.get(policy.name()));
        let draft = |kind: &str, from: Option<Value>| {
            let to = told(plugin);
            let body = if let Some(from) = from { json!({ "from": from, "to": to }) } else { json!({ "to": to }) };
            Draft::new("interlock", kind, policy.name(), &body)
        };
        if policy.mode() == Mode::Candidate {
            let waiting = standing.and_then(|standing| standing.waiting.as_ref());
            if waiting.is_none_or(|waiting| waiting.component != *plugin.digest()) {
                drafts.push(draft(kind::PLUGIN_CANDIDATE, None)?);
            }
            continue;
        }
        let is_it =
            |before: &&crate::policy::Policy| before.name() == policy.name() && before.mode() != Mode::Candidate;
        let before = now.and_then(|now| now.iter().find(is_it)).map(|before| before.plugin());
        match standing.and_then(|standing| standing.counts.as_ref()) {
            None => drafts.push(draft(kind::PLUGIN_LOADED, None)?),
            Some(counts) if counts != plugin.digest() => {
                let from = before.filter(|before| before.digest() == counts).map(told);
                drafts.push(draft(kind::PLUGIN_SWAPPED, from.or_else(|| Some(json!({ "component": &**counts }))))?);
            }
            Some(_) => {
                if let Some(before) = before.filter(|before| before.settings_digest() != plugin.settings_digest()) {
                    drafts.push(draft(kind::PLUGIN_SWAPPED, Some(told(before)))?);
                }
            }
        }
    }
    Ok(drafts)
}

fn told(plugin: &Plugin) -> Value {
    json!({
        "component": &**plugin.digest(),
        "settings": &**plugin.settings_digest(),
        "version": plugin.manifest().version,
    })
}

/// Components that were not known to be unusable.
pub(super) fn rejections(now: &[Kept], next: &[Kept]) -> Result<Vec<Draft>, JournalError> {
    let new = next.iter().filter(|kept| !now.contains(kept));
    new.map(|kept| {
        tracing::error!(kept.kind, kept.name, kept.reason, "a component cannot be used; the one before stays in force");
        Draft::new("interlock", kind::PLUGIN_REJECTED, &kept.name, kept)
    })
    .collect()
}
