//! The toolset `validation`: simulated tools that tell whether data is fit to be worked on.

#[cfg(test)]
mod tests;

use interlock_plugin::prelude::*;
use interlock_plugin::serde_json::Map;
use interlock_plugin::settings;
use interlock_simulation::{bad_argument, simulated_toolset};

simulated_toolset!(
    Validation,
    "validation",
    "Simulated tools that tell whether data is valid.",
    vec![
        Tool::new("validate_data", Validation::validate_data)
            .title("Validate data")
            .description("Looks for null values, blank texts and emptiness in any JSON. Says where each of them is.")
            .hints(&["read_only", "idempotent"]),
        Tool::new("validate_schema", Validation::validate_schema)
            .title("Validate against a schema")
            .description(
                "Checks JSON against a JSON Schema: types, properties, required, items, enum, const, anyOf, oneOf, \
                 allOf, limits of numbers and lengths. No $ref."
            )
            .hints(&["read_only", "idempotent"]),
    ]
);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ValidateData {
    /// Any JSON.
    data: Value,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ValidateSchema {
    /// Any JSON.
    data: Value,
    /// A JSON Schema.
    schema: Map<String, Value>,
}

/// What was found.
#[derive(Serialize, JsonSchema)]
struct Report {
    /// Whether there are no issues.
    valid: bool,
    /// All that is wrong, in the order of the data.
    issues: Vec<Issue>,
}

/// One thing that is wrong.
#[derive(Serialize, JsonSchema)]
struct Issue {
    /// Where: a JSON Pointer into the data; empty for the whole.
    at: String,
    /// What.
    problem: String,
}

impl Validation {
    fn validate_data(&self, arguments: ValidateData, _: &Context<'_>) -> Result<Answer<Report>, ToolError> {
        let mut issues = Vec::new();
        inspect(&arguments.data, "", &mut issues);
        Ok(report(issues))
    }

    fn validate_schema(&self, arguments: ValidateSchema, _: &Context<'_>) -> Result<Answer<Report>, ToolError> {
        let schema = Value::Object(arguments.schema);
        // A reference may lead back to itself; following it would not end.
        if has_reference(&schema) {
            return Err(bad_argument("schema", "`$ref` is not supported"));
        }
        let problems = settings::check(&schema, &arguments.data);
        Ok(report(
            problems.into_iter().map(|problem| Issue { at: problem.pointer, problem: problem.message }).collect(),
        ))
    }
}

fn report(issues: Vec<Issue>) -> Answer<Report> {
    let text = match issues.as_slice() {
        [] => "The data is valid.".to_owned(),
        [first, ..] => {
            let place = if first.at.is_empty() { "the data" } else { &first.at };
            format!("The data is not valid: {} issue(s), the first at {place}: {}", issues.len(), first.problem)
        }
    };
    Answer::new(text, Report { valid: issues.is_empty(), issues })
}

fn inspect(value: &Value, at: &str, issues: &mut Vec<Issue>) {
    let mut issue = |problem: &str| issues.push(Issue { at: at.to_owned(), problem: problem.to_owned() });
    match value {
        Value::Null => issue("is null"),
        Value::String(text) if text.trim().is_empty() => issue("is blank"),
        Value::Array(items) if items.is_empty() && at.is_empty() => issue("is empty"),
        Value::Object(members) if members.is_empty() && at.is_empty() => issue("is empty"),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                inspect(item, &format!("{at}/{index}"), issues);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                inspect(member, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), issues);
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn has_reference(schema: &Value) -> bool {
    match schema {
        Value::Array(items) => items.iter().any(has_reference),
        Value::Object(members) => members.contains_key("$ref") || members.values().any(has_reference),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
