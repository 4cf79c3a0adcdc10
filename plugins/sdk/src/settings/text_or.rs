//! Settings with a short form and a full one.

use schemars::JsonSchema;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A text as the short form, an object as the full one: `"a/b"` or `{"tool": "a/b", …}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(untagged, inline)]
pub enum TextOr<Text, Full> {
    /// The short form; `Text` is read from a string.
    Text(Text),
    /// The full form.
    Full(Full),
}

impl<'de, Text: DeserializeOwned, Full: DeserializeOwned> Deserialize<'de> for TextOr<Text, Full> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        let read = if value.is_string() {
            serde_json::from_value(value).map(Self::Text)
        } else {
            serde_json::from_value(value).map(Self::Full)
        };
        read.map_err(D::Error::custom)
    }
}
