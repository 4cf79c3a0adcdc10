//! A history made by hand, with the semantics of `history.wit`.

use std::cell::RefCell;

use interlock_glob::Glob;
use serde_json::Value;

use super::PastBuilder;
use crate::{Call, Equal, Host, Level, PastCall, View, json};

/// How many calls one query gives at most.
const MOST: u32 = 256;
/// Over how many calls `matching` looks back.
const LOOK_BACK: usize = 10_000;

/// The admitted calls of a scope, in any order.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Oldest first.
    calls: Vec<PastCall>,
}

impl Ledger {
    /// A scope in which nothing has happened.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The host of one call to be judged.
    pub fn facing<'a>(&'a self, call: &Call) -> Facing<'a> {
        let arguments = serde_json::from_str(&call.arguments).unwrap_or_default();
        Facing { ledger: self, arguments, lines: RefCell::default() }
    }
}

impl<I: IntoIterator<Item = PastBuilder>> From<I> for Ledger {
    fn from(calls: I) -> Self {
        let mut calls: Vec<_> = calls.into_iter().map(|call| call.0).collect();
        calls.sort_by_key(|call| call.admitted);
        for (number, call) in calls.iter_mut().enumerate().filter(|(_, call)| call.id.is_empty()) {
            call.id = format!("past-{}", number + 1);
        }
        Self { calls }
    }
}

/// What a policy sees of a [`Ledger`] while it judges one call.
#[derive(Debug)]
pub struct Facing<'a> {
    ledger: &'a Ledger,
    arguments: Value,
    lines: RefCell<Vec<String>>,
}

impl Facing<'_> {
    /// What the policy wrote to the operator's log.
    pub fn lines(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }

    /// Newest first.
    fn of(&self, tool: &str, outcome: Option<&str>) -> impl Iterator<Item = &PastCall> {
        let glob = Glob::new(tool);
        self.ledger
            .calls
            .iter()
            .rev()
            .filter(move |call| glob.matches(&call.tool) && outcome.is_none_or(|outcome| call.outcome == outcome))
    }
}

impl View for Facing<'_> {
    fn argument(&self, pointer: &str) -> Option<Value> {
        self.arguments.pointer(pointer).cloned()
    }

    fn log(&self, _: Level, message: &str) {
        self.lines.borrow_mut().push(message.to_owned());
    }
}

impl Host for Facing<'_> {
    fn latest(&self, tool: &str, outcome: Option<&str>) -> Option<PastCall> {
        self.of(tool, outcome).next().cloned()
    }

    fn running(&self, tool: &str) -> Vec<PastCall> {
        let mut running: Vec<_> = self
            .of(tool, None)
            .filter(|call| matches!(call.outcome.as_str(), "running" | "unknown"))
            .cloned()
            .collect();
        running.reverse();
        running
    }

    fn count(&self, tool: &str, outcome: Option<&str>, since: u64) -> u64 {
        self.of(tool, outcome).filter(|call| call.admitted >= since).count() as u64
    }

    fn recent(&self, tool: &str, limit: u32) -> Vec<PastCall> {
        self.of(tool, None).take(limit.min(MOST) as usize).cloned().collect()
    }

    fn matching(&self, tool: &str, outcome: Option<&str>, same: &[Equal], limit: u32) -> Vec<PastCall> {
        let wanted: Vec<(&str, Value)> = same
            .iter()
            .map(|equal| (equal.pointer.as_str(), serde_json::from_str(&equal.value).unwrap_or_default()))
            .collect();
        let fits = |call: &&PastCall| {
            let arguments = call.arguments_value();
            wanted.iter().all(|(at, value)| arguments.pointer(at).is_some_and(|there| json::same(there, value)))
        };
        self.of(tool, None)
            .take(LOOK_BACK)
            .filter(|call| outcome.is_none_or(|outcome| call.outcome == outcome))
            .filter(fits)
            .take(limit.min(MOST) as usize)
            .cloned()
            .collect()
    }

    fn sum(&self, tool: &str, argument: &str, since: u64) -> f64 {
        self.of(tool, None)
            .filter(|call| call.admitted >= since)
            .filter_map(|call| call.arguments_value().pointer(argument)?.as_f64())
            .sum()
    }
}
