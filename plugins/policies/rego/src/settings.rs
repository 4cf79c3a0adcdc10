//! What an operator writes for `rego`.

use interlock_language::{Facts, Tell, Text};
use interlock_plugin::prelude::*;
use interlock_plugin::serde_json::Map;

/// Settings of `rego`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A module of `package interlock` with rules `deny`, `ask` or `allow`.
    pub policy: Text,
    /// What the policy has under `data`.
    #[serde(default)]
    pub data: Map<String, Value>,
    /// Whether the policy is in Rego as it was before OPA 1.0: `deny[msg] { … }`, without `if` and `contains`.
    #[serde(default)]
    pub v0_compatible: bool,
    /// What the policy has under `input.history`.
    #[serde(default)]
    pub facts: Facts,
    /// What models are told beforehand, in the descriptions of tools.
    #[serde(default)]
    pub tell_models: Vec<Tell>,
}
