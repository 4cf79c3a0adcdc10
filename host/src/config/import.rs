//! Moves the servers of an AI app's configuration behind Interlock: from its text, the text of both new files.
//!
//! Edits by ranges: whatever is not a moved server stays as it was, byte for byte.

use std::path::Path;

use jsonc_parser::{
    CollectOptions, ParseResult, ast,
    tokens::{Token, TokenAndRange},
};
use serde_json::json;

use super::{
    document::{Document, JSONC},
    expand,
    problem::Problems,
};

/// What is to be imported, and where to.
#[derive(Clone, Copy, Debug)]
pub struct Import<'a> {
    /// The AI app's configuration file, for messages.
    pub file: &'a Path,
    /// Its text.
    pub text: &'a str,
    /// The program that the AI app is to start: Interlock.
    pub command: &'a str,
    /// Absolute path of the configuration that is to be made.
    pub config: &'a Path,
}

/// Both files, as they should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The AI app's configuration.
    pub client: String,
    /// Interlock's configuration.
    pub config: String,
    /// Names of the servers that are behind Interlock now.
    pub moved: Vec<String>,
    /// Those that the AI app still reaches by itself.
    pub kept: Vec<Kept>,
}

/// A server that stays where it is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Kept {
    /// Its name.
    pub server: String,
    /// Why.
    pub reason: String,
}

/// Why there is nothing to import.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is not JSON.
    #[error(transparent)]
    Syntax(#[from] Problems),
    /// It has no servers.
    #[error("there are no servers in the file: no `mcpServers` (Claude, Cursor, …) and no `servers` (VS Code)")]
    NoServers,
    /// It is Interlock's own.
    #[error("the file is a configuration of Interlock itself")]
    Own,
    /// It was imported before.
    #[error("the file was imported before: its server `{0}` is Interlock")]
    Done(String),
    /// No server can be moved.
    #[error("none of the servers can be moved: {}", reasons(.0))]
    NoneMoves(Vec<Kept>),
}

fn reasons(kept: &[Kept]) -> String {
    kept.iter().map(|kept| format!("`{}`: {}", kept.server, kept.reason)).collect::<Vec<_>>().join("; ")
}

/// Values that AI apps put in themselves, though their names could be those of environment variables.
const CLIENT_VARIABLES: [&str; 6] =
    ["workspaceFolder", "workspaceFolderBasename", "userHome", "pathSeparator", "cwd", "execPath"];

