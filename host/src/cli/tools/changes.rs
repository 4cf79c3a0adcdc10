//! What servers changed about their tools, and the accepting of it by a person.
//!
//! What a running gateway has seen is in the journal, and that is what is shown and accepted, even if the server tells
//! something else to whoever asks now. Only where no gateway has seen a change are the servers asked.

use anyhow::Context as _;
use interlock_glob::Glob;
use serde_json::{Value, json};
use similar::TextDiff;

use crate::{
    cli::{
        approvals::user,
        arguments::AcceptTools,
        error::{Failure, Kind},
        output::{plain, print, print_json},
        running::{CLOSE, journal, with_app},
    },
    config::Config,
    journal::Journal,
    pins::{Acceptance, Definition, Pin, Pins},
};

/// Unchanged lines that are shown around each difference.
const CONTEXT: usize = 2;

/// A tool, and the definition that is not the pinned one.
struct Change {
    pin: Pin,
    new: Definition,
}

/// Shows what has changed about the tools that fit the pattern.
pub(super) async fn show(config: &Config, tools: &Glob, json: bool) -> Result<(), Failure> {
    let (journal, _) = journal(config).await?;
    let changes = find(config, &journal, tools).await;
    journal.close(CLOSE).await;
    told(&changes?, json)
}

/// Shows what has changed, and makes exactly that what counts from now on.
pub(super) async fn accept(config: &Config, asked: &AcceptTools, json: bool) -> Result<(), Failure> {
    let (journal, _) = journal(config).await?;
    let done = accept_in(config, &journal, asked, json).await;
    journal.close(CLOSE).await;
    done
}

async fn accept_in(config: &Config, journal: &Journal, asked: &AcceptTools, json: bool) -> Result<(), Failure> {
    let changes = find(config, journal, &asked.tools).await?;
    let wanted = asked.digest.as_deref().unwrap_or_default();
    if let Some(other) = changes.iter().find(|change| !change.new.digest.starts_with(wanted)) {
        let message = format!("the definition of `{}` is now {}", other.pin.tool, other.new.digest);
        return Err(Failure::new(Kind::Failed, message).hint("`interlock tools changes` shows what it says."));
    }
    if changes.is_empty() {
        let message = format!("no tool that fits `{}` has changed", asked.tools);
        return Err(Failure::new(Kind::Failed, message).hint("`interlock tools` lists what there is."));
    }
    told(&changes, json)?;
    let by = asked.by.clone().unwrap_or_else(user);
    let pins = Pins::new(journal.clone());
    for Change { pin, new } in &changes {
        match pins.accept(pin, new, &by).await.context("the acceptance cannot be recorded")? {
            Acceptance::Done => {}
            Acceptance::Overtaken => {
                let message = format!("`{}` changed again at this moment, and was not accepted", pin.tool);
                return Err(Failure::new(Kind::Failed, message).hint("look at it again."));
            }
        }
    }
    Ok(())
}

/// What waits to be accepted: by the journal, or else by what the servers show now.
async fn find(config: &Config, journal: &Journal, tools: &Glob) -> Result<Vec<Change>, Failure> {
    if !config.pin_tools {
        let message = "`pin_tools` is off: no tool is held back";
        return Err(Failure::new(Kind::Config, message));
    }
    let mut pins = Pins::new(journal.clone()).list().await.context("the pinned definitions cannot be read")?;
    pins.retain(|pin| tools.matches(pin.tool.as_str()));
    let waits = |pin: &Pin| pin.waiting.clone().map(|new| Change { pin: pin.clone(), new });
    let waiting: Vec<Change> = pins.iter().filter_map(waits).collect();
    if !waiting.is_empty() {
        return Ok(waiting);
    }
    let mut changes = Vec::new();
    with_app(config, None, async |app| {
        for tool in app.mediator().catalogue().every_tool() {
            let pin = pins.iter().find(|pin| pin.tool == tool.name && *pin.pinned.digest != *tool.digest);
            if let Some(pin) = pin {
                let new = Definition { digest: tool.digest, content: tool.definition };
                changes.push(Change { pin: pin.clone(), new });
            }
        }
        Ok(())
    })
    .await?;
    Ok(changes)
}

fn told(changes: &[Change], json: bool) -> Result<(), Failure> {
    if json {
        let all: Vec<Value> = changes
            .iter()
            .map(|Change { pin, new }| {
                json!({
                    "tool": pin.tool,
                    "pinned": { "digest": &*pin.pinned.digest, "definition": &*pin.pinned.content },
                    "new": { "digest": &*new.digest, "definition": &*new.content },
                })
            })
            .collect();
        return print_json(&all.into());
    }
    if changes.is_empty() {
        return print("nothing has changed\n");
    }
    print(&changes.iter().map(difference).collect::<String>())
}

/// The difference, line by line, for a person who has to judge it.
fn difference(Change { pin, new }: &Change) -> String {
    let text = |definition: &Definition| plain(&format!("{:#}\n", sorted(&definition.content)));
    let (old, now) = (text(&pin.pinned), text(new));
    let difference = TextDiff::from_lines(&old, &now);
    let mut unified = difference.unified_diff();
    let (pinned, changed) = (format!("{} {}", pin.tool, pin.pinned.digest), format!("{} {}", pin.tool, new.digest));
    format!("{}\n", unified.context_radius(CONTEXT).header(&plain(&pinned), &plain(&changed)))
}

/// With the keys in order, as the journal has them: what merely moved has not changed.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::call::ToolName;

    #[test]
    fn the_difference_shows_what_would_hide() {
        let definition =
            |digest: &str, content: Value| Definition { digest: digest.into(), content: Arc::new(content) };
        let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
        let pin = Pin {
            tool: ToolName::new("s", "t"),
            pinned: definition("01", json!({"name": "t", "inputSchema": schema, "description": "Reads."})),
            waiting: None,
            changes: 1,
        };
        let said = "Reads.\u{200b}\u{202e}\u{1b}[2J\u{e0041} é";
        let new = definition("02", json!({"description": said, "name": "t", "inputSchema": schema}));
        assert_eq!(
            difference(&Change { pin, new }),
            "--- s/t 01\n+++ s/t 02\n@@ -1,4 +1,4 @@\n {\n-  \"description\": \"Reads.\",\n\
             +  \"description\": \"Reads.\\u{200b}\\u{202e}\\u001b[2J\\u{e0041} é\",\n   \"inputSchema\": {\n     \
             \"properties\": {\n\n"
        );
    }
}
