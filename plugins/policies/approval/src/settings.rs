//! What an operator writes for `approval`.

use interlock_plugin::predicate::Predicate;
use interlock_plugin::prelude::*;
use interlock_plugin::{Channel, Demand};

/// Settings of `approval`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The rules; a call needs approval if one fits it.
    pub rules: Vec<Rule>,
}

/// Some tools only after a human's yes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The tools that need approval.
    pub tools: Patterns,
    /// Where they need it; always if left out. A comparison with another type is false, so to have a human see an
    /// amount that is no number too, write that it must not be `<= 100` rather than that it is `> 100`.
    pub when: Option<Predicate>,
    /// Roles of which each approver must hold one; anyone at the human's door if left out.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub roles: Option<Vec<String>>,
    /// How many different people must say yes.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub quorum: u32,
    /// How long silence lasts until the question expires; `approvals.expire_minutes` of the host if left out.
    #[schemars(range(min = 1))]
    pub expire_minutes: Option<u32>,
    /// Whether the caller's own yes counts.
    #[serde(default)]
    pub self_approval: bool,
    /// Where the question is asked. `client` asks the person at the AI app, who is the caller: it takes `self_approval`.
    #[serde(default)]
    pub channel: Channel,
    /// What would be done, in the words of the person who decides. `{/amount}` stands for the argument at that JSON
    /// Pointer, `{{` and `}}` for braces. The tool and its arguments if left out.
    #[schemars(length(min = 1))]
    pub preview: Option<String>,
}

impl From<&Rule> for Demand {
    fn from(rule: &Rule) -> Self {
        Self {
            roles: rule.roles.clone(),
            quorum: rule.quorum,
            expire_minutes: rule.expire_minutes,
            self_approval: rule.self_approval,
            channel: rule.channel,
        }
    }
}

fn one() -> u32 {
    1
}
