//! Arguments that two calls must have in common, in settings.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::settings::TextOr;
use crate::{Equal, Pointer};

/// Where a value is in the call at hand, and where in the earlier one.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HereAndThere {
    /// In the arguments of the call at hand.
    pub here: Pointer,
    /// In the arguments of the earlier call.
    pub there: Pointer,
}

/// An argument that must be the same in both calls: one pointer for both, or one for each.
pub type Same = TextOr<Pointer, HereAndThere>;

impl Same {
    /// Where it is in the call at hand.
    pub fn here(&self) -> &Pointer {
        match self {
            Self::Text(pointer) => pointer,
            Self::Full(each) => &each.here,
        }
    }

    /// Where it is in the earlier call.
    pub fn there(&self) -> &Pointer {
        match self {
            Self::Text(pointer) => pointer,
            Self::Full(each) => &each.there,
        }
    }

    /// What earlier calls are asked for, given the value in the call at hand.
    pub fn wanted(&self, value: &Value) -> Equal {
        Equal { pointer: self.there().to_string(), value: value.to_string() }
    }
}
