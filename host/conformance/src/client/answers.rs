//! Values that fit a JSON Schema, as far as the suites' schemas go: for arguments, and for forms.

use serde_json::{Map, Value, json};

/// Arguments for a tool of this schema. What must be an object is a copy of `object`.
pub(crate) fn fitting(schema: &Value, object: Option<&Value>) -> Map<String, Value> {
    let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    properties.into_iter().map(|(name, property)| (name, value(&property, object))).collect()
}

/// A form filled in: the default of each field, where it has one.
pub(crate) fn accept(form: &Value) -> Value {
    let schema = form.get("requestedSchema").cloned().unwrap_or_default();
    json!({"action": "accept", "content": fitting(&schema, None)})
}

fn value(schema: &Value, object: Option<&Value>) -> Value {
    if let Some(default) = schema.get("default") {
        return default.clone();
    }
    if let Some(first) = schema.pointer("/enum/0") {
        return first.clone();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("number" | "integer") => json!(2),
        Some("boolean") => json!(true),
        Some("object") => object.cloned().unwrap_or_else(|| json!({})),
        Some("array") => json!([]),
        Some(_) | None => json!("some"),
    }
}
