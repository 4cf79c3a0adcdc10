//! `mcpServers`: the servers behind the gateway, in the form that desktop clients have made common.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue};

use super::{
    component::Base,
    document::Node,
    findings::Findings,
    oauth,
    problem::ProblemKind::{BadValue, Clash, Keys, Unsupported},
    shape::{Key, Shape},
};
use crate::{
    downstream::{Reach, ServerConfig},
    secret::Secret,
};

const CLIENT_ONLY: &str = "it is for AI apps; here, policies decide";
const LOOKS: &str = "it tells AI apps how to show or develop the server";
const CLIENT_FILTER: &str = "AI apps hide tools with it; here, an `allow-list` policy does that";
const OAUTH: &str = "write `oauth`, with the credentials of a client, or put a token into `headers`";

/// What `mcpServers` may hold.
pub(super) const SHAPE: Shape = Shape::Names(&Shape::Unless("disabled", &Shape::OneOf(&REACHES, &KEYS)));

const REACHES: [&str; 3] = ["command", "url", "component"];

const KEYS: [Key; 31] = [
    Key::new(
        "command",
        Shape::Text,
        "The program to start, which speaks MCP on its standard streams. Looked up in PATH; \
        with a `/`, a path relative to this file.",
    ),
    Key::new("args", Shape::List(&Shape::Text), "Its arguments, as they are: paths in them are relative to `cwd`."),
    Key::new("env", Shape::Names(&Shape::Text), "Its environment, beyond the few variables that every program needs."),
    Key::new("cwd", Shape::Text, "Its working directory; this file's folder unless given."),
    Key::new("url", Shape::Text, "Where the server speaks MCP over streamable HTTP."),
    Key::new("headers", Shape::Names(&Shape::Text), "Headers of every request to it."),
    Key::new("oauth", oauth::SHAPE, "How to get the tokens that it wants: OAuth client credentials."),
    Key::new(
        "component",
        Shape::Text,
        "A set of tools in WebAssembly, run in this process: a plugin that Interlock \
        brings, by name, or the path of a .wasm file.",
    ),
    Key::new("settings", Shape::Object, "What the component is configured with."),
    Key::new(
        "prefix",
        Shape::Text,
        "What stands before its tools' names towards AI apps: `NAME__` unless given; may be \
        empty.",
    ),
    Key::new(
        "type",
        Shape::Word(&["stdio", "http", "streamable-http", "streamableHttp", "sse"]),
        "What some AI apps write \
        to say how the server is reached; `command` or `url` says it already.",
    ),
    Key::new(
        "call_timeout_seconds",
        Shape::Whole(1, 86_400),
        "Seconds for which a call may get neither an answer nor a sign of life, such as progress, before it counts as \
        lost; 600 unless given.",
    ),
    Key::new("disabled", Shape::Flag, "Leaves the server out."),
    Key::new("autoApprove", Shape::Ignored(CLIENT_ONLY), ""),
    Key::new("alwaysAllow", Shape::Ignored(CLIENT_ONLY), ""),
    Key::new("trust", Shape::Ignored(CLIENT_ONLY), ""),
    Key::new("timeout", Shape::Ignored("it is for AI apps: how long they wait"), ""),
    Key::new("name", Shape::Ignored(LOOKS), ""),
    Key::new("description", Shape::Ignored(LOOKS), ""),
    Key::new("icon", Shape::Ignored(LOOKS), ""),
    Key::new("gallery", Shape::Ignored(LOOKS), ""),
    Key::new("version", Shape::Ignored(LOOKS), ""),
    Key::new("dev", Shape::Ignored(LOOKS), ""),
    Key::new("disabledTools", Shape::Absent(CLIENT_FILTER), ""),
    Key::new("includeTools", Shape::Absent(CLIENT_FILTER), ""),
    Key::new("excludeTools", Shape::Absent(CLIENT_FILTER), ""),
    Key::new("envFile", Shape::Absent("name the variables in `env`, as `\"NAME\": \"${NAME}\"`"), ""),
    Key::new("auth", Shape::Absent(OAUTH), ""),
    Key::new("headersHelper", Shape::Absent("put the headers into `headers`"), ""),
    Key::new("serverUrl", Shape::Absent("write `url`"), ""),
    Key::new("httpUrl", Shape::Absent("write `url`"), ""),
];

