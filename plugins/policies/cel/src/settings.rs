//! What an operator writes for `cel`: the shape of a Kubernetes `ValidatingAdmissionPolicy`.

use interlock_language::{Ask, Facts, Tell, Text, UnlockBy};
use interlock_plugin::Code;
use interlock_plugin::prelude::*;

/// Settings of `cel`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What must hold of every call, in order. Each is judged, and all that fail are told.
    #[schemars(length(min = 1))]
    pub validations: Vec<Validation>,
    /// Where the policy applies at all: where each of these holds. Those that do not look at `history` are tried before
    /// it is asked for.
    #[serde(default, rename = "matchConditions")]
    pub match_conditions: Vec<Named>,
    /// Expressions that the others, and later ones of these, have as `variables.NAME`. Evaluated only where they are used.
    #[serde(default)]
    pub variables: Vec<Named>,
    /// What the expressions have under `history`.
    #[serde(default)]
    pub facts: Facts,
    /// What models are told beforehand, in the descriptions of tools.
    #[serde(default)]
    pub tell_models: Vec<Tell>,
}

impl Settings {
    /// All expressions.
    pub(crate) fn text(&self) -> String {
        let named = self.match_conditions.iter().chain(&self.variables).map(|named| &named.expression);
        let judged = self.validations.iter().flat_map(|one| [Some(&one.expression), one.message_expression.as_ref()]);
        named.chain(judged.flatten()).map(Text::as_str).collect::<Vec<_>>().join("\n")
    }
}

/// Something that must hold.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// A CEL expression that is true or false.
    pub expression: Text,
    /// What a refused caller, or a person who is asked, reads. The expression itself if left out.
    #[schemars(length(min = 1))]
    pub message: Option<String>,
    /// A CEL expression that is a text: takes the place of `message`.
    #[serde(rename = "messageExpression")]
    pub message_expression: Option<Text>,
    /// The code of the refusal; `invalid` if left out.
    pub code: Option<Code>,
    /// What would make the call acceptable.
    #[serde(default)]
    pub unlocks: Vec<UnlockBy>,
    /// Where given, people are asked where the expression is false, instead of refusing the call. In its `preview`,
    /// `{/amount}` stands for the argument at that JSON Pointer, `{{` and `}}` for braces.
    pub ask: Option<Ask>,
}

/// A CEL expression with a name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Letters, digits and underscores.
    pub name: String,
    /// The expression.
    pub expression: Text,
}
