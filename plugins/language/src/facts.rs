//! Facts about the past that settings name and a policy then has at hand.

use std::collections::BTreeMap;

use interlock_plugin::prelude::*;
use interlock_plugin::schemars;
use interlock_plugin::serde::{Deserializer, de::Error};
use interlock_plugin::{Outcome, Same, moment};

use crate::{input::past_call, redacted};

/// How many calls `recent` gives unless it says otherwise.
const RECENT: u32 = 16;

/// What a policy has under `history`, by name. Each is asked of the host before the policy runs.
///
/// Only admitted calls in the policy's scope are history. A call is admitted only if none of these answers has changed
/// by then, so name no more than the policy looks at, and have `match` keep it from calls that are no concern of it.
/// ```json
/// {
///   "ticket":        {"latest": "crm/create_ticket", "outcome": "succeeded", "same": ["/customer_id"]},
///   "refunds_today": {"sum": "payments/refund", "argument": "/amount", "within_minutes": 1440},
///   "failures":      {"count": "payments/*", "outcome": "failed", "within_minutes": 10},
///   "running":       {"running": "deploy/*"},
///   "last_reads":    {"recent": "files/read_*", "limit": 5}
/// }
/// ```
/// `latest` is an earlier call, or null if there is none; `running` (oldest first) and `recent` (newest first) are lists
/// of calls; `count` is a whole number; `sum` is a number.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Facts(BTreeMap<String, Fact>);

/// One fact.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum Fact {
    /// One call.
    Latest(Latest),
    /// Calls under way.
    Running(Running),
    /// How many.
    Count(Count),
    /// How much.
    Sum(Sum),
    /// Several calls.
    Recent(Recent),
}

/// The call of a tool that was admitted last; null if there is none.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Latest {
    /// The tool, or a glob of which any tool will do.
    latest: Pattern,
    /// How it must have ended; anyhow if left out.
    outcome: Option<Outcome>,
    /// Arguments that must be the same in both calls.
    #[serde(default)]
    same: Vec<Same>,
    /// How long ago it may have been admitted at most.
    #[schemars(range(min = 1))]
    within_minutes: Option<u32>,
}

/// The calls of a tool that have not ended (or whose end nobody knows yet), oldest first.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Running {
    /// The tool, or a glob.
    running: Pattern,
}

/// How many calls of a tool were admitted.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// The tool, or a glob.
    count: Pattern,
    /// How they must have ended; anyhow if left out.
    outcome: Option<Outcome>,
    /// How long ago they may have been admitted at most.
    #[schemars(range(min = 1))]
    within_minutes: Option<u32>,
}

/// The sum of an argument over the calls of a tool that were admitted. Where it is no number, it adds nothing.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sum {
    /// The tool, or a glob.
    sum: Pattern,
    /// Where the number is in their arguments.
    argument: Pointer,
    /// How long ago they may have been admitted at most.
    #[schemars(range(min = 1))]
    within_minutes: Option<u32>,
}

/// The calls of a tool that were admitted last, newest first.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recent {
    /// The tool, or a glob.
    recent: Pattern,
    /// How they must have ended; anyhow if left out.
    outcome: Option<Outcome>,
    /// Arguments that must be the same in both calls.
    #[serde(default)]
    same: Vec<Same>,
    /// How many at most.
    #[serde(default = "recent")]
    #[schemars(range(min = 1, max = 256))]
    limit: u32,
    /// How long ago they may have been admitted at most.
    #[schemars(range(min = 1))]
    within_minutes: Option<u32>,
}

fn recent() -> u32 {
    RECENT
}

impl<'de> Deserialize<'de> for Fact {
    /// By the key that names the kind. (serde's `untagged` would try each in turn, at many times the size.)
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        let has = |key: &str| value.get(key).is_some();
        let read = if has("latest") {
            interlock_plugin::serde_json::from_value(value).map(Self::Latest)
        } else if has("running") {
            interlock_plugin::serde_json::from_value(value).map(Self::Running)
        } else if has("count") {
            interlock_plugin::serde_json::from_value(value).map(Self::Count)
        } else if has("sum") {
            interlock_plugin::serde_json::from_value(value).map(Self::Sum)
        } else {
            interlock_plugin::serde_json::from_value(value).map(Self::Recent)
        };
        read.map_err(D::Error::custom)
    }
}

impl Facts {
    /// Names that no policy could write. `at` is the JSON Pointer of the facts in the settings.
    pub fn problems(&self, at: &str) -> Vec<Problem> {
        let unfit = |name: &&String| {
            let mut letters = name.chars();
            let first = letters.next().is_some_and(|letter| letter.is_ascii_alphabetic() || letter == '_');
            !(first && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_'))
        };
        let told = |name: &String| {
            let key = name.replace('~', "~0").replace('/', "~1");
            Problem::new(format!("{at}/{key}"), "is no name: write letters, digits and underscores")
        };
        self.0.keys().filter(unfit).map(told).collect()
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Asks the host for each: what a policy with this text has under `history`.
    ///
    /// # Errors
    /// The policy looks at something that is redacted in the journal.
    pub fn fetch(&self, text: &str, call: &Call, host: &dyn Host) -> Result<Value, Fault> {
        let facts = self.ask(call, host);
        match redacted::looked_at(&facts, text) {
            None => Ok(facts),
            Some(key) => {
                let message = format!("`{key}`, which the policy looks at, is redacted in the journal");
                Err(Fault::new("redacted", message))
            }
        }
    }

    fn ask(&self, call: &Call, host: &dyn Host) -> Value {
        self.0.iter().map(|(name, fact)| (name.clone(), fact.fetch(call, host))).collect()
    }
}

impl Fact {
    fn fetch(&self, call: &Call, host: &dyn Host) -> Value {
        let since = |minutes: Option<u32>| {
            minutes.map_or(0, |minutes| call.received.saturating_sub(u64::from(minutes) * moment::MINUTE_MS))
        };
        match self {
            Self::Latest(latest) => {
                let outcome = latest.outcome.map(Outcome::as_str);
                let found = if latest.same.is_empty() {
                    host.latest(latest.latest.as_str(), outcome)
                } else {
                    matching(&latest.latest, outcome, &latest.same, 1, host).into_iter().next()
                };
                let fresh = found.filter(|found| found.admitted >= since(latest.within_minutes));
                fresh.as_ref().map_or(Value::Null, past_call)
            }
            Self::Running(running) => host.running(running.running.as_str()).iter().map(past_call).collect(),
            Self::Count(count) => {
                let outcome = count.outcome.map(Outcome::as_str);
                json!(host.count(count.count.as_str(), outcome, since(count.within_minutes)))
            }
            Self::Sum(sum) => json!(host.sum(sum.sum.as_str(), sum.argument.as_str(), since(sum.within_minutes))),
            Self::Recent(recent) => {
                let outcome = recent.outcome.map(Outcome::as_str);
                let found = matching(&recent.recent, outcome, &recent.same, recent.limit, host);
                let since = since(recent.within_minutes);
                found.iter().filter(|found| found.admitted >= since).map(past_call).collect()
            }
        }
    }
}

/// None fits where the call at hand has no such argument.
fn matching(tool: &Pattern, outcome: Option<&str>, same: &[Same], limit: u32, host: &dyn Host) -> Vec<PastCall> {
    let wanted = same.iter().map(|same| Some(same.wanted(&host.argument(same.here().as_str())?)));
    match wanted.collect::<Option<Vec<_>>>() {
        Some(wanted) => host.matching(tool.as_str(), outcome, &wanted, limit),
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
