//! What models are told of a policy beforehand: nothing in a policy's text could be shown to them as it is.

use interlock_plugin::prelude::*;
use interlock_plugin::schemars;

/// A sentence for the descriptions of some tools.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tell {
    /// The tools whose descriptions it goes into.
    pub tools: Patterns,
    /// What the policy asks of their callers, in a short sentence.
    #[schemars(length(min = 1, max = 512))]
    pub text: String,
}

impl Tell {
    /// What models are told of one tool.
    pub fn of(all: &[Self], tool: &str) -> Vec<String> {
        all.iter().filter(|tell| tell.tools.matches(tool)).map(|tell| tell.text.clone()).collect()
    }
}
