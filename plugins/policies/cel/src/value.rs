//! From JSON to CEL's values.

use std::collections::HashMap;

use cel::Value as Cel;
use interlock_plugin::prelude::*;

/// Whole numbers are `int`, others `double`, as they are written: `100` and `100.0` compare as equal, but arithmetic with
/// both is an error, as CEL has it. What is beyond 64 bits with a sign is `uint`.
pub(crate) fn cel(json: &Value) -> Cel {
    match json {
        Value::Null => Cel::Null,
        Value::Bool(truth) => Cel::Bool(*truth),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Cel::Int(whole),
            (None, Some(large)) => Cel::UInt(large),
            (None, None) => Cel::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Cel::from(text.as_str()),
        Value::Array(items) => Cel::from(items.iter().map(cel).collect::<Vec<_>>()),
        Value::Object(members) => {
            let members: HashMap<String, Cel> = members.iter().map(|(key, value)| (key.clone(), cel(value))).collect();
            Cel::Map(members.into())
        }
    }
}
