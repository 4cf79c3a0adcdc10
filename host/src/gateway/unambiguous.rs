//! JSON in which no key stands twice in one object: of two values, policies might look at the one and a server at the
//! other. For what clients send.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value, map::Entry};

/// How much of a key is told, in characters.
const SHOWN: usize = 64;

/// A JSON value, read in one pass.
pub(super) struct Unambiguous(pub(super) Value);

/// Whether a text is JSON, and one key too many is all that is wrong with it.
pub(super) fn is_ambiguous(error: &serde_json::Error) -> bool {
    error.is_data()
}

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unambiguous(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            match object.entry(key) {
                Entry::Vacant(place) => {
                    let Unambiguous(value) = members.next_value()?;
                    place.insert(value);
                }
                Entry::Occupied(twice) => {
                    let shown: String = twice.key().chars().take(SHOWN).collect();
                    return Err(A::Error::custom(format!("a key stands twice in one object: `{shown}`")));
                }
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Value, serde_json::Error> {
        serde_json::from_str(text).map(|Unambiguous(value)| value)
    }

    #[test]
    fn a_key_that_stands_twice_is_found_at_every_level() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"b":{"c":[{"a":1,"b":2,"\u0061":3}]}}"#, r#"[{"a":{}},{"a":{},"a":{}}]"#] {
            let error = read(text).unwrap_err();
            assert!(is_ambiguous(&error) && error.to_string().contains("twice in one object: `a`"), "{error}");
        }
        assert_eq!(
            read(r#"{"a":{"a":[{"a":1},{"a":2}]},"b":1}"#).unwrap(),
            json!({"a": {"a": [{"a": 1}, {"a": 2}]}, "b": 1})
        );
        let long = format!(r#"{{"{0}":1,"{0}":2}}"#, "ü".repeat(1000));
        assert!(read(&long).unwrap_err().to_string().len() < 300);
    }

    proptest! {
        #[test]
        fn all_else_is_read_as_ever(text in r#"(?s)[\[\]{}":,.0-9eE+\-a\\u ntrfls]{0,24}|\PC{0,20}"#) {
            match (serde_json::from_str::<Value>(&text), read(&text)) {
                (Ok(value), Ok(same)) => prop_assert_eq!(value.to_string(), same.to_string()),
                (Ok(_), Err(error)) => prop_assert!(is_ambiguous(&error)),
                (Err(_), Err(error)) => prop_assert!(!is_ambiguous(&error) || text.matches('"').count() > 3),
                (Err(error), Ok(_)) => prop_assert!(false, "{}", error),
            }
        }
    }
}
