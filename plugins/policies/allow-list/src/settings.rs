//! What an operator writes for `allow-list`.

use interlock_plugin::prelude::*;

/// Settings of `allow-list`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The rules; the first that fits the tool and the caller decides.
    pub rules: Vec<Rule>,
    /// What happens where no rule fits.
    #[serde(default = "refuse")]
    pub default: Effect,
}

/// Who may, or may not, call what.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What the rule does.
    pub effect: Effect,
    /// The tools that it is about.
    pub tools: Patterns,
    /// Roles of which the caller must hold one; any caller if left out.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub roles: Option<Vec<String>>,
    /// Principals, or globs of them; any if left out. `*` alone is everyone.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub principals: Option<Vec<String>>,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Effect {
    /// The call may go through.
    Allow,
    /// It may not.
    Refuse,
}

fn refuse() -> Effect {
    Effect::Refuse
}
