//! Tool patterns in settings.

use interlock_glob::Glob;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error};

use crate::settings::formats;

/// A glob over `server/tool`: `*` within a name, `**` across `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern(Glob);

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// If no tool could ever fit, as every tool is named `server/tool`: a rule that never applies is a mistake.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains('/') || text.contains("**") {
            return Ok(Self(Glob::new(text)));
        }
        let example = if text.is_empty() { "*" } else { text };
        Err(format!("no tool fits `{text}`: tools are named `server/tool`, so write `*/{example}` or `**` for all"))
    }

    /// Whether a tool (`server/tool`) fits.
    pub fn matches(&self, tool: &str) -> bool {
        self.0.matches(tool)
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether everything that fits `self` fits `other` too. May say no where the answer is yes.
    fn is_within(&self, other: &Self) -> bool {
        // `**` in `self` stands for more than the text `**`, which `*` in `other` would take for a name.
        other.as_str() == "**" || (!self.as_str().contains("**") && other.matches(self.as_str()))
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for Pattern {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Pattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": formats::PATTERN })
    }
}

/// The tools that a rule is about: at least one pattern.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Patterns(#[schemars(length(min = 1))] Vec<Pattern>);

impl Patterns {
    /// Whether a tool fits one of them.
    pub fn matches(&self, tool: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(tool))
    }

    /// The patterns, without those that another one covers: one history query for each of these.
    ///
    /// Two that merely overlap both stay, so a tool may fit several.
    pub fn distinct(&self) -> impl Iterator<Item = &Pattern> {
        self.0
            .iter()
            .enumerate()
            .filter(|(at, pattern)| {
                !self.0.iter().enumerate().any(|(other, wider)| {
                    other != *at && pattern.is_within(wider) && (other < *at || !wider.is_within(pattern))
                })
            })
            .map(|(_, pattern)| pattern)
    }
}

impl std::fmt::Display for Patterns {
    /// `a/*, b/x`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, pattern) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{pattern}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_no_tool_can_fit_is_a_mistake() {
        for right in ["a/b", "*/*", "**", "a/**"] {
            assert!(Pattern::parse(right).is_ok(), "{right}");
        }
        assert!(Pattern::parse("deploy").unwrap_err().contains("`*/deploy`"));
        assert!(Pattern::parse("*").is_err() && Pattern::parse("").is_err());
    }

    #[test]
    fn covered_patterns_are_asked_for_once() {
        let patterns: Patterns = serde_json::from_str(r#"["a/x", "a/*", "a/*", "a/**", "b/y"]"#).unwrap();
        let distinct: Vec<_> = patterns.distinct().map(Pattern::as_str).collect();
        assert_eq!(distinct, ["a/**", "b/y"]);
        let both: Patterns = serde_json::from_str(r#"["a/*", "*/x"]"#).unwrap();
        assert_eq!(both.distinct().count(), 2);
    }
}
