//! What an operator writes for `condition`.

use interlock_plugin::predicate::Predicate;
use interlock_plugin::prelude::*;

/// Settings of `condition`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The rules; a call must satisfy each whose `tools` fit and whose `when` holds.
    pub rules: Vec<Rule>,
}

/// Some tools only while something holds.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The tools that the rule is about.
    pub tools: Patterns,
    /// Where the rule applies at all; everywhere if left out.
    pub when: Option<Predicate>,
    /// What must hold.
    pub require: Predicate,
    /// What a refused caller reads first: one sentence. What exactly is not as it should be follows it.
    #[schemars(length(min = 1))]
    pub reason: Option<String>,
}

impl Settings {
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            if let Some(when) = &rule.when {
                problems.extend(when.problems(&format!("/rules/{index}/when")));
            }
            problems.extend(rule.require.problems(&format!("/rules/{index}/require")));
        }
        problems
    }
}
