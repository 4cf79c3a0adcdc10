//! What an operator writes for `cedar`.

use interlock_language::{Facts, Tell, Text};
use interlock_plugin::prelude::*;

/// Settings of `cedar`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The policies. As in Cedar, what none of them permits is refused.
    pub policies: Text,
    /// Further entities, in Cedar's JSON format: `[{"uid": {"type": "Team", "id": "emea"}, "attrs": {}, "parents": []}]`.
    /// A `Caller`, `Role`, `Action` or `Server` among them gets what Interlock knows of it in addition.
    #[serde(default)]
    pub entities: Vec<Value>,
    /// What calls are about, where that is not the server. The first that fits counts.
    #[serde(default)]
    pub resources: Vec<Resource>,
    /// Numbers that policies have as `decimal`, whole ones too: JSON Pointers into the context, such as
    /// `/call/arguments/amount`. Elsewhere whole numbers are `Long`.
    #[serde(default)]
    pub decimals: Vec<Pointer>,
    /// What the policies have under `context.history`.
    #[serde(default)]
    pub facts: Facts,
    /// What models are told beforehand, in the descriptions of tools.
    #[serde(default)]
    pub tell_models: Vec<Tell>,
}

/// What calls of some tools are about.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// The tools.
    pub tools: Patterns,
    /// The type of the entity, such as `Customer`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where the arguments have its id, which is a text or a whole number. A call without it is refused.
    pub id: Pointer,
}
