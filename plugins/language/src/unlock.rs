//! What would make a refused call acceptable, as a policy writes it.

use interlock_plugin::Unlock;
use interlock_plugin::prelude::*;
use interlock_plugin::schemars;

/// `{"call": "crm/create_ticket"}` or `{"wait_seconds": 60}`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(inline)]
pub enum UnlockBy {
    /// Run this tool (`server/tool`) first.
    Call(Pattern),
    /// Wait this many seconds.
    WaitSeconds(u32),
}

impl From<UnlockBy> for Unlock {
    fn from(unlock: UnlockBy) -> Self {
        match unlock {
            UnlockBy::Call(tool) => Self::Call(tool.to_string()),
            UnlockBy::WaitSeconds(seconds) => Self::Wait(u64::from(seconds) * 1000),
        }
    }
}
