//! Which part of history a policy looks at, and the key under which a call belongs to such a part.

use std::fmt;

use serde_json::Value;

use crate::call::{Arguments, Call};

/// The kind of scope that a policy is configured with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The caller's session.
    Session,
    /// Everything of the same principal.
    Caller,
    /// Everything.
    Global,
    /// Everything, by anyone, whose argument at this JSON Pointer (RFC 6901) has the same value.
    Argument(String),
}

impl Scope {
    /// The one scope of this kind that `call` belongs to; none if it lacks the argument.
    pub fn of(&self, call: &Call) -> Option<ScopeKey> {
        match self {
            Self::Session => {
                Some(ScopeKey::Session { principal: call.caller.principal.clone(), session: call.session.clone() })
            }
            Self::Caller => Some(ScopeKey::Caller { principal: call.caller.principal.clone() }),
            Self::Global => Some(ScopeKey::Global),
            Self::Argument(pointer) => argument(&call.arguments, pointer)
                .map(|value| ScopeKey::Argument { pointer: pointer.clone(), value: canonical(value) }),
        }
    }
}

/// One part of history: what a [`Scope`] stands for, seen from one call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScopeKey {
    /// One session of one principal: another principal's session of the same name is another scope.
    Session {
        /// Whose.
        principal: String,
        /// Which.
        session: String,
    },
    /// Everything of one principal.
    Caller {
        /// Whose.
        principal: String,
    },
    /// Everything.
    Global,
    /// Everything with one value of one argument.
    Argument {
        /// JSON Pointer into the arguments.
        pointer: String,
        /// The value as canonical JSON text: see [`canonical`].
        value: String,
    },
}

impl ScopeKey {
    /// Whether a call with these traits belongs to the scope.
    pub fn holds(&self, principal: &str, session: &str, arguments: &Arguments) -> bool {
        match self {
            Self::Session { principal: p, session: s } => p == principal && s == session,
            Self::Caller { principal: p } => p == principal,
            Self::Global => true,
            Self::Argument { pointer, value } => {
                argument(arguments, pointer).is_some_and(|found| canonical(found) == *value)
            }
        }
    }
}

/// For people: `session 01J…`, `caller alice`, `global`, `/customer_id = "c-1"`.
impl fmt::Display for ScopeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session { session, .. } => write!(f, "session {session}"),
            Self::Caller { principal } => write!(f, "caller {principal}"),
            Self::Global => f.write_str("global"),
            Self::Argument { pointer, value } => write!(f, "{pointer} = {value}"),
        }
    }
}

/// The argument at a JSON Pointer (RFC 6901). The empty pointer, the arguments as a whole, names no argument.
pub fn argument<'a>(arguments: &'a Arguments, pointer: &str) -> Option<&'a Value> {
    let (first, rest) = match pointer.strip_prefix('/')?.split_once('/') {
        Some((first, _)) => (first, pointer.get(first.len() + 1..)?),
        None => (pointer.get(1..)?, ""),
    };
    let key = first.replace("~1", "/").replace("~0", "~");
    arguments.get(&key)?.pointer(rest)
}

/// A value as canonical JSON text: RFC 8785, but for integers, which are written exactly.
///
/// RFC 8785 takes every number for a double, so that two ids beyond 2⁵³ would have the same text: a yes for one would be
/// a yes for the other, and the journal would tell of a third.
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

/// A value as canonical JSON text; the value becomes what that text reads as.
///
/// What was just written and what is read after a restart must be the same to whoever looks, in the kind of a number and
/// the order of keys too.
pub fn canonicalize(value: &mut Value) -> String {
    value.sort_all_objects();
    let text = canonical(value);
    if !reads_alike(value)
        && let Ok(read) = serde_json::from_str(&text)
    {
        *value = read;
    }
    text
}

/// Whether a sorted value is surely what its canonical text reads as: `1.0` is written `1`, and keys beyond ASCII have
/// another order there.
fn reads_alike(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => !number.is_f64(),
        Value::Array(items) => items.iter().all(reads_alike),
        Value::Object(fields) => fields.iter().all(|(key, field)| key.is_ascii() && reads_alike(field)),
    }
}

