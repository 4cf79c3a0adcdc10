//! The tools, as listed. Their names, and what they do, are laid down by the suites' scenarios.

use rmcp::{ErrorData, model::Tool};
use serde_json::{Map, Value, json};

/// A tool without arguments: its name, and its description.
const WITHOUT_ARGUMENTS: [(&str, &str); 30] = [
    // First, because some scenarios call the first tool of the list without arguments.
    ("test_simple_text", "Returns a line of text."),
    ("test_image_content", "Returns an image."),
    ("test_audio_content", "Returns a sound."),
    ("test_embedded_resource", "Returns a resource."),
    ("test_multiple_content_types", "Returns text, an image and a resource."),
    ("test_tool_with_logging", "Logs three times on its way."),
    ("test_tool_with_progress", "Tells its progress three times."),
    ("test_error_handling", "Fails."),
    ("test_reconnection", "Takes long enough for a client to lose its stream."),
    ("test_elicitation_sep1034_defaults", "Asks the user for a form with default values."),
    ("test_elicitation_sep1330_enums", "Asks the user for a form with every kind of choice."),
    ("test_missing_capability", "Needs a client that samples."),
    ("test_streaming_elicitation", "Asks the user for a form."),
    ("test_logging_tool", "Logs once, if the client wants to know."),
    ("test_trigger_tool_change", "Changes the list of tools."),
    ("test_trigger_prompt_change", "Changes the list of prompts."),
    ("test_input_required_result_elicitation", "Needs a name from the user."),
    ("test_input_required_result_sampling", "Needs an answer of the client's model."),
    ("test_input_required_result_list_roots", "Needs the client's roots."),
    ("test_input_required_result_request_state", "Needs a yes from the user, and its own state back."),
    ("test_input_required_result_multiple_inputs", "Needs three things at once."),
    ("test_input_required_result_multi_round", "Needs two things, one after the other."),
    ("test_input_required_result_tampered_state", "Needs its own state back as it was."),
    ("test_input_required_result_capabilities", "Needs whatever the client can give."),
    ("failing_job", "Fails, after a while; only as a task."),
    ("protocol_error_job", "Breaks down, after a while; as a task."),
    ("multi_input", "Needs two things from the user; as a task."),
    ("test_tool_with_task", "Needs a name, and then runs as a task."),
    ("json_schema_2020_12_tool", "Has a schema that uses much of JSON Schema."),
    ("test_temporary", "Comes and goes."),
];

/// The tool that is listed only while the list has been changed.
pub(crate) const TEMPORARY: &str = "test_temporary";

/// All tools, in a fixed order; with the temporary one or without.
pub(crate) fn tools(changed: bool) -> Result<Vec<Tool>, ErrorData> {
    let plain = WITHOUT_ARGUMENTS.into_iter().map(|(name, description)| {
        let schema = if name == "json_schema_2020_12_tool" { rich_schema() } else { json!({"type": "object"}) };
        (name, description, schema)
    });
    let all = plain.chain(with_arguments()).filter(|(name, ..)| changed || *name != TEMPORARY);
    all.map(|(name, description, schema)| {
        let schema: Map<String, Value> = from_json(schema)?;
        Ok(Tool::new(name, description, schema))
    })
    .collect()
}

fn with_arguments() -> [(&'static str, &'static str, Value); 6] {
    let text = |name: &str| json!({"type": "object", "properties": {name: {"type": "string"}}, "required": [name]});
    let seconds = json!({
        "type": "object",
        "properties": {"seconds": {"type": "number"}, "label": {"type": "string"}},
        "required": ["seconds"],
    });
    let routed = json!({
        "type": "object",
        "properties": {"region": {"type": "string", "x-mcp-header": "Region"}, "query": {"type": "string"}},
        "required": ["region", "query"],
    });
    [
        ("test_sampling", "Asks the client's model.", text("prompt")),
        ("test_elicitation", "Asks the user.", text("message")),
        ("test_routed_by_header", "Has an argument that is also a header.", routed),
        ("greet", "Greets somebody.", text("name")),
        ("slow_compute", "Takes its time; as a task, if the client knows tasks.", seconds),
        ("confirm_delete", "Needs a yes from the user; as a task.", text("filename")),
    ]
}

/// Keywords of JSON Schema 2020-12 that a list of tools must not lose.
fn rich_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
            },
        },
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": false,
    })
}

/// A complete result, written as JSON. rmcp takes the field out again for clients that do not know it.
pub(crate) fn result<T: serde::de::DeserializeOwned>(mut json: Value) -> Result<T, ErrorData> {
    if let Some(fields) = json.as_object_mut() {
        fields.insert("resultType".to_owned(), "complete".into());
    }
    from_json(json)
}

/// One of rmcp's types, written as the JSON that it stands for.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(json: Value) -> Result<T, ErrorData> {
    serde_json::from_value(json).map_err(|error| ErrorData::internal_error(error.to_string(), None))
}
