//! Tools as operations of their own, with the schemas that their servers gave them.

use serde_json::{Map, Value, json};

use super::responses::Responses;

/// Where a schema holds data, which is not touched.
const DATA: [&str; 4] = ["const", "default", "enum", "examples"];
/// Where it holds schemas by names of somebody's own.
const NAMES: [&str; 5] = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/// The path and the operation of one tool. Its schemas are put among the components.
pub(super) fn described(
    number: usize,
    tool: &Value,
    keys: bool,
    components: &mut Map<String, Value>,
) -> (String, Value) {
    let name = tool.get("name").and_then(Value::as_str).unwrap_or_default();
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
    let mut put = |what: &str, schema: &Value| {
        let own = format!("tool.{number}.{plain}.{what}");
        let mut schema = schema.clone();
        let root = format!("#/components/schemas/{own}");
        lead_to(&root, &mut schema);
        components.insert(own, schema);
        json!({ "$ref": root })
    };
    let input = tool.get("inputSchema").filter(|schema| schema.is_object());
    let required = input.and_then(|schema| schema.get("required")).and_then(Value::as_array);
    let required = required.is_some_and(|required| !required.is_empty());
    let input = input.map_or_else(|| json!({ "type": "object" }), |schema| put("input", schema));
    let output = tool.get("outputSchema").filter(|schema| schema.is_object()).map(|schema| put("output", schema));
    let called = match output {
        None => json!({ "$ref": "#/components/schemas/Called" }),
        // What a tool that failed says is in no schema.
        Some(output) => json!({ "allOf": [{ "$ref": "#/components/schemas/Called" }, { "properties": { "result": {
            "anyOf": [
                { "properties": { "isError": { "const": true } }, "required": ["isError"] },
                { "properties": { "structuredContent": output } },
            ] } } }] }),
    };
    let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let operation = json!({
        "operationId": format!("call_{number}_{plain}"),
        "tags": ["tools"],
        "summary": tool.get("title").and_then(Value::as_str).unwrap_or(name),
        "description": tool.get("description").and_then(Value::as_str).unwrap_or_default(),
        "parameters": headers(),
        "requestBody": { "required": required, "content": { "application/json": { "schema": input } } },
        "responses": responses(called, reference("Pending"), reference("Problem"), keys),
    });
    (format!("/tools/{}", in_path(name)), operation)
}

/// What can come of a call.
pub(super) fn responses(called: Value, pending: Value, problem: Value, keys: bool) -> Value {
    let of_call = json!({ "allOf": [problem, { "properties": {
        "call": { "type": "string", "description": "The call's id." },
        "refused": { "type": "array", "items": { "type": "object" },
            "description": "Every refusal: its policy, code, reason, and what would unlock it." },
    } }] });
    Responses::new(problem, keys)
        .json("200", "What the tool says; if it could not do it, `isError` is true in it.", called)
        .json("202", "People must agree first. Make the same call again when they have.", pending)
        .problem_of("403", "Policies refuse it, or you call by a name that is not served.", of_call.clone())
        .problem("404", "There is no such tool.")
        .with_body()
        .problem_of(
            "409",
            "The same `Idempotency-Key` was there before: with other arguments, or the call with it is still under way, or \
             nobody knows what became of it, or its result is not kept. `refused` has which, as a code.",
            of_call.clone(),
        )
        .problem_of("502", "The tool's server answered with an error of its own.", of_call.clone())
        .problem_of("504", "It was sent, and no answer came: it may have been carried out or not.", of_call)
        .later("503", "The tool's server, or the journal, is not available at the moment.")
        .header("200", "Idempotency-Replayed", "`true` where it is the answer of an earlier call.", json!({ "type": "string", "const": "true" }))
        .leading_to("200", "call_status", "call", "call")
        .leading_to("202", "call_status", "call", "call")
        .leading_to("202", "approval", "approval_id", "approval_id")
        .leading_to("202", "confirm", "approval_id", "approval_id")
        .end()
}

/// The headers that a call may have.
pub(super) fn headers() -> Vec<Value> {
    let header = |name: &str, about: &str, schema: Value| json!({ "name": name, "in": "header", "description": about, "schema": schema });
    vec![
        header(
            "Idempotency-Key",
            "What you call this piece of work. It is done once, however often you ask: later calls get its answer, marked by \
             `Idempotency-Replayed: true`.",
            json!({ "type": "string", "pattern": "^[!#-~]+$", "minLength": 1, "maxLength": 255 }),
        ),
        header(
            "Interlock-Session",
            "Whose doings hang together: policies look at the calls of one session. Without it, your current one.",
            json!({ "type": "string", "pattern": "^[!-~]([ -~]*[!-~])?$", "minLength": 1, "maxLength": 256 }),
        ),
    ]
}

/// A name as one segment of a path; braces have a meaning in OpenAPI.
fn in_path(name: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    name.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Makes a schema's references to itself lead to where it stands now.
fn lead_to(root: &str, schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            // They would make the references lead elsewhere.
            fields.retain(|key, value| !(["$id", "$schema"].contains(&key.as_str()) && value.is_string()));
            for (key, value) in fields.iter_mut() {
                match (key.as_str(), value) {
                    ("$ref" | "$dynamicRef", Value::String(target)) => {
                        if let Some(rest) = target.strip_prefix('#') {
                            *target = format!("{root}{rest}");
                        }
                    }
                    (key, Value::Object(named)) if NAMES.contains(&key) => {
                        named.values_mut().for_each(|schema| lead_to(root, schema));
                    }
                    (key, _) if DATA.contains(&key) => {}
                    (_, value) => lead_to(root, value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| lead_to(root, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schemas_references_to_itself_lead_to_where_it_stands() {
        let mut schema = json!({
            "$schema": "x", "$id": "y",
            "properties": {"a": {"$ref": "#/$defs/a"}, "b": {"$ref": "#"}, "default": {"$ref": "#"}, "$id": {}},
            "default": {"$ref": "#/data"}, "allOf": [{"$ref": "https://elsewhere.example/#/a"}],
        });
        lead_to("#/here", &mut schema);
        assert_eq!(
            schema,
            json!({
                "properties": {
                    "a": {"$ref": "#/here/$defs/a"}, "b": {"$ref": "#/here"}, "default": {"$ref": "#/here"}, "$id": {}},
                "default": {"$ref": "#/data"}, "allOf": [{"$ref": "https://elsewhere.example/#/a"}],
            })
        );
    }

    #[test]
    fn a_tools_name_is_one_segment_of_a_path() {
        assert_eq!(in_path("crm__find-1.0"), "crm__find-1.0");
        assert_eq!(in_path("a/{b} é"), "a%2F%7Bb%7D%20%C3%A9");
    }
}
