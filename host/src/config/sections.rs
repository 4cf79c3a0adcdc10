//! The file as a whole, and its small sections.

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
use crate::call::Caller;

/// What a configuration file may hold.
pub(super) const FILE: Shape = Shape::Table(&[
    Key::new("$schema", Shape::Text, "Where the schema for editors is: what `interlock schema` prints."),
    Key::new("mcpServers", servers::SHAPE, "The MCP servers behind Interlock, by name."),
    Key::new("policies", policies::SHAPE, "The policies, in the order in which they are asked."),
    Key::new("auth", auth::SHAPE, "Who may come in over HTTP."),
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
