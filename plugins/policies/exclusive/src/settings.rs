//! What an operator writes for `exclusive`.

use interlock_plugin::prelude::*;
use interlock_plugin::settings::TextOr;

/// Settings of `exclusive`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The groups; a tool may be in several, and then needs room in each.
    pub groups: Vec<Group>,
}

/// Tools of which only so many calls may run at once.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The tools, counted together.
    pub tools: Patterns,
    /// The most that may run at once; 1 is mutual exclusion.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub at_most: u32,
    /// What happens to a call for which there is no room: `"refuse"`, or `{"hold_seconds": 30}`.
    #[serde(default = "refuse")]
    pub otherwise: Otherwise,
}

/// What happens to a call for which there is no room: it is refused at once, or it waits for room.
pub type Otherwise = TextOr<Refuse, Hold>;

/// The word `refuse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Refuse {
    /// Refuse at once.
    Refuse,
}

/// Wait for room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// The longest wait, counted from when the call was received; then it is refused.
    #[schemars(range(min = 1))]
    pub hold_seconds: u32,
}

fn one() -> u32 {
    1
}

fn refuse() -> Otherwise {
    TextOr::Text(Refuse::Refuse)
}
