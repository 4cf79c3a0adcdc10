//! What a verb prints: text, or rows as an aligned table or as JSON. Standard output carries the answer alone.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use anyhow::Context as _;
use serde_json::{Map, Value};

use super::error::Failure;
pub(super) use crate::plain::{line, plain};

/// Prints a text to standard output. A reader that has gone away is no failure.
///
/// # Errors
/// If standard output cannot be written to.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written.context("standard output cannot be written to")?),
    }
}

/// Tells a person something beside the answer, on standard error, if that can be written to. Much of it is strangers'
/// text: nothing in it hides, or steers a terminal.
pub(super) fn tell(text: &str) {
    // Where there is nowhere to tell it, nothing is left to do.
    let _ = writeln!(io::stderr().lock(), "{}", plain(text));
}

/// Prints a JSON value, indented.
///
/// # Errors
/// If standard output cannot be written to.
pub(super) fn print_json(value: &Value) -> Result<(), Failure> {
    print(&format!("{value:#}\n"))
}

/// Rows of named columns.
#[derive(Debug)]
pub(super) struct Table {
    columns: &'static [&'static str],
    rows: Vec<Vec<Value>>,
}

impl Table {
    /// An empty table; the columns' names are the keys of the JSON, in snake case.
    pub(super) fn new(columns: &'static [&'static str]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row: a cell for each column.
    pub(super) fn row<const N: usize>(&mut self, cells: [Value; N]) {
        self.rows.push(cells.into());
    }

    /// Prints the rows: a JSON list of objects, or aligned columns under a heading.
    ///
    /// # Errors
    /// If standard output cannot be written to.
    pub(super) fn print(&self, json: bool) -> Result<(), Failure> {
        if json { print_json(&self.json()) } else { print(&self.text()) }
    }

    /// The rows as a list of objects.
    pub(super) fn json(&self) -> Value {
        let object = |row: &Vec<Value>| -> Map<String, Value> {
            self.columns.iter().map(ToString::to_string).zip(row.iter().cloned()).collect()
        };
        self.rows.iter().map(object).collect()
    }

    /// The rows as aligned columns.
    pub(super) fn text(&self) -> String {
        let heading = self.columns.iter().map(|column| column.replace('_', " ").to_uppercase()).collect();
        let lines: Vec<Vec<String>> =
            std::iter::once(heading).chain(self.rows.iter().map(|row| row.iter().map(cell).collect())).collect();
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|at| lines.iter().filter_map(|line| Some(line.get(at)?.chars().count())).max().unwrap_or_default())
            .collect();
        let mut text = String::new();
        for line in lines {
            let mut padded = String::new();
            for (cell, width) in line.iter().zip(&widths) {
                // Writing into memory does not fail.
                let _ = write!(padded, "{cell:width$}  ");
            }
            text.push_str(padded.trim_end());
            text.push('\n');
        }
        text
    }
}

/// A cell for people. Servers' texts are strangers' texts: what could steer a terminal is left out.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => line(&text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>()),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_is_aligned_for_people_and_named_for_programs() {
        let mut table = Table::new(&["tool", "guarded_by", "calls"]);
        table.row(["files/read".into(), json!([]), 3.into()]);
        table.row(["ä/\u{1b}[2J\u{202e}".into(), json!(["one", "two"]), Value::Null]);
        assert_eq!(
            table.text(),
            "TOOL            GUARDED BY  CALLS\nfiles/read      -           3\nä/ [2J\\u{202e}  one, two    -\n"
        );
        assert_eq!(
            table.json()[1],
            json!({"tool": "ä/\u{1b}[2J\u{202e}", "guarded_by": ["one", "two"], "calls": null})
        );
    }
}
