//! Conditions that settings can put on a call, on what happened before it, on its tool, its caller and the time.
//!
//! ```jsonc
//! {"argument": "/amount", "op": "<=", "value": 100}            // == != < <= > >= in not_in matches exists
//! {"outcome_of": "ci/run_tests", "is": "succeeded"}            // of the latest call in the scope; none: false
//! {"result_of": "ci/run_tests", "at": "/passed", "op": "==", "value": true}      // of the latest that succeeded
//! {"hint": "destructive", "is": true}      {"role": "oncall"}
//! {"time": {"days": ["mon", "fri"], "from": "09:00", "to": "17:00", "utc_offset": "+01:00"}}
//! {"all": [ … ]}   {"any": [ … ]}   {"not": … }
//! ```
//! Types never coerce: comparing a string with a number is false whatever the comparison, and the explanation says so.

mod comparison;
mod past;
mod window;
mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use comparison::Comparison;
pub use comparison::Operator;
pub use past::{OutcomeOf, ResultOf};
pub use window::Window;

use crate::{Call, Host, Pointer, Problem, Unlock, pointer};

/// One condition; it holds or it does not.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Predicate {
    /// Compares an argument of the call.
    Argument(ArgumentIs),
    /// How the latest call of a tool ended.
    OutcomeOf(OutcomeOf),
    /// What the latest call of a tool that succeeded gave back.
    ResultOf(ResultOf),
    /// What the tool's definition says of it.
    Hint(HintIs),
    /// What the caller may be.
    Role(HasRole),
    /// When the call is made.
    Time(InTime),
    /// Every one of them.
    All(All),
    /// At least one of them.
    Any(Any),
    /// The opposite.
    Not(Not),
}

impl<'de> Deserialize<'de> for Predicate {
    /// By the key that names the kind. (serde's `untagged` would try each in turn, at many times the size.)
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        let has = |key: &str| value.get(key).is_some();
        let read = if has("argument") {
            serde_json::from_value(value).map(Self::Argument)
        } else if has("outcome_of") {
            serde_json::from_value(value).map(Self::OutcomeOf)
        } else if has("result_of") {
            serde_json::from_value(value).map(Self::ResultOf)
        } else if has("hint") {
            serde_json::from_value(value).map(Self::Hint)
        } else if has("role") {
            serde_json::from_value(value).map(Self::Role)
        } else if has("time") {
            serde_json::from_value(value).map(Self::Time)
        } else if has("all") {
            serde_json::from_value(value).map(Self::All)
        } else if has("any") {
            serde_json::from_value(value).map(Self::Any)
        } else {
            serde_json::from_value(value).map(Self::Not)
        };
        read.map_err(D::Error::custom)
    }
}

/// Compares an argument of the call.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArgumentIs {
    /// JSON Pointer into the arguments.
    pub argument: Pointer,
    /// How to compare.
    pub op: Operator,
    /// With what. Left out only for `exists`.
    #[serde(default, deserialize_with = "comparison::given")]
    #[schemars(with = "Value")]
    pub value: Option<Value>,
}

/// Whether the tool's definition has a hint.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HintIs {
    /// `read_only`, `destructive`, `idempotent`, `open_world`.
    #[schemars(length(min = 1))]
    pub hint: String,
    /// Whether it must be there.
    #[serde(default = "yes")]
    pub is: bool,
}

/// Whether the caller has a role.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HasRole {
    /// The role.
    #[schemars(length(min = 1))]
    pub role: String,
}

/// Whether the call is made within a span of the day or week.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InTime {
    /// The span.
    pub time: Window,
}

/// Every one of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct All {
    /// The conditions; at least one.
    #[schemars(length(min = 1))]
    pub all: Vec<Predicate>,
}

/// At least one of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Any {
    /// The conditions; at least one.
    #[schemars(length(min = 1))]
    pub any: Vec<Predicate>,
}

/// The opposite.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Not {
    /// The condition that must not hold.
    pub not: Box<Predicate>,
}

