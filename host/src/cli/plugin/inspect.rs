//! `interlock plugin inspect`: what there is to know of a component, and what changes from one to another.

use std::{fmt::Write as _, path::PathBuf, time::Duration};

use clap::Args;
use serde_json::{Value, json};

use super::{bench::settings, isolation};
use crate::{
    cli::{
        arguments::Global,
        error::Failure,
        output::{line as one_line, print, print_json},
        running::{block_on, configuration},
    },
    kit::{Changes, Inspection, Target, changes, inspect},
    sandbox::standard_plugins,
};

/// How long its cost is measured.
const SHORTLY: Duration = Duration::from_millis(300);

#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// A component, a plugin's folder, a policy of the configuration, or a plugin that Interlock brings.
    target: String,
    /// Tells what changes when the first takes the place of this one.
    #[arg(long, value_name = "OTHER")]
    against: Option<String>,
    /// A JSON file with the settings to configure it with; those of the configuration or of its first case unless given.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

/// Looks, and prints what is there.
pub(super) fn run(global: &Global, asked: &Inspect) -> Result<(), Failure> {
    let given = asked.settings.as_deref().map(settings).transpose()?;
    block_on(async {
        let found = look(global, &asked.target, given.clone()).await?;
        let Some(other) = &asked.against else {
            return if global.json { print_json(&as_json(&found)) } else { print(&as_text(&found)) };
        };
        let old = look(global, other, given).await?;
        let changes = changes(&old, &found);
        if global.json {
            print_json(&changes_json(&old, &found, &changes))
        } else {
            print(&told(&old, &found, &changes))
        }
    })
}

async fn look(global: &Global, asked: &str, given: Option<Value>) -> Result<Inspection, Failure> {
    // Where there is a configuration, its policies go by their own names.
    let mut configured = None;
    let is_name = !asked.contains(std::path::is_separator) && !asked.ends_with(".wasm");
    if is_name && global.config.is_file() {
        match configuration(global) {
            Ok(config) => {
                let store = config.store();
                configured =
                    config.policies.into_iter().find(|policy| policy.name == asked).map(|policy| (policy, store));
            }
            Err(error) if !standard_plugins().contains(&asked) && !std::path::Path::new(asked).exists() => {
                return Err(error);
            }
            Err(_) => {}
        }
    }
    let (target, settings) = match configured {
        Some((policy, store)) => {
            let target = Target::of(&policy.component, store).await?;
            (target, given.or_else(|| Some(policy.settings.as_ref().clone())))
        }
        None => (Target::find(asked).await?, given),
    };
    Ok(inspect(&target, settings, SHORTLY).await?)
}

fn micros(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e7).round() / 10.0
}

/// An import as people know it.
fn short(name: &str) -> &str {
    name.strip_prefix("interlock:plugin/").unwrap_or(name).split('@').next().unwrap_or_default()
}

