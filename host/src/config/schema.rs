//! The JSON Schema (2020-12) of the configuration file, for editors: made from what the parser checks by.

use serde_json::{Map, Value, json};

use super::{
    sections::FILE,
    shape::{Key, Shape},
};

/// The schema of `interlock.json`.
pub fn schema() -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Interlock configuration",
        // Not of the standard: tells editors that the file may have comments and trailing commas.
        "allowTrailingCommas": true,
    });
    merge(&mut schema, of(&FILE));
    schema
}

fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!({"type": "string"}),
        Shape::Word(words) => json!({"enum": words}),
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Shape::List(inner) => json!({"type": "array", "items": of(inner)}),
        Shape::Names(inner) => json!({"type": "object", "additionalProperties": of(inner)}),
        Shape::Table(keys) => table(keys),
        Shape::OneOf(choice, keys) => {
            let choice: Vec<Value> = choice.iter().map(|key| json!({"required": [key]})).collect();
            let mut schema = table(keys);
            merge(&mut schema, json!({"oneOf": choice}));
            schema
        }
        Shape::Unless(key, inner) => {
            let skipped = json!({"type": "object", "properties": {*key: {"const": true}}, "required": [key]});
            json!({"if": skipped, "else": of(inner)})
        }
        Shape::Either(first, second) => json!({"anyOf": [of(first), of(second)]}),
        Shape::OrNull(inner) => json!({"anyOf": [of(inner), {"type": "null"}]}),
        Shape::Object => json!({"type": "object"}),
        Shape::Ignored(reason) => json!({"description": format!("Read over: {reason}.")}),
        Shape::Absent(_) => json!({"enum": [null, false, "", [], {}]}),
    }
}

fn table(keys: &[Key]) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| {
            let mut schema = of(&key.shape);
            if !key.about.is_empty() {
                merge(&mut schema, json!({"description": key.about}));
            }
            (key.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn merge(schema: &mut Value, more: Value) {
    if let (Value::Object(schema), Value::Object(more)) = (schema, more) {
        schema.extend(more);
    }
}