/// Longer than most AI apps wait (a minute, often; some of them four). A call that is given up although its server is
/// still at work does harm, one that is given up late does not.
const CALL_SECONDS: u64 = 600;

/// Headers that the protocol sets itself.
const OWNED: [&str; 8] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "mcp-protocol-version",
    "mcp-session-id",
    "transfer-encoding",
];

/// The servers that are not disabled, in the file's order.
pub(super) fn read(section: Option<&Node>, base: &Base<'_>, findings: &mut Findings<'_>) -> Vec<ServerConfig> {
    let all = section.map_or(&[][..], Node::entries);
    let enabled = all.iter().filter(|(_, node)| node.get("disabled").and_then(Node::flag) != Some(true));
    let mut servers: Vec<ServerConfig> = Vec::new();
    for (name, node) in enabled {
        if servers.iter().any(|earlier| earlier.name == *name) {
            continue; // reported as a key that stands twice
        }
        let server = server(name, node, base, findings);
        if let Some(other) = servers.iter().find(|other| !other.prefix.is_empty() && other.prefix == server.prefix) {
            let what = format!("its tools get the prefix `{}`, as those of server `{}` do", server.prefix, other.name);
            findings
                .key(node.get("prefix").unwrap_or(node), Clash, &what)
                .hint("give one of them another `prefix`, or both of them none.");
        }
        servers.push(server);
    }
    servers
}

fn server(name: &str, node: &Node, base: &Base<'_>, findings: &mut Findings<'_>) -> ServerConfig {
    check_name(name, node, findings);
    let prefix = match node.get("prefix").and_then(|prefix| Some((prefix, prefix.text()?))) {
        Some((at, prefix)) => {
            if !prefix.chars().all(is_plain) {
                findings.value(at, BadValue, "may have only ASCII letters, digits, `_`, `-` and `.`");
            }
            prefix.to_owned()
        }
        None => format!("{name}__"),
    };
    let reach = if let Some(url) = node.get("url") {
        foreign(node, "url", &["args", "env", "cwd", "settings"], findings);
        http(node, url, findings)
    } else if let Some(component) = node.get("component") {
        foreign(
            node,
            "component",
            &["args", "env", "cwd", "headers", "oauth", "type", "call_timeout_seconds"],
            findings,
        );
        let settings = node.get("settings").map_or_else(|| serde_json::json!({}), Node::json);
        Reach::Toolset { component: base.component(Some(component), findings), settings: Arc::new(settings) }
    } else {
        foreign(node, "command", &["headers", "oauth", "settings"], findings);
        stdio(node, base, findings)
    };
    let call_seconds = node.get("call_timeout_seconds").and_then(Node::whole).unwrap_or(CALL_SECONDS);
    ServerConfig { name: name.to_owned(), prefix, reach, call_time: Duration::from_secs(call_seconds) }
}