fn listed(names: &[String]) -> String {
    // Types are words, not capabilities.
    let names: Vec<&str> = names.iter().map(|name| short(name)).filter(|name| *name != "types").collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

fn as_text(found: &Inspection) -> String {
    let Inspection { manifest, interfaces, .. } = found;
    let mut text = String::new();
    let mut line = |key: &str, value: String| {
        // Writing into memory does not fail.
        let _ = writeln!(text, "  {key:12} {value}");
    };
    line("summary", one_line(&manifest.summary));
    line("digest", format!("sha256:{}", found.digest));
    line("size", format!("{} KiB", found.bytes.div_ceil(1024)));
    line("generation", interfaces.generation.to_owned());
    line("exports", listed(&interfaces.exports));
    line("may use", listed(&interfaces.imports));
    if !manifest.codes.is_empty() {
        line("codes", one_line(&manifest.codes.join(", ")));
    }
    line("compiles in", format!("{} ms", found.compile.as_millis()));
    match &found.running {
        Ok(running) => {
            line("loads in", format!("{} ms, with nothing kept from before", running.load.as_millis()));
            line("isolation", isolation(running.isolation).1.to_owned());
            line("instance", format!("{} KiB of memory", running.memory_bytes.div_ceil(1024)));
            line("shared", format!("{} KiB of code and memory image", running.image_bytes.div_ceil(1024)));
            let cost = running.cost;
            line("per call", format!("median {} µs, p99 {} µs", micros(cost.median), micros(cost.p99)));
        }
        Err(problems) => {
            line("isolation", "shows only with settings that it accepts: name some with --settings".to_owned());
            for problem in problems {
                line("", one_line(&format!("settings{}: {}", problem.pointer, problem.message)));
            }
        }
    }
    let schema = manifest.settings_schema.get("properties").and_then(Value::as_object);
    let keys: Vec<&str> = schema.into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    let keys = if keys.is_empty() { "none".to_owned() } else { one_line(&keys.join(", ")) };
    line("settings", format!("{keys} (--json prints the whole schema)"));
    format!("{} {}: {}\n{text}", one_line(&manifest.name), one_line(&manifest.version), found.name)
}

fn as_json(found: &Inspection) -> Value {
    let running = match &found.running {
        Ok(running) => json!({
            "isolation": isolation(running.isolation).0,
            "load_ms": u64::try_from(running.load.as_millis()).unwrap_or(u64::MAX),
            "memory_bytes": running.memory_bytes,
            "image_bytes": running.image_bytes,
            "calls": running.cost.calls,
            "median_us": micros(running.cost.median),
            "p99_us": micros(running.cost.p99),
        }),
        Err(problems) => {
            let problems = problems.iter().map(|at| json!({ "pointer": at.pointer, "message": at.message }));
            json!({ "settings_problems": problems.collect::<Vec<_>>() })
        }
    };
    json!({
        "component": found.name,
        "digest": found.digest,
        "bytes": found.bytes,
        "generation": found.interfaces.generation,
        "exports": found.interfaces.exports,
        "imports": found.interfaces.imports,
        "manifest": found.manifest,
        "compile_ms": u64::try_from(found.compile.as_millis()).unwrap_or(u64::MAX),
        "running": running,
    })
}

fn told(old: &Inspection, new: &Inspection, changes: &Changes) -> String {
    let mut text = format!("From {} to {}:\n", old.name, new.name);
    let mut line = |text_of_line: String| {
        text.push_str("  ");
        text.push_str(&one_line(&text_of_line));
        text.push('\n');
    };
    if old.digest == new.digest {
        line("the same component".to_owned());
    } else if changes.is_empty() {
        line("nothing that shows from outside: other code".to_owned());
    }
    for (what, moved) in [("name", &changes.name), ("version", &changes.version), ("generation", &changes.generation)] {
        if let Some((from, to)) = moved {
            line(format!("{what}: {from} -> {to}"));
        }
    }
    let sets = [("exports", &changes.exports), ("may use", &changes.capabilities), ("code", &changes.codes)];
    for (what, set) in sets {
        set.added.iter().for_each(|name| line(format!("+ {what} {}", short(name))));
        set.removed.iter().for_each(|name| line(format!("- {what} {}", short(name))));
    }
    for change in &changes.settings {
        line(match (&change.before, &change.after) {
            (None, Some(after)) => format!("+ settings{}: {after}", change.pointer),
            (Some(before), None) => format!("- settings{}: {before}", change.pointer),
            (before, after) => {
                let said = |value: &Option<Value>| value.as_ref().map(Value::to_string).unwrap_or_default();
                format!("~ settings{}: {} -> {}", change.pointer, said(before), said(after))
            }
        });
    }
    text
}

fn changes_json(old: &Inspection, new: &Inspection, changes: &Changes) -> Value {
    let moved = |pair: &Option<(String, String)>| pair.as_ref().map(|(from, to)| json!({ "from": from, "to": to }));
    let set = |set: &crate::kit::Set| json!({ "added": set.added, "removed": set.removed });
    let settings = changes
        .settings
        .iter()
        .map(|change| json!({ "pointer": change.pointer, "before": change.before, "after": change.after }));
    json!({
        "from": { "component": old.name, "digest": old.digest },
        "to": { "component": new.name, "digest": new.digest },
        "name": moved(&changes.name),
        "version": moved(&changes.version),
        "generation": moved(&changes.generation),
        "exports": set(&changes.exports),
        "imports": set(&changes.capabilities),
        "codes": set(&changes.codes),
        "settings": settings.collect::<Vec<_>>(),
    })
}
