//! The text of a policy, in settings that are JSON.

use interlock_plugin::Problem;
use interlock_plugin::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use interlock_plugin::serde::{Deserialize, Deserializer};

/// A text of several lines: one string, or a list of its lines.
///
/// As a list it is easier to read in a configuration, and what is wrong is reported at its own line of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    whole: String,
    /// How many lines each entry of the list has; none if it is no list.
    entries: Option<Vec<usize>>,
}

impl Text {
    /// All of it.
    pub fn as_str(&self) -> &str {
        &self.whole
    }

    /// What is wrong at a line and column, both counted from 1. `at` is the JSON Pointer of the text in the settings.
    pub fn problem(&self, at: &str, line: usize, column: usize, message: &str) -> Problem {
        let message = format!("line {line}, column {column}: {message}");
        let Some(entries) = &self.entries else { return Problem::new(at, message) };
        let mut lines = 0;
        let entry = entries.iter().position(|count| {
            lines += count;
            line <= lines
        });
        Problem::new(format!("{at}/{}", entry.unwrap_or(entries.len().saturating_sub(1))), message)
    }

    /// As [`problem`](Self::problem), at a distance in bytes from the beginning.
    pub fn problem_at(&self, at: &str, offset: usize, message: &str) -> Problem {
        let before = &self.whole[..self.whole.floor_char_boundary(offset)];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        self.problem(at, before.matches('\n').count() + 1, before[start..].chars().count() + 1, message)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, crate = "interlock_plugin::serde")]
        enum Written {
            Whole(String),
            Lines(Vec<String>),
        }
        Ok(match Written::deserialize(from)? {
            Written::Whole(whole) => Self { whole, entries: None },
            Written::Lines(lines) => Self {
                whole: lines.join("\n"),
                entries: Some(lines.iter().map(|line| line.matches('\n').count() + 1).collect()),
            },
        })
    }
}

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "array"], "items": { "type": "string" } })
    }
}

#[cfg(test)]
mod tests {
    use interlock_plugin::serde_json::{from_value, json};

    use super::*;

    fn place(problem: &Problem) -> (&str, &str) {
        (&problem.pointer, &problem.message)
    }

    #[test]
    fn a_mistake_is_told_at_its_line_of_the_list() {
        let text: Text = from_value(json!(["one", "two\nthree", "four"])).unwrap();
        assert_eq!(text.as_str(), "one\ntwo\nthree\nfour");
        assert_eq!(place(&text.problem("/policy", 3, 2, "what?")), ("/policy/1", "line 3, column 2: what?"));
        assert_eq!(place(&text.problem("/policy", 4, 1, "what?")).0, "/policy/2");
        assert_eq!(place(&text.problem("/policy", 99, 1, "the end")).0, "/policy/2");
        let none: Text = from_value(json!([])).unwrap();
        assert_eq!(place(&none.problem("/policy", 1, 1, "it is empty")).0, "/policy/0");
    }

    #[test]
    fn in_one_string_it_is_told_by_line_and_column() {
        let text: Text = from_value(json!("one\nzwöi drei")).unwrap();
        assert_eq!(place(&text.problem_at("/policy", 10, "what?")), ("/policy", "line 2, column 6: what?"));
        assert_eq!(place(&text.problem_at("/policy", 999, "the end")).1, "line 2, column 10: the end");
        assert_eq!(place(&text.problem_at("/policy", 0, "hm")).1, "line 1, column 1: hm");
    }
}
