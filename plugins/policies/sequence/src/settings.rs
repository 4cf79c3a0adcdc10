//! What an operator writes for `sequence`.

use std::borrow::Cow;

use interlock_plugin::prelude::*;
use interlock_plugin::settings::TextOr;
use interlock_plugin::{Outcome, Same};

/// Settings of `sequence`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The rules; a call must satisfy each whose `tools` fit.
    pub rules: Vec<Rule>,
}

/// Some tools only after others.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The tools that have to wait.
    pub tools: Patterns,
    /// What must have happened before: tools, or tools with conditions.
    #[schemars(length(min = 1))]
    pub after: Vec<TextOr<Pattern, Prerequisite>>,
    /// Whether all of `after` are needed, or any one.
    #[serde(default)]
    pub need: Need,
}

/// How many prerequisites are needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Need {
    /// Every one.
    #[default]
    All,
    /// At least one.
    Any,
}

impl Need {
    pub(crate) fn joint(self) -> &'static str {
        match self {
            Self::All => ", and ",
            Self::Any => ", or ",
        }
    }
}

/// A call that must have happened before.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prerequisite {
    /// The tool, or a glob of which any tool will do.
    pub tool: Pattern,
    /// How it must have ended.
    #[serde(default)]
    pub outcome: Outcome,
    /// How long ago it may have ended at most.
    #[schemars(range(min = 1))]
    pub within_minutes: Option<u32>,
    /// Arguments that must be the same in both calls.
    #[serde(default)]
    pub same: Vec<Same>,
    /// Whether each admitted call that is not cancelled uses up one such earlier call.
    #[serde(default)]
    pub consume: bool,
}

impl Rule {
    /// What must have happened before, each with all its conditions.
    pub(crate) fn prerequisites(&self) -> impl Iterator<Item = Cow<'_, Prerequisite>> {
        self.after.iter().map(|after| match after {
            TextOr::Full(full) => Cow::Borrowed(full),
            TextOr::Text(tool) => Cow::Owned(Prerequisite {
                tool: tool.clone(),
                outcome: Outcome::default(),
                within_minutes: None,
                same: Vec::new(),
                consume: false,
            }),
        })
    }
}

impl Settings {
    /// Rules that nobody could ever satisfy: a tool that must come before itself.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            for (place, Prerequisite { tool, .. }) in rule.prerequisites().map(Cow::into_owned).enumerate() {
                let itself = !tool.as_str().contains('*') && rule.tools.matches(tool.as_str());
                if itself && (rule.need == Need::All || rule.after.len() == 1) {
                    let message = format!("`{tool}` would have to come before itself: `tools` must not fit it");
                    problems.push(Problem::new(format!("/rules/{index}/after/{place}"), message));
                }
            }
        }
        problems
    }
}
