//! `interlock check`: reads the configuration, loads the plugins, connects to the servers, and reports what is wrong.

use anyhow::Context as _;
use interlock_glob::Glob;
use serde_json::{Value, json};

use super::{
    arguments::Global,
    error::{Failure, Kind},
    output::{Table, print, print_json, tell},
    running::{block_on, configuration, with_app},
};
use crate::{downstream::State, identity::Tokens, pins::Standing, sandbox::Isolation};

/// Checks everything that can be checked without calling a tool.
pub(super) fn run(global: &Global) -> Result<(), Failure> {
    let config = configuration(global)?;
    for note in &config.notes {
        tell(&note.to_string());
    }
    block_on(with_app(&config, None, async |app| {
        let mediator = app.mediator();
        let mut table = Table::new(&["kind", "name", "state", "detail"]);
        let mut away = Vec::new();
        for server in mediator.catalogue().status() {
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
        if let Some(jwt) = &config.jwt {
            let tokens = Tokens::new(jwt.tokens.clone(), app.clock.clone(), app.doors()).context("no HTTP client")?;
            let (state, detail) = match tokens.keys().await {
                Ok(0) => ("away", "it has no keys that access tokens can be signed with".to_owned()),
                Ok(keys) => ("ready", format!("{keys} keys")),
                Err(error) => ("away", error.to_string()),
            };
            if state != "ready" {
                away.push(jwt.tokens.issuer.clone());
            }
            table.row(["issuer".into(), jwt.tokens.issuer.clone().into(), state.into(), detail.into()]);
        }
        let tools = mediator.catalogue().tools();
        let mut held_back = Vec::new();
        for tool in mediator.catalogue().every_tool() {
            let standing = mediator.standing_of(&tool).await.context("the pinned definitions cannot be read")?;
            if standing == Some(Standing::Changed) {
                held_back.push(tool.name.to_string());
                let detail = "its server has changed its definition: see `interlock tools changes`";
                table.row(["tool".into(), tool.name.to_string().into(), "held back".into(), detail.into()]);
            }
        }
        let mut idle = Vec::new();
        for (derivation, tool) in config.idempotency.iter().flat_map(|one| tools.iter().map(move |tool| (one, tool))) {
            let known = tool.definition.pointer("/inputSchema/properties").and_then(Value::as_object);
            let Some(known) = known.filter(|_| derivation.tools.matches(tool.name.as_str())) else { continue };
            for pointer in &derivation.key {
                if first_key(pointer).is_some_and(|key| !known.contains_key(&key)) {
                    let note = format!("`{pointer}` in `idempotency` is no argument that `{}` says it has", tool.name);
                    tell(&format!("Note: {note}"));
                    idle.push(note);
                }
            }
        }
        for glob in config.jwt.iter().flat_map(|jwt| &jwt.resource.rules).flat_map(|rule| &rule.tools) {
            if !tools.iter().any(|tool| glob.matches(tool.name.as_str())) {
                let note = format!("`{glob}` in `auth/jwt/scopes` fits no tool that is there now");
                tell(&format!("Note: {note}"));
                idle.push(note);
            }
        }
        for policy in mediator.policies().iter() {
            let fits = |glob: &Glob| tools.iter().any(|tool| glob.matches(tool.name.as_str()));
            for glob in policy.matches().tools.iter().filter(|glob| !fits(glob)) {
                let note =
                    format!("policy `{}`: `{glob}` in `match/tools` fits no tool that is there now", policy.name());
                tell(&format!("Note: {note}"));
                idle.push(note);
            }
            let configured = config.policies.iter().find(|configured| configured.name == policy.name());
            let named = configured.map(|configured| patterns("settings", &configured.settings)).unwrap_or_default();
            for (at, glob) in named.iter().filter(|(_, glob)| !fits(glob)) {
                let note = format!("policy `{}`: `{glob}` in `{at}` fits no tool that is there now", policy.name());
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
        if global.json {
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

/// Keys under which the standard policies name tools.
const NAMING: [&str; 5] = ["tools", "after", "tool", "outcome_of", "result_of"];

/// The patterns of `server/tool` in a policy's settings, each with the place where it stands.
fn patterns(at: &str, settings: &Value) -> Vec<(String, Glob)> {
    let pattern = |at: String, value: &Value| {
        let text = value.as_str().filter(|text| text.contains('/'));
        text.map(|text| (at, Glob::new(text)))
    };
    let mut found = Vec::new();
    match settings {
        Value::Object(fields) => {
            for (key, value) in fields {
                let at = format!("{at}/{key}");
                if NAMING.contains(&key.as_str()) {
                    found.extend(pattern(at.clone(), value));
                    let items = value.as_array().into_iter().flatten().enumerate();
                    found.extend(items.filter_map(|(nth, item)| pattern(format!("{at}/{nth}"), item)));
                }
                found.extend(patterns(&at, value));
            }
        }
        Value::Array(items) => {
            found.extend(items.iter().enumerate().flat_map(|(nth, item)| patterns(&format!("{at}/{nth}"), item)));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found
}

/// The argument that a JSON Pointer leads into.
fn first_key(pointer: &str) -> Option<String> {
    pointer.split('/').nth(1).map(|key| key.replace("~1", "/").replace("~0", "~"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_found_wherever_the_standard_policies_name_them() {
        let settings = json!({"rules": [
            {"tools": ["a/b", "**"], "after": ["c/d", {"tool": "e/*", "same": ["/id"]}],
             "require": {"all": [{"outcome_of": "f/g", "is": "failed"}, {"argument": "/x", "op": "==", "value": "h/i"}]}},
        ]});
        let found: Vec<String> =
            patterns("settings", &settings).iter().map(|(at, glob)| format!("{at} {glob}")).collect();
        assert_eq!(
            found,
            [
                "settings/rules/0/tools/0 a/b",
                "settings/rules/0/after/0 c/d",
                "settings/rules/0/after/1/tool e/*",
                "settings/rules/0/require/all/0/outcome_of f/g",
            ]
        );
    }
}