/// Makes both files.
///
/// # Errors
/// If the file cannot be understood, was imported before, or has no server that can be moved.
pub fn import(order: Import<'_>) -> Result<Imported, ImportError> {
    // Both the tree with its problems and the bare tokens are needed; the first also tells a syntax error its place.
    let placeholder = |_: &str| Some("https://set.invalid".to_owned());
    Document::parse(order.file.to_owned(), order.text, &placeholder)?;
    let (mark, text) = order.text.split_at(if order.text.starts_with('\u{feff}') { 3 } else { 0 });
    let collect = CollectOptions { tokens: true, ..CollectOptions::default() };
    let Ok(ParseResult { value: Some(ast::Value::Object(root)), tokens: Some(tokens), .. }) =
        jsonc_parser::parse_to_ast(text, &collect, &JSONC)
    else {
        return Err(ImportError::NoServers);
    };
    let (key, servers) = ["mcpServers", "servers"]
        .into_iter()
        .find_map(|key| Some((key, root.get(key)?)))
        .and_then(|(key, section)| Some((key, section.value.as_object()?)))
        .filter(|(_, servers)| !servers.properties.is_empty())
        .ok_or(ImportError::NoServers)?;
    if let Some(own) = servers.properties.iter().find(|server| is_interlock(server)) {
        return Err(ImportError::Done(own.name.as_str().to_owned()));
    }
    if root.get("policies").is_some() {
        return Err(ImportError::Own);
    }

    let (slots, rest) = slots(text, servers, &tokens);
    let (mut moving, mut staying, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for (slot, server) in slots.into_iter().zip(&servers.properties) {
        match movable(server, &slot.body) {
            Ok(body) => moving.push((server.name.as_str().to_owned(), Slot { body, ..slot })),
            Err(reason) => {
                kept.push(Kept { server: server.name.as_str().to_owned(), reason });
                staying.push(slot);
            }
        }
    }
    let Some((_, first)) = moving.first() else { return Err(ImportError::NoneMoves(kept)) };

    let style = Style::of(text, first.lead);
    staying.push(Slot {
        lead: &style.lead,
        body: style.entry(&order, key == "servers"),
        before_comma: "",
        after_comma: "",
    });
    let inner = servers.range;
    let (before, after) = (text.get(..inner.start + 1), text.get(inner.end.saturating_sub(1)..));
    let client = [mark, before.unwrap_or_default(), &join(&staying, rest), after.unwrap_or_default()].concat();
    let (moved, moving): (Vec<String>, Vec<Slot<'_>>) = moving.into_iter().unzip();
    Ok(Imported { client, config: style.config(order.file, &join(&moving, "")), moved, kept })
}

fn is_interlock(server: &ast::ObjectProp<'_>) -> bool {
    let command = server.value.as_object().and_then(|server| server.get_string("command"));
    let program = command.and_then(|command| Path::new(command.value.as_ref()).file_stem());
    server.name.as_str() == "interlock" || program.is_some_and(|program| program == "interlock")
}

/// A server in the text: `lead "name": {…} before_comma , after_comma`, comments included.
struct Slot<'t> {
    lead: &'t str,
    body: String,
    before_comma: &'t str,
    after_comma: &'t str,
}

/// Divides the inside of the servers' object; also returns what stands before its closing brace.
fn slots<'t>(text: &'t str, servers: &ast::Object<'_>, tokens: &[TokenAndRange<'_>]) -> (Vec<Slot<'t>>, &'t str) {
    let slice = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let mut from = servers.range.start + 1;
    let mut slots = Vec::new();
    for server in &servers.properties {
        let mut following = tokens.iter().skip_while(|token| token.range.start < server.range.end);
        let next = following.next();
        let comma = next.filter(|token| matches!(token.token, Token::Comma));
        let next = if comma.is_some() { following.next() } else { next };
        let comma_start = comma.map_or(server.range.end, |comma| comma.range.start);
        let comma_end = comma.map_or(server.range.end, |comma| comma.range.end);
        let end = remark(text, comma_end, next.map_or(text.len(), |next| next.range.start));
        slots.push(Slot {
            lead: slice(from, server.range.start),
            body: slice(server.range.start, server.range.end).to_owned(),
            before_comma: slice(server.range.end, comma_start),
            after_comma: slice(comma_end, end),
        });
        from = end;
    }
    (slots, slice(from, servers.range.end.saturating_sub(1)))
}

/// Where a remark behind an entry, on the same line, ends; `from` if there is none.
fn remark(text: &str, from: usize, next: usize) -> usize {
    let gap = text.get(from..next).unwrap_or_default();
    let Some((line, _)) = gap.split_once('\n') else { return from };
    match line.trim_start() {
        "" => from,
        comment if comment.starts_with("/*") && !comment.contains("*/") => {
            gap.find("*/").map_or(from, |end| from + end + 2)
        }
        _ => from + line.trim_end().len(),
    }
}

