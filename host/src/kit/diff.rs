//! What changes when one component takes the place of another.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::inspect::Inspection;

/// The differences of a new component from an old one. What is the same in both is not told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Names before and after.
    pub name: Option<(String, String)>,
    /// Versions before and after.
    pub version: Option<(String, String)>,
    /// Generations of the plugin interface before and after.
    pub generation: Option<(String, String)>,
    /// Interfaces that come and go, by what they are for.
    pub exports: Set,
    /// What it can do from now on, and no longer.
    pub capabilities: Set,
    /// Codes of refusals.
    pub codes: Set,
    /// Keys of the settings.
    pub settings: Vec<SettingChange>,
}

/// What comes and goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    /// New.
    pub added: Vec<String>,
    /// Gone.
    pub removed: Vec<String>,
}

/// A key of the settings that is not as it was. In its pointer `*` stands for any item of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingChange {
    /// JSON Pointer to it.
    pub pointer: String,
    /// What it took before; none: it is new.
    pub before: Option<Value>,
    /// What it takes now; none: it is gone.
    pub after: Option<Value>,
}

impl Changes {
    /// Whether nothing changes but, perhaps, what it computes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What changes from one component to the other.
pub fn changes(old: &Inspection, new: &Inspection) -> Changes {
    let moved = |from: &str, to: &str| (from != to).then(|| (from.to_owned(), to.to_owned()));
    Changes {
        name: moved(&old.manifest.name, &new.manifest.name),
        version: moved(&old.manifest.version, &new.manifest.version),
        generation: moved(old.interfaces.generation, new.interfaces.generation),
        exports: set(&old.interfaces.exports, &new.interfaces.exports),
        capabilities: set(&old.interfaces.imports, &new.interfaces.imports),
        codes: set(&old.manifest.codes, &new.manifest.codes),
        settings: settings(&old.manifest.settings_schema, &new.manifest.settings_schema),
    }
}

fn set(old: &[String], new: &[String]) -> Set {
    let (old, new): (BTreeSet<&String>, BTreeSet<&String>) = (old.iter().collect(), new.iter().collect());
    Set {
        added: new.difference(&old).map(ToString::to_string).collect(),
        removed: old.difference(&new).map(ToString::to_string).collect(),
    }
}

fn settings(old: &Value, new: &Value) -> Vec<SettingChange> {
    let (old, new) = (keys(old), keys(new));
    let pointers: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let change = |pointer: &String| {
        let (before, after) = (old.get(pointer).cloned(), new.get(pointer).cloned());
        (before != after).then(|| SettingChange { pointer: pointer.clone(), before, after })
    };
    pointers.into_iter().filter_map(change).collect()
}

/// Every key that a JSON Schema knows: what its value may be, without what lies below it and without descriptions.
fn keys(schema: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    walk(schema, schema, "", 0, &mut found);
    found
}

/// Schemas that refer to themselves end somewhere.
const DEEPEST: u32 = 12;

fn walk(root: &Value, schema: &Value, at: &str, depth: u32, found: &mut BTreeMap<String, Value>) {
    if depth > DEEPEST {
        return;
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        if let Some(target) = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) {
            walk(root, target, at, depth + 1, found);
        }
        return;
    }
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    for (key, value) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let pointer = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        let mut shape = shape(root, value, 0);
        if required.contains(&key.as_str()) {
            shape.insert("required".to_owned(), json!(true));
        }
        found.insert(pointer.clone(), Value::Object(shape));
        walk(root, value, &pointer, depth + 1, found);
    }
    if let Some(items) = schema.get("items") {
        walk(root, items, &format!("{at}/*"), depth + 1, found);
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        for one in schema.get(word).and_then(Value::as_array).into_iter().flatten() {
            walk(root, one, at, depth + 1, found);
        }
    }
}

/// What a schema says of a value itself.
fn shape(root: &Value, schema: &Value, depth: u32) -> Map<String, Value> {
    let referred = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
    if let Some(target) = referred.and_then(|pointer| root.pointer(pointer)).filter(|_| depth < DEEPEST) {
        return shape(root, target, depth + 1);
    }
    let below = ["properties", "items", "description", "title", "required", "$defs", "$schema", "$ref"];
    let inner = |value: &Value| match value {
        Value::Array(items) => {
            let each = items.iter().map(|item| match item.is_object() {
                true if depth < DEEPEST => Value::Object(shape(root, item, depth + 1)),
                _ => item.clone(),
            });
            each.collect()
        }
        other => other.clone(),
    };
    let said = schema.as_object().into_iter().flatten();
    said.filter(|(key, _)| !below.contains(&key.as_str())).map(|(key, value)| (key.clone(), inner(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_come_go_and_change_are_told_wherever_they_stand() {
        let old = json!({
            "properties": {"rules": {"type": "array", "items": {"$ref": "#/$defs/Rule"}}, "gone": {"type": "string"}},
            "$defs": {"Rule": {"type": "object", "required": ["a"], "properties": {
                "a": {"type": "string", "description": "as it was"}, "limit": {"type": "integer"}, "same": {"type": "boolean"}}}},
        });
        let new = json!({
            "properties": {"rules": {"type": "array", "items": {"type": "object", "required": ["a", "limit"], "properties": {
                "a": {"type": "string", "description": "in other words"}, "limit": {"type": "number"}, "same": {"type": "boolean"}}}},
                "come/slash": {"type": "null"}},
        });
        let told: Vec<(String, Option<Value>, Option<Value>)> =
            settings(&old, &new).into_iter().map(|change| (change.pointer, change.before, change.after)).collect();
        assert_eq!(
            told,
            [
                ("/come~1slash".to_owned(), None, Some(json!({"type": "null"}))),
                ("/gone".to_owned(), Some(json!({"type": "string"})), None),
                (
                    "/rules/*/limit".to_owned(),
                    Some(json!({"type": "integer"})),
                    Some(json!({"type": "number", "required": true}))
                ),
            ]
        );
    }

    #[test]
    fn a_schema_that_refers_to_itself_has_an_end() {
        let schema = json!({"$ref": "#/$defs/A", "$defs": {"A": {"properties": {"a": {"$ref": "#/$defs/A"}}}}});
        assert!(keys(&schema).len() < 20);
        assert_eq!(settings(&schema, &schema), []);
    }
}
