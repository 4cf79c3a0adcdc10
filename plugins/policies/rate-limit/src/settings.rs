//! What an operator writes for `rate-limit`.

use interlock_plugin::prelude::*;
use interlock_plugin::serde_json;
use serde::{Deserializer, de::Error};

/// Settings of `rate-limit`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The limits; a call must stay within each whose `tools` fit.
    pub limits: Vec<Limit>,
}

/// How many calls, or how much.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Limit {
    /// How many calls.
    Calls(Calls),
    /// How much of something.
    Sum(Sum),
}

/// So many calls in a span of time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calls {
    /// The tools, counted together.
    pub tools: Patterns,
    /// The most calls.
    #[schemars(range(min = 1))]
    pub max_calls: u32,
    /// The span.
    #[schemars(range(min = 1))]
    pub per_seconds: u32,
}

/// So much of a numeric argument in a span of time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sum {
    /// The tools, added up together.
    pub tools: Patterns,
    /// JSON Pointer to the number in the arguments. A call without the argument adds nothing.
    pub sum_of: Pointer,
    /// The largest sum.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub max_sum: f64,
    /// The span.
    #[schemars(range(min = 1))]
    pub per_seconds: u32,
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        let read = if value.get("max_calls").is_some() {
            serde_json::from_value(value).map(Self::Calls)
        } else {
            serde_json::from_value(value).map(Self::Sum)
        };
        read.map_err(D::Error::custom)
    }
}

impl Limit {
    pub(crate) fn tools(&self) -> &Patterns {
        match self {
            Self::Calls(calls) => &calls.tools,
            Self::Sum(sum) => &sum.tools,
        }
    }
}
