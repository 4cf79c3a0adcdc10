//! Tool names in texts: policies say `server/tool`, a model reads the name that it can call.

use serde_json::{Value, json};

use crate::downstream::{Catalogue, Tool};

/// Puts exposed names in place of every `server/tool` that is a tool of the catalogue.
pub(super) fn for_model(catalogue: &Catalogue, text: &str) -> String {
    let mut said = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(in_name) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|c| !in_name(c)).unwrap_or(from.len()));
        said.push_str(before);
        said.push_str(&word_for_model(catalogue, word));
        rest = after;
    }
    said.push_str(rest);
    said
}

fn in_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')
}

fn word_for_model(catalogue: &Catalogue, word: &str) -> String {
    if !word.contains('/') {
        return word.to_owned();
    }
    // A full stop may belong to the sentence.
    let name = word.trim_end_matches('.');
    match catalogue.find(name) {
        Some((_, tool)) => format!("{}{}", tool.exposed, ".".repeat(word.len() - name.len())),
        None => word.to_owned(),
    }
}

/// A tool's definition as AI apps see it: its exposed name, and a line with its rules.
pub(super) fn exposed(catalogue: &Catalogue, tool: &Tool, rules: &[String]) -> Value {
    let mut definition = Value::clone(&tool.definition);
    if let Some(fields) = definition.as_object_mut() {
        fields.insert("name".to_owned(), json!(tool.exposed));
        if !rules.is_empty() {
            let rules = for_model(catalogue, &rules.join(" "));
            let description = match fields.get("description").and_then(Value::as_str) {
                Some(said) if !said.is_empty() => format!("{said}\n{rules}"),
                Some(_) | None => rules,
            };
            fields.insert("description".to_owned(), json!(description));
        }
    }
    definition
}
