//! Writes what came of cases into their file. All else in it stays as its author wrote it, comments included.

use std::fs;

use jsonc_parser::cst::{CstInputValue, CstRootNode};
use serde_json::{Map, Value};

use super::{
    KitError,
    cases::Cases,
    trial::{CaseResult, Got, Report},
};
use crate::config::JSONC;

/// What is written of a verdict or an answer, beside what the author had named already.
const WRITTEN: [&str; 9] =
    ["verdict", "code", "unlocks", "calls", "structured", "is_error", "arguments", "finding", "result"];

/// Writes the verdicts that were given into the cases that came out otherwise; how many those were. Cases that failed
/// without a verdict are left alone.
///
/// # Errors
/// If the file cannot be written.
pub fn update(cases: &Cases, report: &Report) -> Result<usize, KitError> {
    let written = |error: std::io::Error| KitError::File { path: cases.path.clone(), source: error };
    let parsed = CstRootNode::parse(&cases.text, &JSONC);
    let root = parsed.map_err(|error| written(std::io::Error::other(error.to_string())))?;
    let mut changed = 0;
    let items = root.array_value().map(|list| list.elements()).unwrap_or_default();
    for (item, result) in items.iter().zip(&report.results) {
        if let (false, Some(case), Some(expect)) = (result.is_ok(), item.as_object(), expectation(result)) {
            match case.get("expect") {
                Some(old) => old.set_value(expect),
                None => drop(case.append("expect", expect)),
            }
            changed += 1;
        }
    }
    if changed > 0 {
        fs::write(&cases.path, root.to_string()).map_err(written)?;
    }
    Ok(changed)
}

/// What a case is to expect from now on.
fn expectation(result: &CaseResult) -> Option<CstInputValue> {
    let Got::Answer(given) = &result.got else { return None };
    let nothing = Map::new();
    let named = result.expected.as_ref().unwrap_or(&nothing);
    let fields = given.iter().filter_map(|(key, value)| {
        let value = match (named.get(key), value) {
            // Of a question, what was looked at before.
            (Some(Value::Object(before)), Value::Object(now)) if key == "question" => Value::Object(
                now.iter().filter(|(key, _)| before.contains_key(*key)).map(|(k, v)| (k.clone(), v.clone())).collect(),
            ),
            // A part that still fits stays as it is.
            (Some(Value::String(part)), Value::String(whole)) if whole.contains(part.as_str()) => part.clone().into(),
            (named, value) if named.is_some() || WRITTEN.contains(&key.as_str()) => value.clone(),
            (None, value) if key == "text" => value.clone(),
            _ => return None,
        };
        Some((key.clone(), input(&value)))
    });
    Some(CstInputValue::Object(fields.collect()))
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(flag) => CstInputValue::Bool(*flag),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(fields) => {
            CstInputValue::Object(fields.iter().map(|(key, value)| (key.clone(), input(value))).collect())
        }
    }
}
