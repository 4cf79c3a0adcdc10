//! Comparing one JSON value with what the settings name, without coercion.

use interlock_glob::Glob;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::json::{order, same, shown, type_of};
use crate::{Problem, pointer};

/// How long a value may be in an explanation, in characters.
const LONGEST: usize = 80;

/// What is compared how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Operator {
    /// The same JSON.
    #[serde(rename = "==")]
    Equal,
    /// Not the same, but of the same type.
    #[serde(rename = "!=")]
    NotEqual,
    /// Less; numbers, or strings by code point.
    #[serde(rename = "<")]
    Less,
    /// Less or equal.
    #[serde(rename = "<=")]
    AtMost,
    /// Greater.
    #[serde(rename = ">")]
    Greater,
    /// Greater or equal.
    #[serde(rename = ">=")]
    AtLeast,
    /// One of the values of an array.
    #[serde(rename = "in")]
    In,
    /// None of the values of an array, but of the type of one of them.
    #[serde(rename = "not_in")]
    NotIn,
    /// A string that fits a glob: `*` up to the next `/`, `**` across.
    #[serde(rename = "matches")]
    Matches,
    /// There is a value, `null` included; with `"value": false`, there is none.
    #[serde(rename = "exists")]
    Exists,
}

/// An operator and its right-hand side, as they stand beside `argument` or `result_of`.
pub(super) struct Comparison<'a> {
    pub(super) op: Operator,
    pub(super) value: Option<&'a Value>,
}

/// Keeps `null` apart from nothing.
pub(super) fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

impl Comparison<'_> {
    /// Why comparing the value that is there gives other than wanted; none if it gives what is wanted.
    ///
    /// `subject` is what the value is called; `open` tells whether the explanation may show the value.
    pub(super) fn other_than(&self, wanted: bool, there: Option<&Value>, subject: &str, open: bool) -> Option<String> {
        if self.holds(there) == wanted {
            return None;
        }
        let must = self.must(wanted);
        let Some(there) = there else {
            return Some(format!("{subject} {must}, but is not given"));
        };
        let is = if open { format!("is {}", shown(there, LONGEST)) } else { "is not".to_owned() };
        Some(match self.alien(there) {
            Some(type_needed) if wanted => {
                format!("{subject} {must}, but is {}, which never compares with {type_needed}", type_of(there))
            }
            _ if open => format!("{subject} {must}, but {is}"),
            _ => format!("{subject} {must}"),
        })
    }

    fn holds(&self, there: Option<&Value>) -> bool {
        let wanted = self.value.unwrap_or(&Value::Null);
        if self.op == Operator::Exists {
            return there.is_some() == (*wanted != Value::Bool(false));
        }
        let Some(there) = there else { return false };
        if self.alien(there).is_some() {
            return false;
        }
        let is = |accepted: fn(std::cmp::Ordering) -> bool| order(there, wanted).is_some_and(accepted);
        let listed = || wanted.as_array().is_some_and(|list| list.iter().any(|one| same(one, there)));
        match self.op {
            Operator::Equal => same(there, wanted),
            Operator::NotEqual => !same(there, wanted),
            Operator::Less => is(std::cmp::Ordering::is_lt),
            Operator::AtMost => is(std::cmp::Ordering::is_le),
            Operator::Greater => is(std::cmp::Ordering::is_gt),
            Operator::AtLeast => is(std::cmp::Ordering::is_ge),
            Operator::In => listed(),
            Operator::NotIn => !listed(),
            Operator::Matches => match (there, wanted) {
                (Value::String(text), Value::String(glob)) => Glob::new(glob).matches(text),
                _ => false,
            },
            Operator::Exists => true,
        }
    }

    /// The type that would compare, if the value that is there has one that never does.
    fn alien(&self, there: &Value) -> Option<&'static str> {
        let wanted = self.value.unwrap_or(&Value::Null);
        let here = type_of(there);
        match (self.op, wanted) {
            (Operator::Exists, _) => None,
            (Operator::In | Operator::NotIn, Value::Array(list)) => {
                let mut types = list.iter().map(type_of);
                if types.clone().any(|one| one == here) { None } else { types.next() }
            }
            // Asking for `null` asks whether there is anything, whatever its type.
            (Operator::NotEqual, Value::Null) => None,
            (_, wanted) if type_of(wanted) != here => Some(type_of(wanted)),
            _ => None,
        }
    }

    /// What must be, for a refusal: `must be <= 100`.
    fn must(&self, wanted: bool) -> String {
        let phrase = self.phrase(wanted);
        if self.op == Operator::Matches { format!("must {phrase}") } else { format!("must be {phrase}") }
    }

    /// What is, for a description: `is <= 100`.
    pub(super) fn is(&self) -> String {
        let phrase = self.phrase(true);
        if self.op == Operator::Matches { format!("does {phrase}") } else { format!("is {phrase}") }
    }

    fn phrase(&self, wanted: bool) -> String {
        let value = self.value.map(|value| shown(value, LONGEST)).unwrap_or_default();
        let not = if wanted { "" } else { "not " };
        match (self.op, wanted) {
            (Operator::Equal, true) | (Operator::NotEqual, false) => value,
            (Operator::Equal, false) | (Operator::NotEqual, true) => format!("other than {value}"),
            (Operator::Less, _) => format!("{not}< {value}"),
            (Operator::AtMost, _) => format!("{not}<= {value}"),
            (Operator::Greater, _) => format!("{not}> {value}"),
            (Operator::AtLeast, _) => format!("{not}>= {value}"),
            (Operator::In, true) | (Operator::NotIn, false) => format!("one of {value}"),
            (Operator::In, false) | (Operator::NotIn, true) => format!("none of {value}"),
            (Operator::Matches, _) => format!("{not}match {value}"),
            (Operator::Exists, _) if wanted == (self.value != Some(&Value::Bool(false))) => "given".to_owned(),
            (Operator::Exists, _) => "left out".to_owned(),
        }
    }

    /// What is wrong with the right-hand side.
    pub(super) fn problem(&self, at: &str) -> Option<Problem> {
        let Some(value) = self.value else {
            let missing = || Problem::new(at, "the key `value` is missing: what to compare with");
            return (self.op != Operator::Exists).then(missing);
        };
        let needs = match self.op {
            Operator::Equal | Operator::NotEqual => return None,
            Operator::Less | Operator::AtMost | Operator::Greater | Operator::AtLeast => {
                (!value.is_number() && !value.is_string()).then_some("a number or a string")
            }
            Operator::In | Operator::NotIn => {
                value.as_array().is_none_or(Vec::is_empty).then_some("an array that is not empty")
            }
            Operator::Matches => (!value.is_string()).then_some("a string, a glob"),
            Operator::Exists => (!value.is_boolean()).then_some("true or false"),
        }?;
        Some(Problem::new(pointer::join(at, "value"), format!("must be {needs} for this `op`")))
    }
}
