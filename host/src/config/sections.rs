//! The file as a whole, and its small sections.

use std::num::NonZeroU32;

use super::{
    admin, approvals, auth,
    document::Node,
    findings::Findings,
    idempotency, journal, policies,
    problem::ProblemKind::BadValue,
    servers,
    shape::{Key, Shape},
    trusted,
};
use crate::{
    call::Caller,
    gateway::{self, Rate},
};

/// What a configuration file may hold.
pub(super) const FILE: Shape = Shape::Table(&[
    Key::new("$schema", Shape::Text, "Where the schema for editors is: what `interlock schema` prints."),
    Key::new("mcpServers", servers::SHAPE, "The MCP servers behind Interlock, by name."),
    Key::new("policies", policies::SHAPE, "The policies, in the order in which they are asked."),
    Key::new("auth", auth::SHAPE, "Who may come in over HTTP."),
    Key::new("limits", LIMITS, "How much any one caller may ask for over HTTP, before policies are asked."),
    Key::new("local", LOCAL, "Who calls over stdio and from the command line."),
    Key::new("approvals", approvals::SHAPE, "Questions to people."),
    Key::new(
        "idempotency",
        idempotency::SHAPE,
        "From patterns of server/tool to the arguments that make two calls one piece of work, which is done once.",
    ),
    Key::new("workflows", Shape::Absent("workflows come later"), "Workflow templates, by name."),
    Key::new("journal", journal::SHAPE, "Where and how everything that happens is kept."),
    Key::new("admin", admin::SHAPE, "The door for people."),
    Key::new("trust", trusted::SHAPE, "Whose components are loaded."),
    Key::new(
        "session_idle_minutes",
        Shape::Whole(1, 10_080),
        "Minutes without a call after which a session that the \
        protocol does not end itself is over; 30 unless given.",
    ),
    Key::new(
        "describe_rules",
        Shape::Flag,
        "Whether the descriptions of guarded tools tell their rules; true unless given.",
    ),
    Key::new(
        "pin_tools",
        Shape::Flag,
        "Whether a tool is held back whose server has changed its definition, until `interlock tools accept`; true \
        unless given.",
    ),
]);

const LIMITS: Shape = Shape::Table(&[
    Key::new(
        "requests_per_second",
        Shape::Whole(1, 1_000_000),
        "Requests that each address, and each principal, may make in a second in the long run; 5000 unless given.",
    ),
    Key::new(
        "burst",
        Shape::Whole(1, 1_000_000),
        "Requests that each may make at once after a while of silence; twice as many as in a second unless given.",
    ),
    Key::new("connections", Shape::Whole(1, 100_000), "Connections at once, of all together; 512 unless given."),
]);

const LOCAL: Shape = Shape::Table(&[Key::new(
    "roles",
    Shape::List(&Shape::Text),
    "The roles of the caller named `local`; [\"agent\"] unless given.",
)]);

/// The caller over stdio and from the command line.
pub(super) fn local(section: Option<&Node>, findings: &mut Findings<'_>) -> Caller {
    let roles = section.and_then(|section| section.get("roles"));
    for (at, role) in roles.into_iter().flat_map(Node::texts) {
        if role.is_empty() {
            findings.value(at, BadValue, "must not be empty");
        }
    }
    Caller {
        principal: "local".to_owned(),
        roles: roles
            .map_or_else(|| vec!["agent".to_owned()], |roles| roles.texts().map(|(_, role)| role.to_owned()).collect()),
        client: None,
    }
}

/// How many requests each may make over HTTP, and how many connections there may be at once.
pub(super) fn limits(section: Option<&Node>) -> (Rate, usize) {
    let usual = gateway::Config::default();
    let number = |key| section.and_then(|section| section.get(key)).and_then(Node::whole);
    let rate = |key| number(key).and_then(|number| NonZeroU32::new(u32::try_from(number).ok()?));
    let per_second = rate("requests_per_second").unwrap_or(usual.rate.per_second);
    let burst = rate("burst").unwrap_or(per_second.saturating_add(per_second.get()));
    let connections = number("connections").and_then(|number| usize::try_from(number).ok());
    (Rate { per_second, burst }, connections.unwrap_or(usual.most_connections))
}
