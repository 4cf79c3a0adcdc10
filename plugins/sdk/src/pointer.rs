//! JSON Pointers (RFC 6901) in settings.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use crate::settings::formats;

/// A JSON Pointer: empty for the whole document, otherwise it starts with `/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pointer(String);

impl Pointer {
    /// Reads a pointer.
    ///
    /// # Errors
    /// Says what is wrong with the text and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.is_empty() && !text.starts_with('/') {
            return Err(format!("`{text}` is no JSON Pointer: it starts with `/`, as in `/{text}`"));
        }
        let escaped = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
        if !escaped {
            return Err(format!("`{text}` is no JSON Pointer: `~` is written `~0`, and `/` within a key `~1`"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The pointer as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value there.
    pub fn of<'v>(&self, document: &'v Value) -> Option<&'v Value> {
        document.pointer(&self.0)
    }
}

impl std::fmt::Display for Pointer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for Pointer {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Pointer".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": formats::POINTER })
    }
}

/// A pointer one key deeper.
pub(crate) fn join(at: &str, key: &str) -> String {
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_without_a_slash_or_with_a_bare_tilde_is_told_how_to_be_right() {
        assert!(Pointer::parse("").is_ok() && Pointer::parse("/a~1b/~0/0").is_ok());
        assert!(Pointer::parse("amount").unwrap_err().contains("`/amount`"));
        assert!(Pointer::parse("/a~b").unwrap_err().contains("`~0`"));
        assert!(Pointer::parse("/a~").is_err());
    }

    #[test]
    fn joining_escapes_the_key() {
        assert_eq!(join("/a", "b/c~d"), "/a/b~1c~0d");
    }
}