fn write_canonical(value: &Value, to: &mut String) {
    match value {
        Value::Array(items) => {
            to.push('[');
            for (nth, item) in items.iter().enumerate() {
                if nth > 0 {
                    to.push(',');
                }
                write_canonical(item, to);
            }
            to.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            // Section 3.2.3: by UTF-16 code units. Of ASCII those are the bytes.
            fields.sort_unstable_by(|(one, _), (other, _)| match one.is_ascii() && other.is_ascii() {
                true => one.cmp(other),
                false => one.encode_utf16().cmp(other.encode_utf16()),
            });
            to.push('{');
            for (nth, (key, field)) in fields.into_iter().enumerate() {
                if nth > 0 {
                    to.push(',');
                }
                write_canonical_text(key, to);
                to.push(':');
                write_canonical(field, to);
            }
            to.push('}');
        }
        Value::String(text) => write_canonical_text(text, to),
        Value::Number(number) if number.is_i64() || number.is_u64() => to.push_str(&number.to_string()),
        // The canonicalizer fails only where a writer fails, and none can here.
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            to.push_str(&serde_json_canonicalizer::to_string(value).unwrap_or_else(|_| value.to_string()));
        }
    }
}

fn write_canonical_text(text: &str, to: &mut String) {
    // Section 3.2.2.2: all else stands as it is. Nearly every text has nothing to escape.
    if text.bytes().all(|byte| byte >= b' ' && !matches!(byte, b'"' | b'\\')) {
        to.push('"');
        to.push_str(text);
        to.push('"');
    } else {
        to.push_str(&serde_json_canonicalizer::to_string(&text).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn canonical_text_is_that_of_rfc_8785_but_tells_large_integers_apart() {
        let value = json!({"b": [5.0, 1e21, "é\u{1}\"/"], "a": {"\u{10000}": null, "\u{ffff}": true}, "": -0.0});
        assert_eq!(canonical(&value), serde_json_canonicalizer::to_string(&value).unwrap());
        assert_eq!(canonical(&json!(9_007_199_254_740_993_u64)), "9007199254740993");
        assert_eq!(canonical(&json!([u64::MAX, i64::MIN])), "[18446744073709551615,-9223372036854775808]");
    }

    #[test]
    fn a_canonicalized_value_is_what_its_text_reads_as() {
        let mut value = json!({"b": {"z": 5.0, "y": [1, -0.0, 1e21]}, "a": {"\u{10000}": null, "\u{ffff}": 1}, "c": 7});
        let mut simple = json!({"b": [1, "x"], "a": {"d": true, "c": null}});
        for value in [&mut value, &mut simple] {
            let text = canonicalize(value);
            assert_eq!(text, canonical(value));
            let read: Value = serde_json::from_str(&text).unwrap();
            assert_eq!((&*value, value.to_string()), (&read, read.to_string()));
        }
    }

    #[test]
    fn an_argument_is_found_by_its_pointer() {
        let Value::Object(map) = json!({"a": {"b": [1, null]}, "x/y": {"~": 2}}) else { unreachable!() };
        let arguments = Arc::new(map);
        for (pointer, value) in [("/a/b/0", json!(1)), ("/a/b/1", json!(null)), ("/x~1y/~0", json!(2))] {
            assert_eq!(argument(&arguments, pointer), Some(&value));
        }
        for none in ["", "a", "/a/c", "/a/b/2", "/"] {
            assert_eq!(argument(&arguments, none), None, "`{none}`");
        }
    }

    fn any_call() -> impl Strategy<Value = Call> {
        let value = prop_oneof![
            Just(None),
            (0..3_i64).prop_map(|number| Some(json!(number))),
            (0..3_i64).prop_map(|number| Some(json!(number as f64))),
            "[ab]".prop_map(|text| Some(json!(text))),
            Just(Some(json!({"b": 1, "a": [null]}))),
            Just(Some(json!({"a": [null], "b": 1.0}))),
        ];
        ("[ab]", "[st]", value).prop_map(|(principal, session, value)| Call {
            id: crate::call::CallId::new(),
            tool: "a/b".parse().unwrap(),
            arguments: Arc::new(value.map(|value| ("id".to_owned(), value)).into_iter().collect()),
            beside: Arc::default(),
            caller: crate::call::Caller { principal, roles: Vec::new(), client: None },
            session,
            received: crate::clock::Timestamp(0),
            hints: Arc::new([]),
            definition: "".into(),
            continues: None,
            idempotency: None,
            batch: None,
        })
    }

    proptest! {
        /// The two ways of telling whether two calls are in one scope agree: the ledger asks the key, policies the scope.
        #[test]
        fn a_scope_holds_exactly_the_calls_that_have_the_same_key(one in any_call(), other in any_call()) {
            for scope in [Scope::Session, Scope::Caller, Scope::Global, Scope::Argument("/id".to_owned())] {
                let Some(key) = scope.of(&one) else {
                    prop_assert_eq!((&scope, one.arguments.get("id")), (&Scope::Argument("/id".to_owned()), None));
                    continue;
                };
                let holds = |call: &Call| key.holds(&call.caller.principal, &call.session, &call.arguments);
                prop_assert!(holds(&one));
                prop_assert_eq!(holds(&other), scope.of(&other) == Some(key.clone()), "{}", key);
            }
        }
    }
}
