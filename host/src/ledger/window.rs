//! Calls by the time of their admission, for counts and sums over a sliding window. Pure.

use std::collections::VecDeque;

use super::total::Total;
use crate::{
    clock::Timestamp,
    journal::{Counted, Sequence},
};

/// A window that takes in so many calls without being asked about is not worth keeping.
const MOST_UNASKED: u32 = 100_000;
/// After so many questions, what nobody has asked for is let go.
const QUESTIONS: u32 = 512;

/// Beyond this, the difference of two running totals may have lost what it is a difference of, so the window is added up
/// on its own: as a process would that has just loaded it.
const MOST_EXACT: f64 = 1e15;

/// Every call in question that was admitted at `horizon` or later.
#[derive(Clone, Debug)]
pub(super) struct Window {
    horizon: Timestamp,
    // By time, then position; each with the total up to and including it.
    calls: VecDeque<(Timestamp, Sequence, f64, Total)>,
    before: Total,
    // The largest number that any running total has in it.
    largest: f64,
    // The earliest time asked for: lately, and in the round before.
    asked: (Timestamp, Timestamp),
    questions: u32,
    unasked: u32,
}

impl Window {
    /// A window that begins at `horizon`.
    pub(super) fn new(horizon: Timestamp, calls: impl IntoIterator<Item = Counted>) -> Self {
        let mut calls: Vec<_> = calls.into_iter().filter(|call| call.admitted >= horizon).collect();
        calls.sort_by_key(|call| (call.admitted, call.seq));
        let calls = calls.into_iter().map(|call| (call.admitted, call.seq, call.number, Total::default())).collect();
        let mut window = Self {
            horizon,
            calls,
            before: Total::default(),
            largest: 0.0,
            asked: (horizon, horizon),
            questions: 0,
            unasked: 0,
        };
        window.add_up(0);
        window
    }

    /// How many calls it holds.
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Takes a call in, if it lies in the window. False: nobody asks about this window any more.
    #[must_use]
    pub(super) fn insert(&mut self, call: Counted) -> bool {
        self.unasked += 1;
        if call.admitted < self.horizon {
            return true;
        }
        let at = self.place(call.admitted, call.seq);
        self.calls.insert(at, (call.admitted, call.seq, call.number, Total::default()));
        self.add_up(at);
        self.unasked < MOST_UNASKED
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
        let sum = if self.largest <= MOST_EXACT {
            all.minus(before)
        } else {
            let alone = self.calls.range(first..).fold(Total::default(), |total, call| total.plus(call.2));
            alone.minus(Total::default())
        };
        self.let_go(since);
        Some((u64::try_from(count).unwrap_or(u64::MAX), sum))
    }

    /// Forgets what lies before everything that was asked for of late: windows slide on.
    fn let_go(&mut self, since: Timestamp) {
        self.unasked = 0;
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
            self.largest = self.largest.max(call.2.abs());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        // Clocks may go back.
        Insert { at: u64, number: i32 },
        Remove { which: usize },
        Ask { ago: u64, times: usize },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..1000_u64, -9..9).prop_map(|(at, number)| Step::Insert { at, number }),
            1 => (0..40_usize).prop_map(|which| Step::Remove { which }),
            // Often enough that what nobody asks for is let go.
            2 => (0..1000_u64, 1..600_usize).prop_map(|(ago, times)| Step::Ask { ago, times }),
        ]
    }

    fn counted(seq: u64, at: u64, number: i32) -> Counted {
        Counted { seq: Sequence(seq), admitted: Timestamp(at), number: f64::from(number) }
    }

    #[test]
    fn a_number_beyond_all_others_leaves_no_trace_once_it_has_left_the_window() {
        for huge in [1e300, f64::MAX, -1e40] {
            let call = |seq, number| Counted { seq: Sequence(seq), admitted: Timestamp(seq), number };
            let mut window = Window::new(Timestamp(0), Vec::new());
            for (seq, number) in [(1, huge), (2, huge), (3, 5.0), (4, 0.25)] {
                assert!(window.insert(call(seq, number)));
            }
            assert_eq!(window.since(Timestamp(3)), Some((2, 5.25)), "{huge}");
        }
    }

    proptest! {
        #[test]
        fn a_window_answers_as_if_it_kept_everything_or_asks_to_be_loaded(
            steps in proptest::collection::vec(step(), 1..80),
        ) {
            let mut all: Vec<Counted> = Vec::new();
            let mut window = Window::new(Timestamp(0), Vec::new());
            let mut seq = 0;
            for step in steps {
                match step {
                    Step::Insert { at, number } => {
                        seq += 1;
                        all.push(counted(seq, at, number));
                        prop_assert!(window.insert(counted(seq, at, number)));
                    }
                    Step::Remove { which } if which < all.len() => {
                        let gone = all.remove(which);
                        window.remove(gone.admitted, gone.seq);
                    }
                    Step::Remove { .. } => {}
                    Step::Ask { ago, times } => {
                        let since = Timestamp(1000 - ago);
                        let expected = || {
                            let fits = || all.iter().filter(|call| call.admitted >= since);
                            (fits().count() as u64, fits().map(|call| call.number).sum::<f64>())
                        };
                        for _ in 0..times {
                            match window.since(since) {
                                Some(answer) => prop_assert_eq!(answer, expected()),
                                None => window = Window::new(since, all.clone()),
                            }
                        }
                    }
                }
            }
        }
    }
}
