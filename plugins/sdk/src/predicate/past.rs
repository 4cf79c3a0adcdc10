//! Conditions on earlier calls: how the latest ended, and what it gave back.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::comparison::{self, Comparison};
use super::{Operator, Unmet};
use crate::{Host, Outcome, Pattern, Pointer, Unlock, json::is_redacted};

/// How the latest call of a tool ended; false if there was none.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeOf {
    /// The tool, `server/tool`, or a glob.
    pub outcome_of: Pattern,
    /// How it must stand.
    pub is: Outcome,
}

impl OutcomeOf {
    pub(super) fn other_than(&self, wanted: bool, host: &dyn Host) -> Option<Unmet> {
        let (tool, is) = (&self.outcome_of, self.is);
        let latest = host.latest(tool.as_str(), None);
        if latest.as_ref().is_some_and(|latest| latest.outcome == is.as_str()) == wanted {
            return None;
        }
        let must = if wanted { "must be" } else { "must not be" };
        let why = match latest {
            None => format!("{tool} has not run yet, and its outcome {must} {is}"),
            Some(latest) => format!("the outcome of {} is {}, but {must} {is}", latest.tool, latest.outcome),
        };
        Some(Unmet { why: vec![why], unlocks: Some(vec![Unlock::Call(tool.to_string())]) })
    }
}

/// What the latest call of a tool that succeeded gave back; false if there was none.
///
/// The pointer is looked up in the result's `structuredContent`; where there is nothing, in its first text if that is
/// JSON; where there is nothing either, in the `CallToolResult` itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResultOf {
    /// The tool, `server/tool`, or a glob.
    pub result_of: Pattern,
    /// JSON Pointer into the result.
    pub at: Pointer,
    /// How to compare.
    pub op: Operator,
    /// With what. Left out only for `exists`.
    #[serde(default, deserialize_with = "comparison::given")]
    #[schemars(with = "Value")]
    pub value: Option<Value>,
}

impl ResultOf {
    pub(super) fn other_than(&self, wanted: bool, host: &dyn Host) -> Option<Unmet> {
        let (tool, at) = (&self.result_of, &self.at);
        let latest = host.latest(tool.as_str(), Some("succeeded"));
        let why = match latest {
            None if !wanted => return None,
            None => format!("{tool} has not succeeded yet"),
            Some(latest) => {
                let there = latest.result_value().and_then(|result| find(&result, at));
                if there.as_ref().is_some_and(is_redacted) {
                    // Neither it nor its opposite holds: a policy that goes by it cannot decide. The host refuses.
                    panic!(
                        "{at} in the result of {} is redacted in the journal: nothing can be told of it",
                        latest.tool
                    );
                }
                // The scope may hold other callers' results: the explanation does not show them.
                let subject = format!("{at} in the result of {}", latest.tool);
                let comparison = Comparison { op: self.op, value: self.value.as_ref() };
                comparison.other_than(wanted, there.as_ref(), &subject, false)?
            }
        };
        Some(Unmet { why: vec![why], unlocks: Some(vec![Unlock::Call(tool.to_string())]) })
    }
}

fn find(result: &Value, at: &Pointer) -> Option<Value> {
    let structured = result.get("structuredContent").and_then(|content| at.of(content));
    let text = || {
        let text = result.pointer("/content/0/text")?.as_str()?;
        at.of(&serde_json::from_str(text).ok()?).cloned()
    };
    structured.cloned().or_else(text).or_else(|| at.of(result).cloned())
}