/// Why a predicate is not as it should be, and what would change that.
#[derive(Clone, Debug, PartialEq)]
pub struct Unmet {
    /// A clause each, without a full stop, for a model.
    pub why: Vec<String>,
    /// All that must happen, in order; none if only another call (other arguments, another caller) would do.
    pub unlocks: Option<Vec<Unlock>>,
}

impl Unmet {
    /// Not as it should be, and nothing would change that for this very call.
    fn for_good(why: String) -> Self {
        Self { why: vec![why], unlocks: None }
    }

    /// Both must be mended.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.why.extend(other.why);
        self.unlocks = self.unlocks.zip(other.unlocks).map(|(mut all, more)| {
            all.extend(more.into_iter().filter(|unlock| !all.contains(unlock)).collect::<Vec<_>>());
            all
        });
        self
    }

    /// Either may be mended; the first that can be is what is suggested.
    fn or(self, other: Self) -> Self {
        let why = format!("{}, or {}", self.why.join(" and "), other.why.join(" and "));
        Self { why: vec![why], unlocks: self.unlocks.or(other.unlocks) }
    }
}

impl Predicate {
    /// Whether it holds for a call.
    pub fn holds(&self, call: &Call, host: &dyn Host) -> bool {
        self.unmet(call, host).is_none()
    }

    /// Why it does not hold; none if it does.
    pub fn unmet(&self, call: &Call, host: &dyn Host) -> Option<Unmet> {
        self.other_than(true, call, host)
    }

    /// Why its value is other than the wanted one; none if it is as wanted.
    fn other_than(&self, wanted: bool, call: &Call, host: &dyn Host) -> Option<Unmet> {
        match self {
            Self::Argument(ArgumentIs { argument, op, value }) => {
                let comparison = Comparison { op: *op, value: value.as_ref() };
                let there = host.argument(argument.as_str());
                let why = comparison.other_than(wanted, there.as_ref(), &format!("the argument {argument}"), true)?;
                Some(Unmet::for_good(why))
            }
            Self::OutcomeOf(outcome) => outcome.other_than(wanted, host),
            Self::ResultOf(result) => result.other_than(wanted, host),
            Self::Hint(HintIs { hint, is }) => {
                let has = call.hints.contains(hint);
                let not = if has { "" } else { "not " };
                let unmet = || Unmet::for_good(format!("{} is {not}marked as {hint}", call.tool));
                ((has == *is) != wanted).then(unmet)
            }
            Self::Role(HasRole { role }) => {
                let has = call.caller.roles.contains(role);
                let words = if wanted { "lacks" } else { "has" };
                (has != wanted).then(|| Unmet::for_good(format!("the caller {words} the role {role}")))
            }
            Self::Time(InTime { time }) => time.other_than(wanted, call.received),
            Self::Not(Not { not }) => not.other_than(!wanted, call, host),
            Self::All(All { all: parts }) | Self::Any(Any { any: parts }) => {
                let every = matches!(self, Self::All(_)) == wanted;
                let unmet = parts.iter().map(|part| part.other_than(wanted, call, host));
                if every {
                    unmet.flatten().reduce(Unmet::and)
                } else {
                    unmet.collect::<Option<Vec<_>>>()?.into_iter().reduce(Unmet::or)
                }
            }
        }
    }

    /// What is wrong with it beyond what its schema says; `at` is its own JSON Pointer in the settings.
    pub fn problems(&self, at: &str) -> Vec<Problem> {
        let each = |parts: &[Self], key: &str| {
            let at = pointer::join(at, key);
            parts.iter().enumerate().flat_map(|(index, part)| part.problems(&format!("{at}/{index}"))).collect()
        };
        match self {
            Self::Argument(ArgumentIs { op, value, .. }) | Self::ResultOf(ResultOf { op, value, .. }) => {
                Comparison { op: *op, value: value.as_ref() }.problem(at).into_iter().collect()
            }
            Self::Time(InTime { time }) => time.problem(&pointer::join(at, "time")).into_iter().collect(),
            Self::All(All { all }) => each(all, "all"),
            Self::Any(Any { any }) => each(any, "any"),
            Self::Not(Not { not }) => not.problems(&pointer::join(at, "not")),
            Self::OutcomeOf(_) | Self::Hint(_) | Self::Role(_) => Vec::new(),
        }
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests;
