//! What a process holds, and whether that keeps growing.

use std::{fmt, time::Duration};

/// How much more memory may be held at the end than after the warm-up, beside a quarter of it.
const MARGIN_MIB: f64 = 24.0;
/// How many more files may be open: connections of clients that are about to go.
const MARGIN_FILES: f64 = 24.0;
/// In a shorter time than this, caches are still being filled when the warm-up ought to be over.
const LEAST: Duration = Duration::from_secs(600);

/// Readings of one process, in the order of time.
pub(super) struct Meter {
    pub(super) name: &'static str,
    pid: u32,
    readings: Vec<Reading>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Reading {
    mib: f64,
    files: f64,
}

impl Meter {
    pub(super) fn of(name: &'static str, pid: u32) -> Self {
        Self { name, pid, readings: Vec::new() }
    }

    /// Reads /proc; where there is none, everything is zero.
    pub(super) fn read(&mut self) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: f64 = kib.and_then(|kib| kib.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default();
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.pid)).map_or(0, Iterator::count);
        self.readings.push(Reading { mib: kib / 1024.0, files: files as f64 });
    }

    /// Fails if much more is held in the last fifth of the time than in the second: the first is the warm-up.
    pub(super) fn judge(&self, lasted: Duration) -> Growth {
        let fifth = self.readings.len() / 5;
        let early = median(&self.readings[fifth..fifth * 2]);
        let late = median(&self.readings[fifth * 4..]);
        let enough = lasted >= LEAST;
        let grows = late.mib > early.mib * 1.25 + MARGIN_MIB || late.files > early.files + MARGIN_FILES;
        Growth { name: self.name, early, late, kept: !enough || !grows, enough }
    }
}

/// What came of comparing.
pub(super) struct Growth {
    name: &'static str,
    early: Reading,
    late: Reading,
    enough: bool,
    pub(super) kept: bool,
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, early, late, .. } = self;
        write!(
            f,
            "{name}: {:.1} MiB and {} files after the warm-up, {:.1} and {} at the end{}",
            early.mib,
            early.files,
            late.mib,
            late.files,
            if self.enough { "" } else { " (too short a time to tell)" }
        )
    }
}

impl fmt::Display for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.readings.last().copied().unwrap_or_default();
        write!(f, "{} {:.0} MiB {} files", self.name, last.mib, last.files)
    }
}

fn median(readings: &[Reading]) -> Reading {
    let of = |part: fn(&Reading) -> f64| {
        let mut all: Vec<f64> = readings.iter().map(part).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    Reading { mib: of(|reading| reading.mib), files: of(|reading| reading.files) }
}

#[test]
fn only_what_keeps_growing_is_found_to_grow() {
    let kept = |mib: fn(usize) -> f64, files: fn(usize) -> f64| {
        let readings = (0..100).map(|nth| Reading { mib: mib(nth), files: files(nth) }).collect();
        Meter { name: "it", pid: 0, readings }.judge(LEAST).kept
    };
    assert!(kept(|_| 60.0, |_| 30.0));
    assert!(kept(|nth| if nth < 20 { nth as f64 } else { 60.0 }, |_| 30.0), "it warms up");
    assert!(kept(|nth| if nth == 90 { 600.0 } else { 60.0 }, |nth| (nth % 10) as f64), "it goes up and down");
    assert!(!kept(|nth| 60.0 + nth as f64, |_| 30.0));
    assert!(!kept(|_| 60.0, |nth| nth as f64));
}
