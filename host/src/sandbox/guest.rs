//! The host's side of one instance: what it may use, and what its imports may see.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use wasmtime::ResourceLimiter;

use super::{
    Limits,
    engine::TICK,
    facts::{History, KeyValue},
};
use crate::call::Arguments;

/// Most log lines of one call; what is over is dropped.
const MAX_LINES: u32 = 64;
/// Longest log line, in bytes; what is over is cut.
const MAX_LINE_BYTES: usize = 4096;
/// Most elements of all tables of one instance.
const MAX_TABLE_ELEMENTS: usize = 100_000;

/// What the imports of one call may see. What is not given is empty.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) arguments: Arguments,
    pub(super) history: Option<Arc<dyn History>>,
    pub(super) store: Option<Arc<dyn KeyValue>>,
}

/// The state of one instance's store.
pub(super) struct Guest {
    /// The plugin's name, for log lines.
    name: Arc<str>,
    memory_bytes: usize,
    refused_memory: Option<usize>,
    lines: u32,
    last_line: Option<String>,
    time: Duration,
    /// Ticks of the engine that it may still be found running at.
    ticks: u32,
    /// When the call's time is up by the clock on the wall.
    ends: Instant,
    pub(super) facts: Facts,
}

impl Guest {
    pub(super) fn new(name: Arc<str>, limits: Limits, facts: Facts) -> Self {
        let Limits { time, memory_bytes } = limits;
        let ticks = u32::try_from(time.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u32::MAX);
        let ends = Instant::now() + time;
        Self { name, memory_bytes, refused_memory: None, lines: 0, last_line: None, time, ticks, ends, facts }
    }

    /// Longest time that the call may run.
    pub(super) fn time(&self) -> Duration {
        self.time
    }

    /// The engine has ticked while the guest was running. False: it has used its time up.
    pub(super) fn tick(&mut self) -> bool {
        let left = self.ticks.checked_sub(1);
        self.ticks = left.unwrap_or_default();
        left.is_some()
    }

    /// How much memory the guest asked for in vain, if it did, in bytes.
    pub(super) fn refused_memory(&self) -> Option<usize> {
        self.refused_memory
    }

    /// What it logged last: after a panic, the panic's message.
    pub(super) fn last_line(&self) -> Option<&str> {
        self.last_line.as_deref()
    }

    /// Time left for the call.
    pub(super) fn time_left(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now())
    }

    /// Takes one line from the guest. `None`: it has written enough.
    pub(super) fn admit_line(&mut self, mut line: String) -> Option<(&str, &str)> {
        if self.lines >= MAX_LINES {
            return None;
        }
        self.lines += 1;
        if line.len() > MAX_LINE_BYTES {
            let end = (0..=MAX_LINE_BYTES).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
            line.truncate(end);
        }
        Some((&self.name, self.last_line.insert(line)))
    }
}

impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired <= self.memory_bytes {
            return Ok(true);
        }
        self.refused_memory = Some(desired);
        Err(wasmtime::format_err!("memory limit of {} bytes", self.memory_bytes))
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_writes_64_lines_of_4_kib_and_no_more() {
        let mut guest = Guest::new("p".into(), Limits { time: Duration::ZERO, memory_bytes: 0 }, Facts::default());
        let (_, line) = guest.admit_line("ü".repeat(5_000)).unwrap();
        assert_eq!((line.len(), line.chars().all(|c| c == 'ü')), (4096, true));
        let (_, odd) = guest.admit_line(format!("a{}", "ü".repeat(5_000))).unwrap();
        assert_eq!(odd.len(), 4095);
        let written = (0..200).filter(|_| guest.admit_line("x".to_owned()).is_some()).count();
        assert_eq!(written, 62);
    }
}
