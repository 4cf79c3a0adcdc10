//! What can be asked about a scope, and which events would change an answer. Pure.

use interlock_glob::Glob;

use crate::{
    call::Outcome,
    clock::Timestamp,
    journal::{Change, Event, PastCall, Sequence, Status},
    scope::{ScopeKey, argument, canonical},
};

/// A question about one scope, without the time from which it asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    /// About calls of these tools.
    pub(super) tools: Glob,
    /// Which stand so.
    pub(super) which: Which,
    /// Whose arguments at these JSON Pointers have these values (canonical JSON).
    pub(super) same: Vec<(String, String)>,
    /// What is wanted of them.
    pub(super) shape: Shape,
}

/// Where the calls in question stand.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Which {
    /// Anywhere.
    Any,
    /// Not ended.
    Running,
    /// Not ended for certain.
    Open,
    /// Ended so; a word that is no outcome fits nothing.
    Ended(String),
}

/// What is wanted of the calls in question.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    /// All that may be going on, oldest first.
    Open,
    /// The last ones, newest first.
    Newest {
        /// How many; at least 1.
        limit: usize,
    },
    /// How many since some time, and the sum of an argument.
    Window {
        /// JSON Pointer to it.
        number: Option<String>,
    },
    /// The same, since the beginning.
    Total {
        /// JSON Pointer to it.
        number: Option<String>,
    },
}

impl Which {
    /// The calls with an outcome by its word; without one, all.
    pub(super) fn of(outcome: Option<&str>) -> Self {
        match outcome {
            None => Self::Any,
            Some("running") => Self::Running,
            Some(word) => Self::Ended(word.to_owned()),
        }
    }

    /// Whether a call that stands so is in question.
    pub(super) fn fits(&self, status: Status) -> bool {
        match self {
            Self::Any => true,
            Self::Running => status == Status::Running,
            Self::Open => status.is_open(),
            Self::Ended(word) => status.outcome().is_some_and(|outcome| outcome.as_str() == word),
        }
    }

    /// All that fit; empty for all there are.
    pub(super) fn statuses(&self) -> Vec<Status> {
        match self {
            Self::Any => Vec::new(),
            Self::Running => vec![Status::Running],
            Self::Open => vec![Status::Running, Status::Doubtful],
            Self::Ended(word) => match Outcome::from_word(word) {
                Some(Outcome::Unknown) => vec![Status::Doubtful, Status::Ended(Outcome::Unknown)],
                Some(outcome) => vec![Status::Ended(outcome)],
                None => Vec::new(),
            },
        }
    }

    /// Whether no call can fit.
    pub(super) fn fits_nothing(&self) -> bool {
        matches!(self, Self::Ended(word) if Outcome::from_word(word).is_none())
    }
}

impl Shape {
    /// JSON Pointer to the argument whose sum is wanted.
    pub(super) fn number(&self) -> Option<&str> {
        match self {
            Self::Window { number } | Self::Total { number } => number.as_deref(),
            Self::Open | Self::Newest { .. } => None,
        }
    }
}

impl Question {
    /// Whether a call is of the kind in question, wherever it stands.
    pub(super) fn is_about(&self, call: &PastCall) -> bool {
        self.tools.matches(call.tool.as_str())
            && self.same.iter().all(|(pointer, value)| {
                argument(&call.arguments, pointer).is_some_and(|found| canonical(found) == *value)
            })
    }

    /// Whether the call was in question before a change, and is after it.
    pub(super) fn step(&self, change: &Change) -> (bool, bool) {
        let before = change.from.is_some_and(|status| self.which.fits(status));
        (before, self.which.fits(change.call.status))
    }

    /// What the call adds to a sum.
    pub(super) fn number(&self, call: &PastCall) -> f64 {
        let found = self.shape.number().and_then(|pointer| argument(&call.arguments, pointer));
        found.and_then(serde_json::Value::as_f64).unwrap_or_default()
    }

    /// The arguments that calls are told apart by, where an index helps.
    pub(super) fn pointers<'a>(&'a self, scope: &'a ScopeKey) -> impl Iterator<Item = &'a str> {
        match scope {
            ScopeKey::Argument { pointer, .. } => Some(pointer),
            ScopeKey::Session { .. } => None,
            ScopeKey::Caller { .. } | ScopeKey::Global => self.same.first().map(|(pointer, _)| pointer),
        }
        .into_iter()
        .map(String::as_str)
    }
}

/// An answer that was given: what would change it disturbs the decision.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) scope: ScopeKey,
    pub(super) question: Question,
    /// The answer is true of this position.
    pub(super) as_of: Sequence,
    pub(super) seen: Seen,
}

/// As much of an answer as is needed to tell whether it has changed.
#[derive(Debug)]
pub(super) enum Seen {
    /// Everything that fits.
    All,
    /// What was admitted at this time or later.
    Since(Timestamp),
    /// These, newest first.
    These(Vec<Sequence>),
}

impl Asked {
    /// Whether an event changes the answer.
    pub(super) fn is_disturbed_by(&self, event: &Event) -> bool {
        let Some(change) = event.change.as_ref().filter(|_| event.seq > self.as_of) else { return false };
        let call = change.call.as_ref();
        let (before, after) = self.question.step(change);
        if !(before || after) || !self.question.is_about(call) || !super::belongs(&self.scope, call) {
            return false;
        }
        let counts = || self.question.shape.number().is_none() || self.question.number(call) != 0.0;
        match &self.seen {
            // What is going on is shown with how it stands, so a change from one open state to another is one as well.
            Seen::All => match self.question.shape {
                Shape::Open => true,
                Shape::Newest { .. } | Shape::Window { .. } | Shape::Total { .. } => before != after && counts(),
            },
            Seen::Since(since) => before != after && call.admitted >= *since && counts(),
            Seen::These(calls) => {
                let is_among = calls.contains(&call.seq);
                let limit = match self.question.shape {
                    Shape::Newest { limit } => limit,
                    Shape::Open | Shape::Window { .. } | Shape::Total { .. } => usize::MAX,
                };
                let would_be = calls.len() < limit || calls.last().is_some_and(|last| call.seq > *last);
                is_among || (after && !before && would_be)
            }
        }
    }
}
