//! From JSON to Cedar's values.

use cedar_policy::RestrictedExpression as Cedar;
use interlock_plugin::prelude::*;

/// The digits that a `decimal` has after its point, and the size up to which it surely holds a number.
const DIGITS: usize = 4;
const LARGEST: f64 = 900_000_000_000_000.0;
/// Whole numbers are exact in floating point up to here.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Makes values of a document; some numbers in it are to be decimals.
pub(crate) struct Maker<'a> {
    pub(crate) decimals: &'a [Pointer],
}

impl Maker<'_> {
    /// None for null: what is null is not there, as Cedar has no such value.
    ///
    /// Made value by value: a text of Cedar's JSON format would have `{"__entity": …}` in an argument be an entity.
    pub(crate) fn value(&self, json: &Value, at: &str) -> Option<Cedar> {
        Some(match json {
            Value::Null => return None,
            Value::Bool(truth) => Cedar::new_bool(*truth),
            Value::String(text) => Cedar::new_string(text.clone()),
            Value::Number(number) if self.decimals.iter().any(|decimal| decimal.as_str() == at) => {
                decimal(number).unwrap_or_else(|| Cedar::new_string(number.to_string()))
            }
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Cedar::new_long(whole),
                (None, Some(whole)) if whole.fract() == 0.0 && whole.abs() < EXACT => Cedar::new_long(whole as i64),
                // What Cedar cannot hold is a text: to compare it as a number is an error, and so a fault.
                _ => decimal(number).unwrap_or_else(|| Cedar::new_string(number.to_string())),
            },
            Value::Array(items) => Cedar::new_set(
                items.iter().enumerate().filter_map(|(index, item)| self.value(item, &format!("{at}/{index}"))),
            ),
            Value::Object(members) => {
                let each = members.iter().filter_map(|(key, value)| {
                    let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                    Some((key.clone(), self.value(value, &at)?))
                });
                // Cannot fail: no key is there twice.
                Cedar::new_record(each).ok()?
            }
        })
    }
}

/// Makes a value of each type of Cedar's extensions: they read texts by regular expressions, which are compiled at their
/// first use.
pub(crate) fn rehearse() {
    let values = [
        Cedar::new_decimal("1.0"),
        Cedar::new_ip("127.0.0.1"),
        Cedar::new_datetime("2026-01-05"),
        Cedar::new_duration("1s"),
    ];
    let keys = ["decimal", "ip", "datetime", "duration"].map(str::to_owned);
    drop(cedar_policy::Context::from_pairs(keys.into_iter().zip(values)));
}

/// The number as `decimal`, if that is exactly what it is.
fn decimal(number: &interlock_plugin::serde_json::Number) -> Option<Cedar> {
    let float = number.as_f64().filter(|float| float.abs() < LARGEST)?;
    let text = match number.as_i64() {
        Some(whole) => format!("{whole}.0"),
        None => format!("{float:.DIGITS$}"),
    };
    let exact = number.is_i64() || text.parse() == Ok(float);
    exact.then(|| Cedar::new_decimal(text))
}
