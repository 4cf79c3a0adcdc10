//! What the journal does not keep: in its place stands `{"redacted": "sha256:…"}`, which compares as equal to nothing.
//!
//! A policy that looks at such a place would take nothing for an answer. Whether it does is told by its text: by the keys
//! that it names, other than those of the call at hand, which is there as it is.

use interlock_plugin::json::is_redacted;
use interlock_plugin::prelude::*;

/// A key on the way to something redacted in these facts that a policy's text names.
pub(crate) fn looked_at(facts: &Value, text: &str) -> Option<String> {
    let mut found = None;
    walk(facts, &mut Vec::new(), &mut |path| {
        // The first is the name of the fact.
        let named = path.iter().skip(1).find(|key| !KEEPERS.contains(&key.as_str()) && names(text, key));
        found = found.take().or(named.cloned());
    });
    found
}

/// Keys under which all arguments and results stand: that a policy names them says nothing.
const KEEPERS: [&str; 5] = ["arguments", "result", "structured", "structuredContent", "content"];

/// Calls `each` with the keys that lead to every redacted value.
fn walk(value: &Value, path: &mut Vec<String>, each: &mut dyn FnMut(&[String])) {
    match value {
        gone if is_redacted(gone) => each(path),
        Value::Object(fields) => {
            for (key, field) in fields {
                path.push(key.clone());
                walk(field, path, each);
                path.pop();
            }
        }
        Value::Array(all) => all.iter().for_each(|one| walk(one, path, each)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether a text has a key as a member (`.key`) or as a text of its own (`"key"`), and not of the call at hand.
fn names(text: &str, key: &str) -> bool {
    text.match_indices(key).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + key.len()..]);
        let member = before.ends_with('.') && !after.starts_with(is_word);
        let quoted = ['"', '\'', '`'].iter().any(|quote| before.ends_with(*quote) && after.starts_with(*quote));
        (member || quoted) && !is_of_this_call(before)
    })
}

/// Whether the path that a text ends with begins at the call at hand.
fn is_of_this_call(before: &str) -> bool {
    let on_the_path = |letter: char| is_word(letter) || ".[]\"'`".contains(letter);
    let path = &before[before.trim_end_matches(on_the_path).len()..];
    path.match_indices("call.arguments").any(|(at, _)| !path[..at].ends_with(is_word))
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_names_what_is_redacted_as_a_member_or_as_a_text() {
        let gone = json!({ "redacted": format!("sha256:{}", "0".repeat(64)) });
        let facts = json!({
            "last": {"arguments": {"amount": gone, "to": "ann"}},
            "all": [{"result": {"structuredContent": {"card": {"number": gone}}}}],
        });
        for (text, named) in [
            ("history.last.arguments.amount == call.arguments.amount", Some("amount")),
            ("input.history.last.arguments[\"amount\"] < 5", Some("amount")),
            ("{'amount': amount} := past_call.arguments", Some("amount")),
            ("past_call.arguments.amount", Some("amount")),
            ("history.all[0].structured.card != null", Some("card")),
            ("history.all.exists(one, one.result.structuredContent.card.number == '1')", Some("card")),
            ("call.arguments.amount > 100 && history.last != null", None),
            ("input.call.arguments[\"amount\"] > 1; input.call.arguments.card.number", None),
            ("context.call.arguments.amount > 1", None),
            ("'The amount is too much.' history.last.arguments.amounts history.last.arguments.to", None),
        ] {
            assert_eq!(looked_at(&facts, text).as_deref(), named, "{text}");
        }
        assert_eq!(looked_at(&json!({"last": {"arguments": {"amount": 5}}}), "history.last.arguments.amount"), None);
    }
}