/// A name is a part of `server/tool`, of patterns, and (without a `prefix`) of the names that models see.
fn check_name(name: &str, node: &Node, findings: &mut Findings<'_>) {
    if name.is_empty() {
        findings.key(node, BadValue, "a server needs a name");
    } else if name.contains(['/', '*']) || name.contains("__") || name.chars().any(char::is_control) {
        findings
            .key(node, BadValue, "its name may not have `/`, `*`, `__` or control characters")
            .hint("tools are called `server/tool` in policies and `server__tool` towards AI apps.");
    } else if node.get("prefix").is_none() && !name.chars().all(is_plain) {
        findings
            .key(node, BadValue, "models take only ASCII letters, digits, `_`, `-` and `.` in the names of tools")
            .hint("rename the server, or give it a `prefix`, which then stands before its tools' names.");
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

fn foreign(node: &Node, reach: &str, keys: &[&str], findings: &mut Findings<'_>) {
    for (key, entry) in node.entries().iter().filter(|(key, _)| keys.contains(&key.as_str())) {
        findings.key(entry, Keys, &format!("`{key}` says nothing for a server with `{reach}`"));
    }
}

fn stdio(node: &Node, base: &Base<'_>, findings: &mut Findings<'_>) -> Reach {
    let command = node.get("command").and_then(|command| Some((command, command.text()?)));
    if let Some((at, "")) = command {
        findings.value(at, BadValue, "must name a program");
    }
    if let Some((at, "http" | "streamable-http" | "streamableHttp" | "sse")) = kind(node) {
        findings.value(at, BadValue, "must be `stdio` for a server with `command`");
    }
    for (name, variable) in node.get("env").map_or(&[][..], Node::entries) {
        if name.is_empty() || name.contains(['=', '\0']) {
            findings.key(variable, BadValue, &format!("`{name}` cannot be a variable's name"));
        }
    }
    let command = command.map_or_else(String::new, |(_, command)| match command.contains(std::path::is_separator) {
        true => base.path(command).to_string_lossy().into_owned(),
        false => command.to_owned(),
    });
    Reach::Stdio {
        command,
        args: node.get("args").map_or_else(Vec::new, |args| args.texts().map(|(_, arg)| arg.to_owned()).collect()),
        env: secrets(node.get("env")).map(|(name, _, value)| (name.to_owned(), value)).collect::<BTreeMap<_, _>>(),
        cwd: base.path(node.get("cwd").and_then(Node::text).unwrap_or_default()),
    }
}

fn http(node: &Node, url: &Node, findings: &mut Findings<'_>) -> Reach {
    let written = url.text().unwrap_or_default();
    match url::Url::parse(written) {
        Ok(parsed) if !matches!(parsed.scheme(), "http" | "https") => {
            findings.value(url, BadValue, "must start with `https://` or `http://`");
        }
        Ok(parsed) if !parsed.username().is_empty() || parsed.password().is_some() => {
            findings.value(url, BadValue, "holds credentials").hint("put them into `headers`, as `Authorization`.");
        }
        Ok(_) => {}
        Err(_) if url.text().is_none() => {}
        Err(error) => {
            findings.value(url, BadValue, &format!("is not a URL: {error}"));
        }
    }
    match kind(node) {
        Some((at, "stdio")) => {
            findings.value(at, BadValue, "must be `http` for a server with `url`");
        }
        Some((at, "sse")) => {
            findings
                .value(at, Unsupported, "is not supported: the old HTTP+SSE transport is not spoken")
                .hint("most servers offer streamable HTTP as well, often under `/mcp`.");
        }
        Some(_) | None => {}
    }
    let mut headers: Vec<(String, Secret)> = Vec::new();
    for (name, at, value) in secrets(node.get("headers")) {
        if HeaderName::try_from(name).is_err() {
            findings.key(at, BadValue, &format!("`{name}` cannot be a header's name"));
        } else if OWNED.contains(&name.to_ascii_lowercase().as_str()) {
            findings.key(at, BadValue, &format!("the header `{name}` is the protocol's own"));
        } else if let Some((first, _)) =
            headers.iter().find(|(first, _)| first.eq_ignore_ascii_case(name) && first != name)
        {
            findings.key(at, Clash, &format!("the headers `{first}` and `{name}` are the same"));
        }
        if HeaderValue::try_from(value.expose()).is_err() {
            findings.value(
                at,
                BadValue,
                "cannot be a header's value: it has a line break or another control character",
            );
        }
        headers.push((name.to_owned(), value));
    }
    Reach::Http { url: written.to_owned(), headers, oauth: oauth::read(node, written, findings) }
}

fn kind(node: &Node) -> Option<(&Node, &str)> {
    node.get("type").and_then(|kind| Some((kind, kind.text()?)))
}

fn secrets(section: Option<&Node>) -> impl Iterator<Item = (&str, &Node, Secret)> {
    section
        .map_or(&[][..], Node::entries)
        .iter()
        .filter_map(|(name, node)| Some((name.as_str(), node, Secret::new(node.text()?))))
}