fn join(slots: &[Slot<'_>], rest: &str) -> String {
    let mut text = String::new();
    for (index, slot) in slots.iter().enumerate() {
        let comma = if index + 1 < slots.len() { "," } else { "" };
        text.extend([slot.lead, &slot.body, comma, slot.before_comma, slot.after_comma]);
    }
    text + rest
}

/// The text of a server as it has to be for Interlock, or why it cannot be moved.
fn movable(server: &ast::ObjectProp<'_>, body: &str) -> Result<String, String> {
    variables(&server.value)?;
    // The one spelling of an environment variable that differs.
    let body = body.replace("${env:", "${");
    let text = format!("{{\"mcpServers\": {{{body}}}}}");
    let set = |_: &str| Some("https://set.invalid".to_owned());
    match super::parse(Path::new("interlock.json"), &text, &set, &[]) {
        Ok(_) => Ok(body),
        Err(problems) => {
            let subject = format!("server `{}`: ", server.name.as_str());
            let message = problems.0.first().map(|problem| problem.message.as_str()).unwrap_or_default();
            Err(message.strip_prefix(&subject).unwrap_or(message).to_owned())
        }
    }
}

/// Whether Interlock can fill in every variable of a value.
fn variables(value: &ast::Value<'_>) -> Result<(), String> {
    match value {
        ast::Value::StringLit(text) => text
            .value
            .split("${")
            .skip(1)
            .filter_map(|after| after.split_once('}').map(|(name, _)| name))
            .try_for_each(variable),
        ast::Value::Array(array) => array.elements.iter().try_for_each(variables),
        ast::Value::Object(object) => object.properties.iter().try_for_each(|property| variables(&property.value)),
        ast::Value::NumberLit(_) | ast::Value::BooleanLit(_) | ast::Value::NullKeyword(_) => Ok(()),
    }
}

fn variable(name: &str) -> Result<(), String> {
    if name.starts_with("input:") {
        return Err(format!(
            "`${{{name}}}` is known to the AI app alone, which asks for it; to move the server, write `${{env:NAME}}`"
        ));
    }
    let variable = name.strip_prefix("env:").unwrap_or(name);
    match expand::is_name(variable) && !CLIENT_VARIABLES.contains(&name) {
        true => Ok(()),
        false => Err(format!("`${{{name}}}` is known to the AI app alone")),
    }
}

/// How the file is laid out.
struct Style {
    /// What stands before an entry: a line break and its indentation, or little.
    lead: String,
    /// One step of indentation.
    unit: String,
    newline: &'static str,
    lines: bool,
}

impl Style {
    fn of(text: &str, lead: &str) -> Self {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let indent = |line: &str| -> String { line.chars().take_while(|c| matches!(c, ' ' | '\t')).collect() };
        let lines = lead.contains('\n');
        let last = lead.rsplit('\n').next().unwrap_or_default();
        let entry = indent(last);
        let unit = text.lines().map(indent).find(|indent| !indent.is_empty()).unwrap_or_else(|| "  ".to_owned());
        let lead = if lines { format!("{newline}{entry}") } else { indent(lead) };
        Self { lead, unit, newline, lines }
    }

    /// The entry that starts Interlock.
    fn entry(&self, order: &Import<'_>, typed: bool) -> String {
        let args = json!(["serve", "--config", order.config.to_string_lossy()]);
        let args: Vec<String> = args.as_array().into_iter().flatten().map(ToString::to_string).collect();
        let mut members =
            vec![format!("\"command\": {}", json!(order.command)), format!("\"args\": [{}]", args.join(", "))];
        if typed {
            members.insert(0, "\"type\": \"stdio\"".to_owned());
        }
        if self.lines {
            let (lead, unit) = (&self.lead, &self.unit);
            format!("\"interlock\": {{{lead}{unit}{}{lead}}}", members.join(&format!(",{lead}{unit}")))
        } else {
            format!("\"interlock\": {{ {} }}", members.join(", "))
        }
    }

    /// Interlock's own configuration, with these servers.
    fn config(&self, file: &Path, servers: &str) -> String {
        let (newline, unit) = (self.newline, &self.unit);
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let close = if self.lines { format!("{newline}{unit}") } else { String::new() };
        [
            "{",
            &format!("{unit}// Moved here from {name} by `interlock import`."),
            &format!("{unit}\"mcpServers\": {{{servers}{close}}},"),
            &format!("{unit}\"policies\": []"),
            "}",
            "",
        ]
        .join(newline)
    }
}
