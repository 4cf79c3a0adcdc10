//! The host's side of one instance: what it may use, and what its imports may see.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use wasmtime::ResourceLimiter;

use super::{
    Limits,
    engine::TICK,
    facts::{FactsError, History, KeyValue},
    words::one_line,
};
use crate::call::Arguments;

/// Most log lines of one call; what is over is dropped.
const MAX_LINES: u32 = 64;
/// Longest log line, in bytes; what is over is cut.
const MAX_LINE_BYTES: usize = 4096;
/// Most elements of all tables of one instance.
pub(super) const MAX_TABLE_ELEMENTS: usize = 100_000;
/// What one call may ask of history, in bytes of its questions: the host remembers each until the call is decided.
const MAX_QUESTION_BYTES: usize = 512 << 10;
/// What a question counts beside its text.
const QUESTION_BYTES: usize = 64;
/// Longest text of one question. The host matches patterns while the guest cannot be stopped, so they are short.
const MAX_QUESTION_TEXT_BYTES: usize = 1024;

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
    /// Memory and table elements that it may still grow by, over all its memories and tables.
    memory_left: usize,
    /// Memory that it has, over all its memories, in bytes.
    memory: usize,
    table_elements_left: usize,
    refused_memory: Option<usize>,
    question_bytes_left: usize,
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
        Self {
            name,
            memory_left: memory_bytes,
            memory: 0,
            table_elements_left: MAX_TABLE_ELEMENTS,
            refused_memory: None,
            question_bytes_left: MAX_QUESTION_BYTES,
            lines: 0,
            last_line: None,
            time,
            ticks: ticks(time),
            ends: Instant::now() + time,
            facts,
        }
    }

    /// Gives it its whole time again.
    pub(super) fn renew_time(&mut self) {
        self.ticks = ticks(self.time);
        self.ends = Instant::now() + self.time;
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

    /// How much memory it has, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.memory
    }

    /// What it logged last: after a panic, the panic's message.
    pub(super) fn last_line(&self) -> Option<&str> {
        self.last_line.as_deref()
    }

    /// Time left for the call.
    pub(super) fn time_left(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now())
    }

    /// Takes one line from the guest. `None`: it has written enough; the line is remembered all the same, as it may be
    /// what it dies of.
    pub(super) fn admit_line(&mut self, line: &str) -> Option<(&str, &str)> {
        let line = self.last_line.insert(one_line(line, MAX_LINE_BYTES));
        if self.lines >= MAX_LINES {
            return None;
        }
        self.lines += 1;
        Some((&self.name, line))
    }

    /// Takes a question about history, given how long its text is.
    ///
    /// # Errors
    /// If it is too long, or too much has been asked before.
    pub(super) fn admit_question(&mut self, text_bytes: usize) -> Result<(), FactsError> {
        if text_bytes > MAX_QUESTION_TEXT_BYTES {
            return Err(FactsError(format!(
                "a question about history has {text_bytes} bytes; at most {MAX_QUESTION_TEXT_BYTES} are taken"
            )));
        }
        let left = self.question_bytes_left.checked_sub(QUESTION_BYTES + text_bytes);
        self.question_bytes_left = left.ok_or_else(|| {
            FactsError(format!("the questions about history have over {} KiB", MAX_QUESTION_BYTES >> 10))
        })?;
        Ok(())
    }
}

/// How many ticks of the engine a time is.
fn ticks(time: Duration) -> u32 {
    u32::try_from(time.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u32::MAX)
}

impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        match self.memory_left.checked_sub(desired.saturating_sub(current)) {
            Some(left) => {
                self.memory += self.memory_left - left;
                self.memory_left = left;
                Ok(true)
            }
            None => {
                self.refused_memory = Some(desired);
                Err(wasmtime::format_err!("memory limit"))
            }
        }
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        match self.table_elements_left.checked_sub(desired.saturating_sub(current)) {
            Some(left) => {
                self.table_elements_left = left;
                Ok(true)
            }
            None => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(memory_bytes: usize) -> Guest {
        Guest::new("p".into(), Limits { time: Duration::ZERO, memory_bytes }, Facts::default())
    }

    #[test]
    fn a_guest_writes_64_lines_of_4_kib_and_no_more_but_its_last_words_are_known() {
        let mut guest = guest(0);
        let (_, line) = guest.admit_line(&"ü".repeat(5_000)).unwrap();
        assert_eq!((line.len(), line.chars().all(|c| c == 'ü')), (4096, true));
        let (_, odd) = guest.admit_line(&format!("a{}", "ü".repeat(5_000))).unwrap();
        assert_eq!(odd.len(), 4095);
        let written = (0..200).filter(|_| guest.admit_line("x").is_some()).count();
        assert_eq!(written, 62);
        assert!(guest.admit_line("the last").is_none());
        assert_eq!(guest.last_line(), Some("the last"));
    }

    #[test]
    fn memories_and_tables_of_one_guest_share_its_limits() {
        let mut guest = guest(100);
        assert!(guest.memory_growing(0, 60, None).unwrap());
        assert!(guest.memory_growing(60, 80, None).unwrap());
        assert!(guest.memory_growing(0, 21, None).is_err());
        assert_eq!(guest.refused_memory(), Some(21));
        assert!(guest.table_growing(0, 60_000, None).unwrap());
        assert!(!guest.table_growing(0, 60_000, None).unwrap());
        assert!(guest.table_growing(60_000, 100_000, None).unwrap());
    }

    #[test]
    fn questions_are_bounded_one_by_one_and_together() {
        let mut guest = guest(0);
        assert!(guest.admit_question(1025).is_err());
        let taken = (0..1_000).take_while(|_| guest.admit_question(1024).is_ok()).count();
        assert_eq!(taken, (512 << 10) / (1024 + 64));
    }
}
