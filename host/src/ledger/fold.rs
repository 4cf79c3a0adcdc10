//! The answer to one question, kept up to date by every event. Pure.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    question::{Question, Shape},
    total::Total,
    window::Window,
};
use crate::{
    clock::Timestamp,
    journal::{Change, Counted, PastCall, Sequence},
};

/// What is remembered for one question.
#[derive(Clone, Debug)]
pub(super) enum Fold {
    /// All that may be going on.
    Open(BTreeMap<Sequence, Arc<PastCall>>),
    /// The last ones, newest first. Fewer than the limit: there are no others.
    Newest { limit: usize, calls: Vec<Sequence> },
    /// Those in a window of time.
    Window(Window),
    /// How many there are, and their sum.
    Total(u64, Total),
}

/// What is answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// Oldest first.
    Open(Vec<Arc<PastCall>>),
    /// Newest first.
    Newest(Vec<Sequence>),
    /// How many, and their sum.
    Counted(u64, f64),
}

impl Fold {
    /// A fold of calls that are going on.
    pub(super) fn open(calls: Vec<Arc<PastCall>>) -> Self {
        Self::Open(calls.into_iter().map(|call| (call.seq, call)).collect())
    }

    /// A fold of the last calls, newest first: `limit` of them, or all there are.
    pub(super) fn newest(calls: Vec<Sequence>, limit: usize) -> Self {
        Self::Newest { limit, calls }
    }

    /// A fold of all calls since some time.
    pub(super) fn window(calls: Vec<Counted>, since: Timestamp) -> Self {
        Self::Window(Window::new(since, calls))
    }

    /// A fold of all calls.
    pub(super) fn total(calls: &[Counted]) -> Self {
        let count = u64::try_from(calls.len()).unwrap_or(u64::MAX);
        Self::Total(count, calls.iter().fold(Total::default(), |total, call| total.plus(call.number)))
    }

    /// A fold of nothing.
    pub(super) fn empty(shape: &Shape, since: Timestamp) -> Self {
        match shape {
            Shape::Open => Self::open(Vec::new()),
            Shape::Newest { limit } => Self::newest(Vec::new(), *limit),
            Shape::Window { .. } => Self::window(Vec::new(), since),
            Shape::Total { .. } => Self::total(&[]),
        }
    }

    /// The answer as it stands; none if more must be loaded first.
    pub(super) fn answer(&mut self, since: Timestamp) -> Option<Answer> {
        Some(match self {
            Self::Open(calls) => Answer::Open(calls.values().cloned().collect()),
            Self::Newest { calls, .. } => Answer::Newest(calls.clone()),
            Self::Window(window) => {
                let (count, sum) = window.since(since)?;
                Answer::Counted(count, sum)
            }
            Self::Total(count, total) => Answer::Counted(*count, total.minus(Total::default())),
        })
    }

    /// The answer of an empty history.
    pub(super) fn nothing(&self) -> Answer {
        match self {
            Self::Open(_) => Answer::Open(Vec::new()),
            Self::Newest { .. } => Answer::Newest(Vec::new()),
            Self::Window(_) | Self::Total(..) => Answer::Counted(0, 0.0),
        }
    }

    /// How much it holds, in calls.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Open(calls) => calls.len(),
            Self::Newest { calls, .. } => calls.len(),
            Self::Window(window) => window.len(),
            Self::Total(..) => 1,
        }
    }

    /// Takes in what an event changes about a call of the scope. False: the answer must be loaded anew.
    #[must_use]
    pub(super) fn apply(&mut self, question: &Question, change: &Change) -> bool {
        let (before, after) = question.step(change);
        if !(before || after) || !question.is_about(&change.call) {
            return true;
        }
        let call = &change.call;
        match self {
            Self::Open(calls) => {
                if after {
                    calls.insert(call.seq, Arc::clone(call));
                } else {
                    calls.remove(&call.seq);
                }
            }
            Self::Newest { limit, calls } => {
                // Newest first, so positions fall.
                let place = calls.partition_point(|seq| *seq > call.seq);
                let is_there = calls.get(place) == Some(&call.seq);
                if after && !is_there {
                    calls.insert(place, call.seq);
                    calls.truncate(*limit);
                } else if !after && is_there {
                    // What comes next in its place was not kept, if the list was full.
                    let was_full = calls.len() >= *limit;
                    calls.remove(place);
                    return !was_full;
                }
            }
            Self::Window(window) => match (before, after) {
                (false, true) => {
                    let number = question.number(call);
                    return window.insert(Counted { seq: call.seq, admitted: call.admitted, number });
                }
                (true, false) => window.remove(call.admitted, call.seq),
                (true, true) | (false, false) => {}
            },
            Self::Total(count, total) => match (before, after) {
                (false, true) => (*count, *total) = (*count + 1, total.plus(question.number(call))),
                (true, false) => {
                    (*count, *total) = (count.saturating_sub(1), total.plus(-question.number(call)));
                }
                (true, true) | (false, false) => {}
            },
        }
        true
    }
}
