//! `interlock check`: reads the configuration, loads the plugins, connects to the servers, and reports what is wrong.

use anyhow::Context as _;
use interlock_glob::Glob;
use serde_json::{Value, json};

use super::{
    arguments::{Check, Global},
    error::{Failure, Kind},
    output::{Table, print, print_json, tell},
    running::{block_on, configuration, with_app},
};
use crate::{downstream::State, pins::Standing, sandbox::Isolation};

/// Checks everything that can be checked without calling a tool.
pub(super) fn run(global: &Global, asked: &Check) -> Result<(), Failure> {
    let config = configuration(global)?;
    for note in &config.notes {
        tell(&note.to_string());
    }
    block_on(with_app(&config, None, async |app| {
        let mut table = Table::new(&["kind", "name", "state", "detail"]);
        let mut away = Vec::new();
        for server in app.mediator.catalogue().status() {
            let (state, detail) = match server.state {
                State::Ready => ("ready", format!("{} tools {}", server.tools, server.protocol)),
                State::Connecting => ("connecting", "it has not answered yet".to_owned()),
                State::Away { reason } => ("away", reason),
            };
            if state != "ready" {
                away.push(server.name.clone());
            }
            table.row([server.kind.into(), server.name.into(), state.into(), detail.trim_end().into()]);
        }
        let tools = app.mediator.catalogue().tools();
        let mut held_back = Vec::new();
        for tool in app.mediator.catalogue().every_tool() {
            let standing = app.mediator.standing_of(&tool).await.context("the pinned definitions cannot be read")?;
            if standing == Some(Standing::Changed) {
                held_back.push(tool.name.to_string());
                let detail = "its server has changed its definition: see `interlock tools changes`";
                table.row(["tool".into(), tool.name.to_string().into(), "held back".into(), detail.into()]);
            }
        }
        let mut idle = Vec::new();
        for policy in app.mediator.policies().iter() {
            let fits = |glob: &Glob| tools.iter().any(|tool| glob.matches(tool.name.as_str()));
            for glob in policy.matches().tools.iter().filter(|glob| !fits(glob)) {
                let note =
                    format!("policy `{}`: `{glob}` in `match/tools` fits no tool that is there now", policy.name());
                tell(&format!("Note: {note}"));
                idle.push(note);
            }
            let plugin = policy.plugin();
            let manifest = plugin.manifest();
            let isolation = match plugin.isolation() {
                Isolation::Snapshot => "fresh instance of a snapshot for each call",
                Isolation::ConfigureEach => "fresh instance, configured anew, for each call",
            };
            let digest = plugin.digest().get(..12).unwrap_or_default();
            let detail = format!("{} {} {digest}: {isolation}", manifest.name, manifest.version);
            table.row(["policy".into(), policy.name().into(), policy.mode().word().into(), detail.into()]);
        }
        if asked.output.json {
            let notes: Vec<Value> = config.notes.iter().map(|note| json!(note)).collect();
            print_json(
                &json!({ "ok": away.is_empty() && held_back.is_empty(), "checked": table.json(), "notes": notes, "fits_nothing": idle }),
            )?;
        } else {
            print(&table.text())?;
        }
        if away.is_empty() && held_back.is_empty() {
            return Ok(());
        }
        if away.is_empty() {
            let message = format!("held back: {}", held_back.join(", "));
            let hint = "`interlock tools accept SERVER/TOOL` accepts what `interlock tools changes` shows.";
            return Err(Failure::new(Kind::Failed, message).hint(hint));
        }
        let message = format!("not available: {}", away.join(", "));
        Err(Failure::new(Kind::Failed, message).hint("`interlock check -v` shows what the servers wrote to their log."))
    }))
}
