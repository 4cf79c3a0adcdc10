//! What it takes to change a policy under load: from the file's place being taken to the first new verdict, and what
//! callers notice of it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    gateway::{Echo, gateway},
    load::{Caller, Seen, drive},
    measure::{Samples, micros},
    table::Table,
};

/// Connections that call at once.
const CALLERS: usize = 32;
/// What the component says to a call that no rule is about, in as many bytes as what stands in its place.
const REASON: &str = "no rule allows it";
/// Longest wait for a new verdict.
const LONGEST: Duration = Duration::from_secs(30);

/// Measures callers with and without swaps, and the swaps.
pub(crate) async fn measure(full: bool) -> Result<Table> {
    let (swaps, warm) = (if full { 300 } else { 100 }, Duration::from_millis(500));
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let good = fs::read(plugins()?.join("allow-list.wasm"))?;
    put(folder.path(), &good)?;
    let echo = Echo::start().await?;
    let policies = json!([{
        "name": "who", "component": "./rule.wasm",
        "settings": {"rules": [{"effect": "allow", "tools": ["bench/act"]}]},
    }]);
    let (_gateway, at) = gateway(folder.path(), echo.address, "batched", &policies).await?;
    let mut probe = Caller::connect(at, "bench__check", 0).await?;
    ensure!(probe.ask().await?.contains(REASON), "it is not the policy that is measured");

    let calm = Duration::from_secs(if full { 15 } else { 5 });
    let mut without = drive(at, "bench__act", CALLERS, warm, calm).await?;
    // Each with text of its own, so that no two are the same component to any cache.
    let changing = async {
        let mut took = Samples::default();
        for number in 0..swaps {
            let text = format!("no rule {number:06}...");
            put(folder.path(), &with(&good, &text)?)?;
            let begun = Instant::now();
            while !probe.ask().await?.contains(&text) {
                ensure!(begun.elapsed() < LONGEST, "the component was not taken over");
            }
            took.push(micros(begun.elapsed()) / 1000.0);
        }
        anyhow::Ok(took)
    };
    // As long as the swaps last.
    let driving = async {
        let mut latency = Samples::default();
        let mut changing = std::pin::pin!(changing);
        let begun = Instant::now();
        loop {
            tokio::select! {
                took = &mut changing => {
                    let per_second = latency.len() as f64 / begun.elapsed().as_secs_f64();
                    return anyhow::Ok((took?, Seen { latency, per_second }));
                }
                seen = drive(at, "bench__act", CALLERS, Duration::ZERO, Duration::from_secs(1)) => latency.extend(seen?.latency),
            }
        }
    };
    let (mut took, mut during) = driving.await?;

    let mut table = Table::new(
        format!("Swap: a policy of {} KiB is swapped {swaps} times under {CALLERS} callers", good.len() >> 10),
        &["What", "median", "p99", "unit", "p99 beside calm", "aim"],
    );
    let calm = without.latency.percentile(99.0);
    let p99 = during.latency.percentile(99.0);
    table.row([json!("a call, no swaps"), json!(without.latency.median()), json!(calm), json!("µs")]);
    let aim = json!("≤ 3");
    table.row([
        json!("a call, swap upon swap"),
        json!(during.latency.median()),
        json!(p99),
        json!("µs"),
        json!(p99 / calm),
        aim,
    ]);
    let what = json!("from the file's swap to the first new verdict");
    let (median, p99) = (took.median(), took.percentile(99.0));
    table.row([what, json!(median), json!(p99), json!("ms"), Value::Null, json!("≤ 300")]);
    Ok(table)
}

/// Puts a component in the place of the policy's, in one step.
fn put(folder: &Path, bytes: &[u8]) -> Result<()> {
    let beside = folder.join("rule.new");
    fs::write(&beside, bytes)?;
    Ok(fs::rename(beside, folder.join("rule.wasm"))?)
}

/// The component with another reason.
fn with(component: &[u8], text: &str) -> Result<Vec<u8>> {
    let mut bytes = component.to_vec();
    let at = bytes.windows(REASON.len()).position(|at| at == REASON.as_bytes()).context("it has another reason")?;
    let place = bytes.get_mut(at..at + text.len()).filter(|place| place.len() == REASON.len());
    place.context("a text of another length")?.copy_from_slice(text.as_bytes());
    Ok(bytes)
}

/// Where the standard plugins lie that the program was built with.
fn plugins() -> Result<PathBuf> {
    match std::env::var_os("INTERLOCK_PLUGINS_DIR") {
        Some(folder) => Ok(folder.into()),
        None => Ok(Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("plugins")),
    }
}
