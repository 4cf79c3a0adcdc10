//! Measures what a plugin costs per call: its cases, one after the other, each call in a fresh instance.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    KitError, Target,
    case::Case,
    trial::{answer, load},
};
use crate::sandbox::{Isolation, Plugin, Sandbox};

/// Calls before any is counted: pools and caches are cold at first.
const WARM_UP: usize = 20;
/// Most calls that are counted; the times of all are kept.
const MOST: usize = 1 << 20;

/// What calls of a plugin cost. Time on the clock, on one thread, host calls included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// How many calls were measured.
    pub calls: usize,
    /// Half of them took at most so long.
    pub median: Duration,
    /// 99 of 100 took at most so long.
    pub p99: Duration,
}

/// What a plugin needs.
#[derive(Clone, Debug)]
pub struct Bench {
    /// Time per call.
    pub cost: Cost,
    /// How many cases the calls were taken from; none: a trivial call.
    pub cases: usize,
    /// Linear memory that an instance had at most, in bytes.
    pub memory_bytes: usize,
    /// Machine code and memory image that all instances share, in bytes.
    pub image_bytes: usize,
    /// How calls are kept apart.
    pub isolation: Isolation,
}

/// Measures for about so long. The cases that are taken are those with the settings; without settings those of the first
/// case count, and `{}` where there are no cases.
///
/// # Errors
/// If the component cannot be loaded with them.
pub async fn bench(
    sandbox: &Sandbox,
    target: &Target,
    settings: Option<Value>,
    time: Duration,
) -> Result<Bench, KitError> {
    let cases = target.cases()?.map(|cases| cases.cases).unwrap_or_default();
    let settings = settings_of(settings, &cases);
    let plugin = load(sandbox, target, &settings).await?;
    let mut fitting: Vec<Case> = cases.into_iter().filter(|case| case.settings == settings).collect();
    let count = fitting.len();
    if fitting.is_empty() {
        fitting.push(trivial(&plugin, settings).await);
    }
    let cost = measure(&plugin, &fitting, time).await;
    Ok(Bench {
        cost,
        cases: count,
        memory_bytes: plugin.peak_memory_bytes(),
        image_bytes: plugin.image_bytes(),
        isolation: plugin.isolation(),
    })
}

/// The settings that a plugin is tried with.
pub(super) fn settings_of(given: Option<Value>, cases: &[Case]) -> Value {
    given.or_else(|| cases.first().map(|case| case.settings.clone())).unwrap_or_else(|| json!({}))
}

/// A call with nothing in it: of a toolset, its first tool.
pub(super) async fn trivial(plugin: &Plugin, settings: Value) -> Case {
    let tools = if plugin.exports().toolset { plugin.tools().await.unwrap_or_default() } else { Vec::new() };
    let tool = tools.first().map_or("tool", |tool| tool.name.as_str());
    Case::trivial(tool, settings)
}

/// Runs the cases in turns for about so long.
pub(super) async fn measure(plugin: &Plugin, cases: &[Case], time: Duration) -> Cost {
    let mut turns = cases.iter().cycle();
    for case in turns.by_ref().take(WARM_UP) {
        answer(plugin, case).await;
    }
    let began = Instant::now();
    let mut times = Vec::new();
    for case in turns.take(MOST) {
        let start = Instant::now();
        answer(plugin, case).await;
        times.push(start.elapsed());
        if began.elapsed() >= time {
            break;
        }
    }
    times.sort_unstable();
    let at = |part: usize| times.get((times.len() * part / 100).min(times.len().saturating_sub(1)));
    let at = |part| at(part).copied().unwrap_or_default();
    Cost { calls: times.len(), median: at(50), p99: at(99) }
}
