//! `interlock plugin bench`: what a plugin costs per call.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use super::{isolation, sandbox, target};
use crate::{
    cli::{
        arguments::Global,
        error::Failure,
        output::{print, print_json},
        running::block_on,
    },
    kit,
};

#[derive(Debug, Args)]
pub(super) struct Bench {
    /// A plugin's folder, a component, or a plugin that Interlock brings.
    #[arg(default_value = ".")]
    target: String,
    /// A JSON file with the settings to configure it with; those of its first case unless given.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// The cases whose calls are measured, instead of its own.
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// How long to measure, in seconds.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
}

/// Measures and prints.
pub(super) fn run(global: &Global, asked: &Bench) -> Result<(), Failure> {
    let settings = asked.settings.as_deref().map(settings).transpose()?;
    block_on(async {
        let target = target(&asked.target, asked.cases.clone()).await?;
        let measured = kit::bench(&sandbox()?, &target, settings, Duration::from_secs(asked.seconds)).await?;
        let kit::Bench { cost, cases, memory_bytes, image_bytes, isolation: how } = measured;
        let micros = |time: Duration| (time.as_secs_f64() * 1e7).round() / 10.0;
        let (median, p99) = (micros(cost.median), micros(cost.p99));
        if global.json {
            return print_json(&json!({
                "component": target.name, "component_bytes": target.bytes.len(),
                "calls": cost.calls, "cases": cases, "median_us": median, "p99_us": p99,
                "memory_bytes": memory_bytes, "image_bytes": image_bytes, "isolation": isolation(how).0,
            }));
        }
        let what = if cases == 0 { "a trivial call".to_owned() } else { format!("{cases} cases") };
        print(&format!(
            "{}: {} KiB\n  per call    median {median} µs, p99 {p99} µs ({} calls of {what})\n  \
             instance    {} KiB of memory\n  shared      {} KiB of code and memory image\n  isolation   {}\n",
            target.name,
            target.bytes.len().div_ceil(1024),
            cost.calls,
            memory_bytes.div_ceil(1024),
            image_bytes.div_ceil(1024),
            isolation(how).1,
        ))
    })
}

/// Settings from a file.
pub(super) fn settings(path: &std::path::Path) -> Result<Value, Failure> {
    let text = fs::read(path).with_context(|| format!("`{}` cannot be read", path.display()))?;
    Ok(serde_json::from_slice(&text).with_context(|| format!("`{}` is not JSON", path.display()))?)
}
