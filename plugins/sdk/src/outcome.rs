//! Outcomes of earlier calls in settings.

use schemars::JsonSchema;
use serde::Deserialize;

/// How an earlier call stands. The interface's set is open; these are the ones that settings can name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Outcome {
    /// It gave a result.
    #[default]
    Succeeded,
    /// The tool said that it failed.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// It was sent, and how it ended nobody knows until an operator settles it.
    Unknown,
    /// It has not ended.
    Running,
}

impl Outcome {
    /// The word that the interface uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
            Self::Running => "running",
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
