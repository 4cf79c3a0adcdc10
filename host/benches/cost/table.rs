//! Figures as a Markdown table for people and as JSON for programs.

use std::fmt;

use serde_json::{Map, Value};

/// Rows of figures under one title.
#[derive(Debug)]
pub(crate) struct Table {
    title: String,
    columns: Vec<&'static str>,
    rows: Vec<Vec<Value>>,
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, columns: &[&'static str]) -> Self {
        Self { title: title.into(), columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row: a value for each column. Those at the end may be left out, and `null` stays empty.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Value>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Title and rows, each row an object.
    pub(crate) fn to_json(&self) -> Value {
        let object = |row: &Vec<Value>| -> Map<String, Value> {
            self.columns.iter().map(|column| (*column).to_owned()).zip(row.iter().cloned()).collect()
        };
        serde_json::json!({ "title": self.title, "rows": self.rows.iter().map(object).collect::<Vec<_>>() })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "**{}**\n", self.title)?;
        writeln!(f, "| {} |", self.columns.join(" | "))?;
        let rule: Vec<_> =
            self.columns.iter().enumerate().map(|(at, _)| if at == 0 { "---" } else { "---:" }).collect();
        write!(f, "| {} |", rule.join(" | "))?;
        for row in &self.rows {
            let cells: Vec<_> =
                row.iter().map(cell).chain(std::iter::repeat(String::new())).take(self.columns.len()).collect();
            write!(f, "\n| {} |", cells.join(" | "))?;
        }
        Ok(())
    }
}

/// Numbers to three digits: more would not come out the same the next time.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) if !number.is_f64() => number.to_string(),
        Value::Number(number) => match number.as_f64() {
            Some(number) if number >= 100.0 => format!("{number:.0}"),
            Some(number) if number >= 10.0 => format!("{number:.1}"),
            Some(number) => format!("{number:.2}"),
            None => number.to_string(),
        },
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
