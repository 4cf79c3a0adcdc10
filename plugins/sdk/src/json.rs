//! Comparing JSON values without coercing types, and showing them to people.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// Whether two values are the same JSON: `1` and `1.0` are, `1` and `"1"` are not.
pub fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => order_numbers(left, right) == Some(Ordering::Equal),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        _ => left == right,
    }
}

/// The order of two numbers, or of two strings by code point; none for anything else.
pub fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => order_numbers(left, right),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// Whole numbers are compared exactly, as large ones are not told apart as floating point.
fn order_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    match (left.as_i128(), right.as_i128()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

/// What a value is, with its article: `a string`.
pub fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A number as people write it: `100` rather than `100.0`.
pub fn number(number: f64) -> String {
    // Whole numbers are exact in floating point up to here.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT {
        return (number as i64).to_string();
    }
    Value::from(number).to_string()
}

/// Whether a value is what stands in the journal in the place of one that is not kept: `{"redacted": "sha256:…"}`.
pub fn is_redacted(value: &Value) -> bool {
    let digest = value.get("redacted").and_then(Value::as_str).and_then(|text| text.strip_prefix("sha256:"));
    value.as_object().is_some_and(|fields| fields.len() == 1) && digest.is_some_and(|digest| digest.len() == 64)
}

/// A value as JSON on one line of at most `longest` characters; what is cut is shown as `…`.
pub fn shown(value: &Value, longest: usize) -> String {
    cut(&value.to_string(), longest)
}

/// A text on one line of at most `longest` characters, without anything that hides or reorders what stands beside it.
pub fn cut(text: &str, longest: usize) -> String {
    // Control characters, and the marks that change the direction of writing, could make a person read what is not so.
    let unfit = |c: char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
    };
    let mut line: String = text.chars().take(longest).map(|c| if unfit(c) { ' ' } else { c }).collect();
    if text.chars().nth(longest).is_some() {
        line.pop();
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_equal_by_value_and_types_never_coerce() {
        assert!(same(&json!({"a": [1, null]}), &json!({"a": [1.0, null]})));
        assert!(!same(&json!(1), &json!("1")) && !same(&json!(0), &json!(false)));
        assert!(!same(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64)));
        assert_eq!(order(&json!(-1), &json!(0.5)), Some(Ordering::Less));
        assert_eq!(order(&json!("2"), &json!(1)), None);
    }

    #[test]
    fn what_a_person_reads_has_one_line_and_an_end() {
        assert_eq!(cut("pay\nme\u{202e}now", 20), "pay me now");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!([number(100.0), number(-0.5), number(1e20)], ["100", "-0.5", "1e+20"]);
    }
}
