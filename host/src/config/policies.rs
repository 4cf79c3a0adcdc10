//! `policies`: which component judges which calls, and how much its verdict counts.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use interlock_glob::Glob;

use super::{
    component::Base,
    document::Node,
    findings::Findings,
    pointer,
    problem::ProblemKind::{BadValue, Clash},
    shape::{Key, Shape},
};
use crate::{
    policy::{Match, Mode, OnFault, PolicyConfig, Rollout},
    sandbox::Limits,
    scope::Scope,
};

/// What `policies` may hold.
pub(super) const SHAPE: Shape = Shape::List(&Shape::Table(&[
    Key::required("name", Shape::Text, "Unique; shown in refusals and in the journal."),
    Key::required("component", Shape::Text, "A plugin that Interlock brings, by name, or the path of a .wasm file."),
    Key::new("match", MATCH, "Which calls it is asked about; all that is given must fit. Every call unless given."),
    Key::new(
        "scope",
        Shape::Either(
            &Shape::Word(&["session", "caller", "global"]),
            &Shape::Table(&[Key::required(
                "argument",
                Shape::Text,
                "JSON Pointer into the arguments, such as /customer_id.",
            )]),
        ),
        "What part of history it sees: the caller's session (unless given), everything of the caller, everything, or \
         every call with the same value of one argument.",
    ),
    Key::new(
        "mode",
        Shape::Word(&["enforce", "shadow", "off"]),
        "Whether its verdicts count (enforce, unless given), \
        are only journalled (shadow), or are not asked for (off).",
    ),
    Key::new(
        "on_fault",
        Shape::Word(&["refuse", "allow"]),
        "What becomes of a call when the policy fails to judge it: \
        refused unless given.",
    ),
    Key::new("limits", LIMITS, "How much it may use for one call."),
    Key::new(
        "rollout",
        ROLLOUT,
        "How another component in the place of this one comes to be in force: judged in shadow beside it first. At once \
         unless given.",
    ),
    Key::new("settings", Shape::Object, "What the component is configured with."),
]));

const MATCH: Shape = Shape::Table(&[
    Key::new(
        "tools",
        Shape::List(&Shape::Text),
        "Patterns of server/tool, of which one must fit: `*` within a name, `**` \
        across `/`.",
    ),
    Key::new(
        "hints",
        Shape::Table(&[
            Key::new("read_only", Shape::Flag, "The tool changes nothing."),
            Key::new("destructive", Shape::Flag, "The tool may destroy something."),
            Key::new("idempotent", Shape::Flag, "Calling the tool twice does no more than calling it once."),
            Key::new("open_world", Shape::Flag, "The tool deals with the world outside."),
        ]),
        "Hints of the tool's definition that must hold (true) or must not (false).",
    ),
    Key::new("roles", Shape::List(&Shape::Text), "Roles of which the caller must have one."),
]);

const ROLLOUT: Shape = Shape::Table(&[
    Key::required("mode", Shape::Word(&["shadow"]), "The new component is judged and journalled, and does not count."),
    Key::new(
        "promote_after_calls",
        Shape::Whole(1, 1_000_000_000),
        "It is put in force after so many calls that both judged alike. Unless given, it waits for `interlock plugin promote`.",
    ),
    Key::new("promote_after_minutes", Shape::Whole(1, 525_600), "And not before so many minutes have passed."),
]);

const LIMITS: Shape = Shape::Table(&[
    Key::new("time_ms", Shape::Whole(1, 60_000), "Longest time in milliseconds; 50 unless given."),
    Key::new("memory_mib", Shape::Whole(1, 1024), "Most memory in MiB; 16 unless given."),
]);

/// Most bytes of a policy's name: with each of them written as three letters it is also the name of a folder.
const LONGEST_NAME: usize = 80;

/// The policies, in the file's order. `servers` are the names of all servers of the file.
pub(super) fn read(
    section: Option<&Node>,
    servers: &[&str],
    base: &Base<'_>,
    findings: &mut Findings<'_>,
) -> Vec<PolicyConfig> {
    let mut names = BTreeSet::new();
    let mut policies = Vec::new();
    for node in section.map_or(&[][..], Node::items) {
        let name = node.get("name").and_then(|name| Some((name, name.text()?)));
        match name {
            Some((at, "")) => {
                findings.value(at, BadValue, "must not be empty");
            }
            Some((at, text)) if text.len() > LONGEST_NAME || text.chars().any(char::is_control) => {
                findings
                    .value(at, BadValue, "is no name")
                    .hint(format!("at most {LONGEST_NAME} bytes, without control characters."));
            }
            Some((at, text)) if !names.insert(text) => {
                findings.value(at, Clash, "is also another policy's").hint("a policy's name is unique in the file.");
            }
            Some(_) | None => {}
        }
        policies.push(PolicyConfig {
            name: name.map_or("", |(_, text)| text).to_owned(),
            component: base.component(node.get("component"), findings),
            matches: matches(node.get("match"), servers, findings),
            scope: scope(node.get("scope"), findings),
            mode: match node.get("mode").and_then(Node::text) {
                Some("shadow") => Mode::Shadow,
                Some("off") => Mode::Off,
                Some(_) | None => Mode::Enforce,
            },
            on_fault: match node.get("on_fault").and_then(Node::text) {
                Some("allow") => OnFault::Allow,
                Some(_) | None => OnFault::Refuse,
            },
            limits: limits(node.get("limits")),
            rollout: node.get("rollout").map(rollout),
            settings: Arc::new(node.get("settings").map_or_else(|| serde_json::json!({}), Node::json)),
        });
    }
    policies
}

