//! What the rules of a policy say, read.

use interlock_language::{Ask, Denial, Obligation, UnlockBy};
use interlock_plugin::prelude::*;
use interlock_plugin::serde_json::{self, Map};
use interlock_plugin::{Code, Demand};

/// The code of a denial that names none.
pub(crate) const DENIED: &str = "denied";

/// What `deny` says: texts, or objects with `msg` and, if they like, `code` and `unlocks`; what else they have goes into
/// the refusal's details.
///
/// # Errors
/// It is something else.
pub(crate) fn denials(said: Value, call: &Call) -> Result<Vec<Denial>, String> {
    let each = |item: Value| {
        let mut members = members(item)?;
        let reason = text(&mut members)?.unwrap_or_else(|| format!("{} is denied.", call.tool));
        let code = match members.remove("code") {
            Some(Value::String(code)) => Code::parse(&code)?,
            Some(_) => return Err("a `code` is no text".to_owned()),
            None => Code::parse(DENIED)?,
        };
        let unlocks: Vec<UnlockBy> = members
            .remove("unlocks")
            .map(serde_json::from_value)
            .transpose()
            .map_err(|_| {
                "`unlocks` is no list of `{\"call\": \"server/tool\"}` and `{\"wait_seconds\": N}`".to_owned()
            })?
            .unwrap_or_default();
        Ok(Denial { code, reason, unlocks, details: members })
    };
    all(said)?.into_iter().map(each).collect()
}

/// What `ask` says: texts, or objects with `msg`, `roles`, `quorum`, `expire_minutes`, `self_approval`, `channel` and
/// `preview`, none of which must be there.
///
/// # Errors
/// It is something else.
pub(crate) fn obligations(said: Value) -> Result<Vec<Obligation>, String> {
    let each = |item: Value| {
        let mut members = members(item)?;
        let reason = text(&mut members)?;
        let ask: Ask = serde_json::from_value(Value::Object(members))
            .map_err(|_| "it says something that no question has, or of the wrong type".to_owned())?;
        if ask.quorum == 0 || ask.roles.as_ref().is_some_and(Vec::is_empty) {
            return Err("a `quorum` of 0, or no roles at all, is nobody".to_owned());
        }
        Ok(Obligation { demand: Demand::from(&ask), reason, preview: ask.preview })
    };
    all(said)?.into_iter().map(each).collect()
}

/// The members of a set, or the one thing that a rule without `contains` says by being true.
fn all(said: Value) -> Result<Vec<Value>, String> {
    match said {
        Value::Array(items) => Ok(items),
        Value::Bool(true) => Ok(vec![Value::Object(Map::new())]),
        Value::Bool(false) => Ok(Vec::new()),
        Value::Null | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Err("it is neither a set nor true or false".to_owned())
        }
    }
}

fn members(item: Value) -> Result<Map<String, Value>, String> {
    match item {
        Value::String(text) => Ok(Map::from_iter([("msg".to_owned(), Value::String(text))])),
        Value::Object(members) => Ok(members),
        _ => Err("a member is neither a text nor an object".to_owned()),
    }
}

fn text(members: &mut Map<String, Value>) -> Result<Option<String>, String> {
    match members.remove("msg") {
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err("a `msg` is no text".to_owned()),
        None => Ok(None),
    }
}
