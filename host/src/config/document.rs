//! The file as a tree of values that know where they stand. The only place that knows the JSONC parser's words.

use std::{collections::BTreeMap, path::PathBuf};

use jsonc_parser::{
    ParseOptions, ast,
    common::{Range, Ranged},
    errors::ParseError,
};
use serde_json::Number;

use super::{
    expand::{self, Environment, Fault},
    pointer,
    problem::{Position, Problem, ProblemKind, Problems},
};

/// JSON with comments and trailing commas, and no other liberties.
pub(crate) const JSONC: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// A file that parsed.
pub(super) struct Document {
    /// As it was named.
    pub(super) path: PathBuf,
    /// Its one value.
    pub(super) root: Node,
}

/// A value of the file.
pub(super) struct Node {
    /// JSON Pointer to it.
    pub(super) pointer: String,
    /// Where its key starts; for a list's item and for the root, where the value starts.
    pub(super) key_at: Position,
    /// Where the value starts.
    pub(super) at: Position,
    /// What it is.
    pub(super) value: Value,
}

/// What a value of the file is.
pub(super) enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A number; none if it is too large to be one.
    Number(Option<Number>),
    /// A string, with its variables filled in, and what went wrong in that.
    Text(String, Vec<Fault>),
    /// A list.
    List(Vec<Node>),
    /// An object's keys and values, in order, keys that stand twice included.
    Table(Vec<(String, Node)>),
}

impl Document {
    /// Parses a file's text.
    ///
    /// # Errors
    /// The first thing that is not JSON.
    pub(super) fn parse(path: PathBuf, text: &str, environment: &Environment<'_>) -> Result<Self, Problems> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = Lines::of(text);
        let value = match jsonc_parser::parse_to_ast(text, &Default::default(), &JSONC) {
            Ok(parsed) => parsed.value,
            Err(error) => return Err(syntax(path, &lines, &error)),
        };
        let root = match &value {
            Some(value) => lower(value, None, String::new(), &lines, environment),
            None => {
                Node { pointer: String::new(), key_at: lines.position(0), at: lines.position(0), value: Value::Null }
            }
        };
        Ok(Self { path, root })
    }

    /// Where every key and list item stands, by JSON Pointer.
    pub(super) fn positions(&self) -> BTreeMap<String, Position> {
        let mut positions = BTreeMap::new();
        collect(&self.root, &mut positions);
        positions
    }
}

fn collect(node: &Node, positions: &mut BTreeMap<String, Position>) {
    positions.entry(node.pointer.clone()).or_insert(node.key_at);
    node.items().iter().for_each(|item| collect(item, positions));
    node.entries().iter().for_each(|(_, entry)| collect(entry, positions));
}

fn syntax(path: PathBuf, lines: &Lines<'_>, error: &ParseError) -> Problems {
    let said = error.kind().to_string();
    let mut letters = said.chars();
    let message = letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default();
    Problems(vec![Problem {
        path,
        position: Some(lines.position(error.range().start)),
        pointer: String::new(),
        kind: ProblemKind::Syntax,
        message,
        hint: Some("the file is JSON; comments and trailing commas are allowed as well.".to_owned()),
    }])
}

fn lower(
    value: &ast::Value<'_>,
    key: Option<Range>,
    pointer: String,
    lines: &Lines<'_>,
    environment: &Environment<'_>,
) -> Node {
    let at = lines.position(value.range().start);
    let lowered = match value {
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::BooleanLit(flag) => Value::Flag(flag.value),
        ast::Value::NumberLit(number) => Value::Number(serde_json::from_str(number.value).ok()),
        ast::Value::StringLit(text) => {
            let (text, faults) = expand::expand(&text.value, environment);
            Value::Text(text, faults)
        }
        ast::Value::Array(array) => Value::List(
            array
                .elements
                .iter()
                .enumerate()
                .map(|(index, item)| lower(item, None, format!("{pointer}/{index}"), lines, environment))
                .collect(),
        ),
        ast::Value::Object(object) => Value::Table(
            object
                .properties
                .iter()
                .map(|property| {
                    let (key, name) = (property.range, property.name.as_str());
                    let entry = lower(&property.value, Some(key), pointer::join(&pointer, name), lines, environment);
                    (name.to_owned(), entry)
                })
                .collect(),
        ),
    };
    let key_at = key.map_or(at, |key| lines.position(key.start));
    Node { pointer, key_at, at, value: lowered }
}

impl Node {
    /// The value under a key, if this is an object that has it; of a key that stands twice, the first.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// The string, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        if let Value::Text(text, _) = &self.value { Some(text) } else { None }
    }

    /// The boolean, if it is one.
    pub(super) fn flag(&self) -> Option<bool> {
        if let Value::Flag(flag) = self.value { Some(flag) } else { None }
    }

    /// The number, if it is a whole one from 0 up.
    pub(super) fn whole(&self) -> Option<u64> {
        if let Value::Number(Some(number)) = &self.value { number.as_u64() } else { None }
    }

    /// The items, if it is a list; else none.
    pub(super) fn items(&self) -> &[Self] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    /// Keys and values, if it is an object; else none.
    pub(super) fn entries(&self) -> &[(String, Self)] {
        if let Value::Table(entries) = &self.value { entries } else { &[] }
    }

    /// The strings of a list, with their nodes.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&Self, &str)> {
        self.items().iter().filter_map(|item| item.text().map(|text| (item, text)))
    }

    /// The JSON type's name, with its article.
    pub(super) fn type_name(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Flag(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(..) => "a string",
            Value::List(_) => "a list",
            Value::Table(_) => "an object",
        }
    }

    /// Whether it says nothing: null, false, or empty.
    pub(super) fn is_empty(&self) -> bool {
        match &self.value {
            Value::Null | Value::Flag(false) => true,
            Value::Flag(true) | Value::Number(_) => false,
            Value::Text(text, _) => text.is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Table(entries) => entries.is_empty(),
        }
    }

    /// The value as plain JSON.
    pub(super) fn json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null | Value::Number(None) => serde_json::Value::Null,
            Value::Flag(flag) => (*flag).into(),
            Value::Number(Some(number)) => number.clone().into(),
            Value::Text(text, _) => text.as_str().into(),
            Value::List(items) => items.iter().map(Self::json).collect(),
            Value::Table(entries) => entries.iter().map(|(key, node)| (key.clone(), node.json())).collect(),
        }
    }
}

/// Where the lines of a text start.
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    /// The lines of a text.
    pub(crate) fn of(text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// Where the byte at an offset stands.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        Position { line, column: column + 1 }
    }
}