/// Finds scopes that go by an argument which the journal does not keep: such a policy would never see a past call.
pub(super) fn check_scopes(
    section: Option<&Node>,
    policies: &[PolicyConfig],
    redact: &[(Glob, Vec<String>)],
    findings: &mut Findings<'_>,
) {
    for (node, policy) in section.map_or(&[][..], Node::items).iter().zip(policies) {
        let Scope::Argument(argument) = &policy.scope else { continue };
        if let (Some(hidden), Some(scope)) = (pointer::hidden(argument, redact), node.get("scope")) {
            findings
                .value(scope, BadValue, &format!("goes by the argument `{argument}`, which `journal.redact` hides"))
                .hint(format!("what is redacted cannot be compared: take `{hidden}` out of `journal.redact`, or choose another scope."));
        }
    }
}

fn matches(node: Option<&Node>, servers: &[&str], findings: &mut Findings<'_>) -> Match {
    let Some(node) = node else { return Match::default() };
    let list = |key| node.get(key).into_iter().flat_map(Node::texts);
    let hints = node.get("hints").map_or(&[][..], Node::entries);
    for (at, role) in list("roles") {
        if role.is_empty() {
            findings.value(at, BadValue, "must not be empty");
        }
    }
    for key in ["tools", "roles"] {
        if let Some(empty) =
            node.get(key).filter(|list| matches!(&list.value, super::document::Value::List(items) if items.is_empty()))
        {
            findings.value(empty, BadValue, "must not be an empty list").hint("leave it out to match every call.");
        }
    }
    Match {
        tools: list("tools").map(|(at, text)| pattern(at, text, servers, findings)).collect(),
        hints: hints.iter().filter_map(|(hint, holds)| Some((hint.clone(), holds.flag()?))).collect(),
        roles: list("roles").map(|(_, role)| role.to_owned()).collect(),
    }
}

/// A pattern of `server/tool`. One that can fit no tool would leave unguarded what it was written to guard.
pub(super) fn pattern(at: &Node, text: &str, servers: &[&str], findings: &mut Findings<'_>) -> Glob {
    match text.split_once('/') {
        Some((server, _)) if !server.contains('*') && !servers.contains(&server) => {
            findings.note(at, &format!("`{text}` fits no tool: there is no server `{server}`"));
        }
        None if !text.contains("**") => {
            findings
                .value(at, BadValue, &format!("fits no tool: `{text}` has no `/`"))
                .hint(format!("tools are called `server/tool`: write `*/{text}` for that tool of any server."));
        }
        Some(_) | None => {}
    }
    Glob::new(text)
}

fn scope(node: Option<&Node>, findings: &mut Findings<'_>) -> Scope {
    let argument = node.and_then(|node| node.get("argument")).and_then(|at| Some((at, at.text()?)));
    if let Some((at, text)) = argument {
        if let Some(fault) = pointer::fault(text) {
            findings.value(at, BadValue, &format!("is not a JSON Pointer: {fault}"));
        }
        return Scope::Argument(text.to_owned());
    }
    match node.and_then(Node::text) {
        Some("caller") => Scope::Caller,
        Some("global") => Scope::Global,
        Some(_) | None => Scope::Session,
    }
}

fn rollout(node: &Node) -> Rollout {
    let number = |key| node.get(key).and_then(Node::whole);
    Rollout {
        after_calls: number("promote_after_calls"),
        after: number("promote_after_minutes").map(|minutes| Duration::from_secs(60 * minutes)),
    }
}

fn limits(node: Option<&Node>) -> Limits {
    let number = |key| node.and_then(|node| node.get(key)).and_then(Node::whole);
    Limits {
        time: number("time_ms").map_or(Limits::POLICY.time, Duration::from_millis),
        memory_bytes: number("memory_mib")
            .and_then(|mib| usize::try_from(mib).ok()?.checked_mul(1 << 20))
            .unwrap_or(Limits::POLICY.memory_bytes),
    }
}
