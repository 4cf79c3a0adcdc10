//! The file as a whole, and its small sections.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use http::uri::Authority;

use super::{
    document::Node,
    findings::Findings,
    idempotency, journal, policies,
    problem::ProblemKind::{BadValue, Unsupported},
    servers,
    shape::{Key, Shape},
    trusted,
};
use crate::{approvals, call::Caller};

/// What a configuration file may hold.
pub(super) const FILE: Shape = Shape::Table(&[
    Key::new("$schema", Shape::Text, "Where the schema for editors is: what `interlock schema` prints."),
    Key::new("mcpServers", servers::SHAPE, "The MCP servers behind Interlock, by name."),
    Key::new("policies", policies::SHAPE, "The policies, in the order in which they are asked."),
    Key::new("auth", AUTH, "Who may come in over HTTP."),
    Key::new("local", LOCAL, "Who calls over stdio and from the command line."),
    Key::new("approvals", APPROVALS, "Questions to people."),
    Key::new(
        "idempotency",
        idempotency::SHAPE,
        "From patterns of server/tool to the arguments that make two calls one piece of work, which is done once.",
    ),
    Key::new("workflows", Shape::Absent("workflows come later"), "Workflow templates, by name."),
    Key::new("journal", journal::SHAPE, "Where and how everything that happens is kept."),
    Key::new("admin", ADMIN, "The door for people."),
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

const AUTH: Shape = Shape::Table(&[
    Key::new("keys", Shape::Flag, "Whether API keys are asked for; false unless given."),
    Key::new(
        "hosts",
        Shape::List(&Shape::Text),
        "Names by which other machines call, as in the HTTP `Host` header; with a port, that one only.",
    ),
    Key::new("jwt", Shape::Absent("tokens of other issuers come later"), "Tokens of other issuers."),
]);

const LOCAL: Shape = Shape::Table(&[Key::new(
    "roles",
    Shape::List(&Shape::Text),
    "The roles of the caller named `local`; [\"agent\"] unless given.",
)]);

const APPROVALS: Shape = Shape::Table(&[
    Key::new(
        "expire_minutes",
        Shape::Whole(1, 43_200),
        "Minutes for which a question stays open unless its policy says \
        otherwise; 60 unless given.",
    ),
    Key::new(
        "hold_open_seconds",
        Shape::Whole(0, 3_600),
        "Seconds for which a call waits for the answer before the AI app \
        is told to call again; 45 unless given.",
    ),
]);

const ADMIN: Shape = Shape::Table(&[Key::new(
    "listen",
    Shape::Text,
    "Address and port, on this machine only; 127.0.0.1:7422 unless given.",
)]);

/// How long questions live, and how long a client waits for an answer.
pub(super) fn approvals(section: Option<&Node>) -> approvals::Config {
    let number = |key| section.and_then(|section| section.get(key)).and_then(Node::whole);
    approvals::Config {
        expire: Duration::from_secs(60 * number("expire_minutes").unwrap_or(60)),
        hold_open: Duration::from_secs(number("hold_open_seconds").unwrap_or(45)),
    }
}

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

/// Whether API keys are asked for.
pub(super) fn keys(section: Option<&Node>) -> bool {
    section.and_then(|section| section.get("keys")).and_then(Node::flag).unwrap_or_default()
}

/// By which names other machines call.
pub(super) fn hosts(section: Option<&Node>, findings: &mut Findings<'_>) -> Vec<String> {
    let hosts = section.and_then(|section| section.get("hosts"));
    let named = hosts.into_iter().flat_map(Node::texts).filter_map(|(at, host)| {
        let is_host = host.parse::<Authority>().is_ok_and(|host| !host.as_str().contains('@'));
        if !is_host {
            findings.value(at, BadValue, "must be a host such as `interlock.example.com`, if need be with a port");
        }
        is_host.then(|| host.to_owned())
    });
    named.collect()
}

/// Where the door for people is.
pub(super) fn admin(section: Option<&Node>, findings: &mut Findings<'_>) -> SocketAddr {
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, 7422));
    let Some((at, text)) = section.and_then(|section| section.get("listen")).and_then(|at| Some((at, at.text()?)))
    else {
        return default;
    };
    match text.parse::<SocketAddr>() {
        Ok(address) if !address.ip().is_loopback() => {
            findings.value(at, Unsupported, "must be an address of this machine alone, such as `127.0.0.1:7422`");
        }
        Ok(address) => return address,
        Err(_) => {
            findings.value(at, BadValue, "must be an address and a port, such as `127.0.0.1:7422`");
        }
    }
    default
}
