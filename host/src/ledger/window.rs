//! Calls by the time of their admission, for counts and sums over a sliding window. Pure.

use std::collections::VecDeque;

use super::total::Total;
use crate::{
    clock::Timestamp,
    journal::{Counted, Sequence},
};

/// After so many questions, what nobody has asked for is let go.
const QUESTIONS: u32 = 512;

/// Every call in question that was admitted at `horizon` or later.
#[derive(Clone, Debug)]
pub(super) struct Window {
    horizon: Timestamp,
    // By time, then position; each with the total up to and including it.
    calls: VecDeque<(Timestamp, Sequence, f64, Total)>,
    before: Total,
    // The earliest time asked for: lately, and in the round before.
    asked: (Timestamp, Timestamp),
    questions: u32,
}

impl Window {
    /// A window that begins at `horizon`.
    pub(super) fn new(horizon: Timestamp, calls: impl IntoIterator<Item = Counted>) -> Self {
        let mut calls: Vec<_> = calls.into_iter().filter(|call| call.admitted >= horizon).collect();
        calls.sort_by_key(|call| (call.admitted, call.seq));
        let calls = calls.into_iter().map(|call| (call.admitted, call.seq, call.number, Total::default())).collect();
        let mut window = Self { horizon, calls, before: Total::default(), asked: (horizon, horizon), questions: 0 };
        window.add_up(0);
        window
    }

    /// How many calls it holds.
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Takes a call in, if it lies in the window.
    pub(super) fn insert(&mut self, call: Counted) {
        if call.admitted < self.horizon {
            return;
        }
        let at = self.place(call.admitted, call.seq);
        self.calls.insert(at, (call.admitted, call.seq, call.number, Total::default()));
        self.add_up(at);
    }

    /// Takes a call out.
    pub(super) fn remove(&mut self, admitted: Timestamp, seq: Sequence) {
        let at = self.place(admitted, seq);
        if self.calls.get(at).is_some_and(|call| call.1 == seq) {
            self.calls.remove(at);
            self.add_up(at);
        }
    }

    /// How many were admitted at `since` or later, and the sum of their numbers; none if the window begins later.
    pub(super) fn since(&mut self, since: Timestamp) -> Option<(u64, f64)> {
        if since < self.horizon {
            return None;
        }
        let first = self.calls.partition_point(|call| call.0 < since);
        let before = first.checked_sub(1).and_then(|at| self.calls.get(at)).map_or(self.before, |call| call.3);
        let all = self.calls.back().map_or(self.before, |call| call.3);
        let count = self.calls.len() - first;
        self.let_go(since);
        Some((u64::try_from(count).unwrap_or(u64::MAX), all.minus(before)))
    }

    /// Forgets what lies before everything that was asked for of late: windows slide on.
    fn let_go(&mut self, since: Timestamp) {
        self.questions += 1;
        self.asked.0 = self.asked.0.min(since);
        if self.questions == 1 {
            self.asked.0 = since;
        }
        if self.questions < QUESTIONS {
            return;
        }
        self.horizon = self.horizon.max(self.asked.0.min(self.asked.1));
        self.asked.1 = self.asked.0;
        self.questions = 0;
        while let Some((_, _, _, total)) = self.calls.pop_front_if(|call| call.0 < self.horizon) {
            self.before = total;
        }
    }

    fn place(&self, admitted: Timestamp, seq: Sequence) -> usize {
        self.calls.partition_point(|call| (call.0, call.1) < (admitted, seq))
    }

    /// Adds up anew from a place on: nearly always the last one.
    fn add_up(&mut self, from: usize) {
        let mut total = from.checked_sub(1).and_then(|at| self.calls.get(at)).map_or(self.before, |call| call.3);
        for call in self.calls.range_mut(from..) {
            total = total.plus(call.2);
            call.3 = total;
        }
    }
}
