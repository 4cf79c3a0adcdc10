//! Thousands of failures leave nothing behind: no memory, no places, no tasks, no files.
//!
//! The test runs alone in a process of its own, as what other tests hold would hide what this one loses.
//! `cargo xtask guests --times N` makes N calls of it; the test, 300.

use std::{
    ops::Range,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use interlock::{
    call::PastCall,
    clock::Timestamp,
    sandbox::{FactsError, History, Limits, Plugin, Sandbox},
    verdict::Verdict,
};
use serde_json::{Value, json};
use tokio::sync::Barrier;

use super::{
    Nothing, call,
    faults::{PLENTY, judge, load},
    kinds::{Shelf, act, review, rewrite},
};
use crate::plugins::cache;

/// How many calls to make. Unset: this is the process that starts the other.
const TIMES: &str = "INTERLOCK_GUEST_CALLS";
/// Whether this process is there for this test alone.
const ALONE: &str = "INTERLOCK_GUESTS_ALONE";
/// As many policies as run at the same time.
const PLACES: usize = 64;
/// How long a call may wait for a place, at the utmost.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much more memory may be held after all calls than after the first of them.
const MARGIN_BYTES: usize = 16 << 20;
/// How many more pieces of address space: the pools' memory is one piece more for each place that is used differently
/// from its neighbour at the moment, some forty of them.
const MARGIN_MAPPINGS: usize = 200;

#[test]
fn failures_leave_no_memory_no_tasks_and_no_places_behind() {
    if std::env::var_os(ALONE).is_none() {
        let name = "sandbox::leaks::failures_leave_no_memory_no_tasks_and_no_places_behind";
        let mut alone = Command::new(std::env::current_exe().unwrap());
        let ended = alone.args(["--exact", name, "--nocapture"]).env(ALONE, "1").status().unwrap();
        assert!(ended.success());
        return;
    }
    let times = std::env::var(TIMES).map_or(300, |times| times.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(fail_and_count(times));
}

async fn fail_and_count(times: usize) {
    let guests = Arc::new(Guests::load().await);
    let began = Instant::now();
    // The first calls fill pools and caches, which are kept.
    let warm = times.min(1_000);
    let failed = guests.fail(warm).await;
    assert!(failed.faults > warm / 2 && failed.dropped > 0 && failed.answers > 0, "{failed:?}");
    let before = Held::now();
    let failed = guests.fail(times).await;
    let after = Held::now();
    eprintln!("{times} calls in {:?}: {failed:?}\nbefore {before:?}\nafter  {after:?}", began.elapsed());
    assert_eq!(failed.faults + failed.answers + failed.dropped, times);
    // The two that have made the calls may not quite be gone.
    assert!(after.tasks <= before.tasks + 2, "tasks: {before:?}, {after:?}");
    assert!(after.files <= before.files, "open files: {before:?}, {after:?}");
    assert!(after.mappings <= before.mappings + MARGIN_MAPPINGS, "mappings: {before:?}, {after:?}");
    assert!(after.resident <= before.resident + MARGIN_BYTES, "resident bytes: {before:?}, {after:?}");
    guests.fill_every_place().await;
}

/// What this process holds.
#[derive(Debug)]
struct Held {
    resident: usize,
    mappings: usize,
    files: usize,
    tasks: usize,
}

impl Held {
    /// Read from /proc; elsewhere all that is known is the number of tasks.
    fn now() -> Self {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
        let pages: usize = read("statm").split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
        Self {
            resident: pages * 4096,
            mappings: read("maps").lines().count(),
            files: std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
            tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        }
    }
}

/// How calls ended.
#[derive(Debug, Default)]
struct Ends {
    faults: usize,
    answers: usize,
    dropped: usize,
}

impl Ends {
    fn and(self, end: Option<bool>) -> Self {
        match end {
            Some(true) => Self { answers: self.answers + 1, ..self },
            Some(false) => Self { faults: self.faults + 1, ..self },
            None => Self { dropped: self.dropped + 1, ..self },
        }
    }
}

/// One of each kind.
struct Guests {
    policy: Plugin,
    patient: Plugin,
    recites: Plugin,
    offers: Plugin,
    shelf: Arc<Shelf>,
}

impl Guests {
    async fn load() -> Self {
        let sandbox = Sandbox::start(Some(&cache())).unwrap();
        let brief = Limits { time: Duration::from_millis(10), ..PLENTY };
        let guest = async |name| load(&sandbox, name, json!({}), brief).await.unwrap();
        Self {
            policy: guest("misbehaves").await,
            patient: load(&sandbox, "misbehaves", json!({}), PLENTY).await.unwrap(),
            recites: guest("recites").await,
            offers: guest("offers").await,
            shelf: Arc::default(),
        }
    }

    /// Makes so many calls on two threads, more at once than there are places.
    async fn fail(self: &Arc<Self>, times: usize) -> Ends {
        let some = |numbers: Range<usize>| {
            let guests = self.clone();
            tokio::spawn(async move {
                let one = async |nth| {
                    let ends = tokio::time::timeout(PATIENCE, guests.one(nth));
                    ends.await.expect("a call waits for a place that is lost")
                };
                let calls = stream::iter(numbers).map(one).buffer_unordered(PLACES);
                calls.fold(Ends::default(), async |ends, end| ends.and(end)).await
            })
        };
        let (one, other) = tokio::join!(some(0..times / 2), some(times / 2..times));
        let (one, other) = (one.unwrap(), other.unwrap());
        Ends {
            faults: one.faults + other.faults,
            answers: one.answers + other.answers,
            dropped: one.dropped + other.dropped,
        }
    }

    /// One call, each of another kind: whether it was answered; none if it was given up in the middle.
    async fn one(&self, nth: usize) -> Option<bool> {
        let misdeed = json!({ "misdeed": (["panic", "long_panic", "recurse"][nth % 3]) });
        Some(match nth % 25 {
            // Slow, so only now and then.
            0 => judge(&self.policy, "spin").await.is_ok(),
            1 => judge(&self.policy, "hoard").await.is_ok(),
            2 => rewrite(&self.recites, json!({"misdeed": "spin"})).await.is_ok(),
            3 => act(&self.offers, json!({"misdeed": "hoard"}), &self.shelf).await.is_ok(),
            4 => judge(&self.policy, "many_questions").await.is_ok(),
            5 => {
                tokio::select! {
                    biased;
                    _ = judge(&self.policy, "spin") => return Some(false),
                    // It has begun, and is still at it.
                    () = tokio::task::yield_now() => return None,
                }
            }
            6 => judge(&self.policy, "allow").await.is_ok(),
            7..10 => rewrite(&self.recites, misdeed).await.is_ok(),
            10..13 => review(&self.recites, misdeed).await.is_ok(),
            13..16 => act(&self.offers, misdeed, &self.shelf).await.is_ok(),
            other => {
                let hows = ["panic", "long_panic", "recurse", "megabytes", "bad_code", "deep_details", "report"];
                judge(&self.policy, hows[other % hows.len()]).await.is_ok()
            }
        })
    }

    /// Has as many policies run at the same time as there are places: each waits until all the others are there.
    async fn fill_every_place(&self) {
        let meeting = Arc::new(Meeting(Barrier::new(PLACES)));
        let asking = call("a/b", json!({"how": "dawdle"}));
        let all = (0..PLACES).map(|_| self.patient.judge(&asking, None, meeting.clone()));
        for verdict in futures::future::join_all(all).await {
            assert_eq!(verdict, Ok(Verdict::Allow), "a place is lost");
        }
    }
}

/// A history that answers when as many ask it as there are places.
struct Meeting(Barrier);

#[async_trait]
impl History for Meeting {
    async fn latest(&self, tool: &str, outcome: Option<&str>) -> Result<Option<PastCall>, FactsError> {
        Nothing.latest(tool, outcome).await
    }
    async fn running(&self, tool: &str) -> Result<Vec<PastCall>, FactsError> {
        Nothing.running(tool).await
    }
    async fn count(&self, _: &str, _: Option<&str>, _: Timestamp) -> Result<u64, FactsError> {
        self.0.wait().await;
        Ok(0)
    }
    async fn recent(&self, tool: &str, limit: u32) -> Result<Vec<PastCall>, FactsError> {
        Nothing.recent(tool, limit).await
    }
    async fn matching(
        &self,
        tool: &str,
        outcome: Option<&str>,
        same: &[(String, Value)],
        limit: u32,
    ) -> Result<Vec<PastCall>, FactsError> {
        Nothing.matching(tool, outcome, same, limit).await
    }
    async fn sum(&self, tool: &str, argument: &str, since: Timestamp) -> Result<f64, FactsError> {
        Nothing.sum(tool, argument, since).await
    }
}
