//! What it takes to change a policy under load: from the file's place being taken to the first new verdict, and what
//! callers notice of it.

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    gateway::{Echo, gateway_to},
    load::{Caller, drive},
    measure::{Samples, micros},
    table::Table,
};

/// Connections that call at once.
const CALLERS: usize = 32;
/// Longest wait for a new verdict.
const LONGEST: Duration = Duration::from_secs(30);

/// A policy that is swapped. It lets `support/act` through, and refuses `support/refund` with these arguments.
struct Swapped {
    what: &'static str,
    /// Where it lies below the folder of what was built.
    component: &'static str,
    settings: Value,
    arguments: Value,
    /// A part of its words. Each component that it is swapped for has others there, as long: no two are the same to a
    /// cache.
    words: &'static str,
}

/// Measures callers with and without swaps, and the swaps: of a policy on the interface alone, and of one on the SDK.
pub(crate) async fn measure(full: bool) -> Result<Vec<Table>> {
    let bare = Swapped {
        what: "on the interface alone",
        component: "examples/refund-limit-without-sdk.wasm",
        settings: json!({"limit": 100}),
        arguments: json!({"amount": 500}),
        words: "of the same customer",
    };
    let on_sdk = Swapped {
        what: "on the SDK",
        component: "allow-list.wasm",
        settings: json!({"rules": [{"effect": "allow", "tools": ["support/act"]}]}),
        arguments: json!({}),
        words: "no rule allows it",
    };
    Ok(vec![bare.measure(full).await?, on_sdk.measure(full).await?])
}

impl Swapped {
    async fn measure(&self, full: bool) -> Result<Table> {
        let (swaps, warm) = (if full { 300 } else { 100 }, Duration::from_millis(500));
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let good = fs::read(plugins()?.join(self.component))?;
        put(folder.path(), &good)?;
        let echo = Echo::start().await?;
        let policies = json!([{"name": "swapped", "component": "./rule.wasm", "settings": self.settings}]);
        let (_gateway, at) = gateway_to("support", folder.path(), echo.address, "batched", &policies).await?;
        let mut probe = Caller::connect(at, "support__refund", &self.arguments).await?;
        ensure!(probe.ask().await?.contains(self.words), "it is not the policy that is measured");
        // With nothing else to do.
        let mut idle = self.swap(&mut probe, &good, folder.path(), 0..swaps / 5).await?;

        let calm = Duration::from_secs(if full { 15 } else { 5 });
        let mut without = drive(at, "support__act", CALLERS, warm, calm).await?;
        let mut latency = Samples::default();
        let mut changing = std::pin::pin!(self.swap(&mut probe, &good, folder.path(), swaps..2 * swaps));
        // As long as the swaps last.
        let mut took = loop {
            tokio::select! {
                took = &mut changing => break took?,
                seen = drive(at, "support__act", CALLERS, Duration::ZERO, Duration::from_secs(1)) => latency.extend(seen?.latency),
            }
        };

        let mut table = Table::new(
            format!(
                "Swap: a policy of {} KiB, {}, is swapped {swaps} times under {CALLERS} callers",
                good.len() >> 10,
                self.what
            ),
            &["What", "median", "p99", "unit", "p99 beside calm", "aim"],
        );
        let (calm, p99) = (without.latency.percentile(99.0), latency.percentile(99.0));
        table.row([json!("a call, no swaps"), json!(without.latency.median()), json!(calm), json!("µs")]);
        let what = json!("a call, swap upon swap");
        table.row([what, json!(latency.median()), json!(p99), json!("µs"), json!(p99 / calm), json!("≤ 3")]);
        let what = "from the file's swap to the first new verdict";
        for (what, took) in [(what.to_owned(), &mut took), (format!("{what}, without callers"), &mut idle)] {
            let (median, p99) = (took.median(), took.percentile(99.0));
            table.row([json!(what), json!(median), json!(p99), json!("ms"), Value::Null, json!("≤ 300")]);
        }
        Ok(table)
    }

    /// Swaps the component so many times, each when the one before has had its first verdict: milliseconds.
    async fn swap(&self, probe: &mut Caller, good: &[u8], folder: &Path, numbers: Range<usize>) -> Result<Samples> {
        let mut took = Samples::default();
        for number in numbers {
            let words = format!("{number:0width$}", width = self.words.len());
            put(folder, &self.saying(good, &words)?)?;
            let begun = Instant::now();
            while !probe.ask().await?.contains(&words) {
                ensure!(begun.elapsed() < LONGEST, "the component was not taken over");
                // Not a caller to reckon with.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            took.push(micros(begun.elapsed()) / 1000.0);
        }
        Ok(took)
    }

    /// The component with other words.
    fn saying(&self, component: &[u8], words: &str) -> Result<Vec<u8>> {
        let mut bytes = component.to_vec();
        let length = self.words.len();
        let at = bytes.windows(length).position(|at| at == self.words.as_bytes()).context("it has other words")?;
        bytes.get_mut(at..at + length).context("other words")?.copy_from_slice(words.as_bytes());
        Ok(bytes)
    }
}

/// Puts a component in the place of the policy's, in one step.
fn put(folder: &Path, bytes: &[u8]) -> Result<()> {
    let beside = folder.join("rule.new");
    fs::write(&beside, bytes)?;
    Ok(fs::rename(beside, folder.join("rule.wasm"))?)
}

/// Where the standard plugins lie that the program was built with.
fn plugins() -> Result<PathBuf> {
    match std::env::var_os("INTERLOCK_PLUGINS_DIR") {
        Some(folder) => Ok(folder.into()),
        None => Ok(Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("plugins")),
    }
}
