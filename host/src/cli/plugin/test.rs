//! `interlock plugin test`: runs a plugin's cases against its component.

use std::{fmt::Write as _, path::PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::{sandbox, target};
use crate::{
    cli::{
        arguments::Global,
        error::{Failure, Kind},
        output::{line, print, print_json, tell},
        running::block_on,
    },
    kit::{self, CaseResult, Cases, Got, Report, Target},
    sandbox::Limits,
};

#[derive(Debug, Args)]
pub(super) struct Test {
    /// A plugin's folder, which is built if need be; a component with `cases.json` beside it; or a plugin that Interlock
    /// brings.
    #[arg(default_value = ".")]
    target: String,
    /// The cases to run, instead of its own.
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// Writes what came of the cases into `cases.json`.
    #[arg(long)]
    update: bool,
}

/// Runs the cases and tells of each.
pub(super) fn run(global: &Global, asked: &Test) -> Result<(), Failure> {
    block_on(async {
        let target = target(&asked.target, asked.cases.clone()).await?;
        let Some(cases) = target.cases()? else {
            let message = format!("there are no cases: `{}` is not there", target.cases_at());
            return Err(
                Failure::new(Kind::Failed, message).hint("`interlock plugin new` makes a folder that has some.")
            );
        };
        let report = kit::run(&sandbox()?, &target, &cases).await?;
        if global.json {
            print_json(&as_json(&target, &cases, &report))?;
        } else {
            print(&as_text(&target, &cases, &report))?;
        }
        if asked.update {
            let changed = kit::update(&cases, &report)?;
            tell(&format!("{changed} case(s) written to {}", cases.path.display()));
        }
        verdict(asked.update, &cases, &report)
    })
}

/// Fails if anything is not as it should be, and was not just written down.
fn verdict(updated: bool, cases: &Cases, report: &Report) -> Result<(), Failure> {
    let failed = report.results.iter().filter(|result| {
        let written = updated && matches!(result.got, Got::Answer(_));
        !result.is_ok() && !written
    });
    let (failed, all) = (failed.count(), report.results.len());
    if failed > 0 {
        let message = format!("{failed} of {all} cases of {} failed", cases.path.display());
        return Err(Failure::new(Kind::Failed, message).hint("`--update` writes what was given, once it is right."));
    }
    if report.undeclared.is_empty() {
        return Ok(());
    }
    let message = format!("codes that the manifest does not declare: {}", report.undeclared.join(", "));
    Err(Failure::new(Kind::Failed, message).hint("add them to the plugin's codes: operators look there."))
}

fn place(cases: &Cases, result: &CaseResult) -> String {
    format!("{}:{}:{}", cases.path.display(), result.at.line, result.at.column)
}

fn as_text(target: &Target, cases: &Cases, report: &Report) -> String {
    let mut text = String::new();
    // Writing into memory does not fail.
    if let Some(manifest) = &report.manifest {
        let _ = writeln!(text, "{} {}: {}", line(&manifest.name), line(&manifest.version), target.name);
    }
    for result in &report.results {
        let _ = writeln!(text, "  {:4}  {}", if result.is_ok() { "ok" } else { "FAIL" }, line(&result.name));
        if result.is_ok() {
            continue;
        }
        let _ = writeln!(text, "        at {}", place(cases, result));
        for wrong in &result.wrong {
            let _ = writeln!(text, "        {}", line(wrong));
        }
        if let (Some(expected), Got::Answer(given)) = (&result.expected, &result.got) {
            let _ = writeln!(text, "        expected {}", line(&Value::Object(expected.clone()).to_string()));
            let _ = writeln!(text, "        got      {}", line(&Value::Object(given.clone()).to_string()));
        }
    }
    let failed = report.results.iter().filter(|result| !result.is_ok()).count();
    let _ = write!(text, "{} passed, {failed} failed", report.results.len() - failed);
    let listed = |shown: Vec<String>| if shown.is_empty() { "none".to_owned() } else { shown.join(", ") };
    if report.manifest.as_ref().is_some_and(|manifest| !manifest.codes.is_empty()) || !report.verdicts.is_empty() {
        let verdicts = report.verdicts.iter().map(|(word, times)| format!("{times} {word}")).collect();
        let codes = report.codes.iter().map(|(code, times)| format!("{times} {}", line(code))).collect();
        let _ = write!(text, "; verdicts: {}; codes: {}", listed(verdicts), listed(codes));
    }
    text.push('\n');
    for code in &report.unseen {
        let _ = writeln!(
            text,
            "Note: no case of {} shows the code `{}`, which the manifest declares",
            cases.path.display(),
            line(code)
        );
    }
    for code in &report.undeclared {
        let shown = report.results.iter().find(
            |result| matches!(&result.got, Got::Answer(given) if given.get("code").and_then(Value::as_str) == Some(code)),
        );
        let at = shown.map(|result| place(cases, result)).unwrap_or_default();
        let _ =
            writeln!(text, "Wrong: the code `{}` is given at {at}, and the manifest does not declare it", line(code));
    }
    let most = Limits::POLICY.memory_bytes;
    // What a plugin took that was stopped is no measure of what it needs.
    let stopped = report.results.iter().any(|result| matches!(result.got, Got::Fault(_)));
    if report.memory_bytes > most && !report.verdicts.is_empty() && !stopped {
        let mib = report.memory_bytes.div_ceil(1 << 20).next_multiple_of(8);
        let _ = writeln!(
            text,
            "Note: it needs more than the {} MiB that a policy gets: configure `\"limits\": {{\"memory_mib\": {mib}}}`",
            most >> 20
        );
    }
    text
}

fn as_json(target: &Target, cases: &Cases, report: &Report) -> Value {
    let results: Vec<Value> = report
        .results
        .iter()
        .map(|result| {
            let got = match &result.got {
                Got::Answer(given) => Value::Object(given.clone()),
                Got::Settings(problems) => {
                    let all = problems.iter().map(|at| json!({ "pointer": at.pointer, "message": at.message }));
                    json!({ "settings": all.collect::<Vec<_>>() })
                }
                Got::Fault(fault) => json!({ "fault": fault.to_string() }),
            };
            json!({
                "name": result.name, "ok": result.is_ok(), "line": result.at.line, "column": result.at.column,
                "expected": result.expected, "got": got, "wrong": result.wrong,
            })
        })
        .collect();
    json!({
        "ok": report.is_ok(),
        "component": target.name,
        "cases": cases.path.display().to_string(),
        "results": results,
        "verdicts": report.verdicts,
        "codes": { "given": report.codes, "unseen": report.unseen, "undeclared": report.undeclared },
        "memory_bytes": report.memory_bytes,
    })
}
