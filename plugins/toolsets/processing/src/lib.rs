//! The toolset `processing`: simulated tools that work on data, as the step that other rules guard.

#[cfg(test)]
mod tests;

use interlock_plugin::json::order;
use interlock_plugin::prelude::*;
use interlock_simulation::{Records, bad_argument, checksum, simulated_toolset};

const JOBS: Records = Records::new("job");

simulated_toolset!(
    Processing,
    "processing",
    "Simulated tools that process and transform data.",
    vec![
        Tool::new("process_data", Processing::process_data).title("Process data").description(
            "Runs a processing job over any JSON and says what it did. The entries of an array are records."
        ),
        Tool::new("transform_data", Processing::transform_data)
            .title("Transform data")
            .description("Gives back a changed copy of any JSON.")
            .hints(&["read_only", "idempotent"]),
    ]
);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ProcessData {
    /// Any JSON.
    data: Value,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TransformData {
    /// Any JSON.
    data: Value,
    /// What to do with it.
    operation: Operation,
}

/// A transformation.
#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Operation {
    /// All texts in upper case.
    Uppercase,
    /// All texts in lower case.
    Lowercase,
    /// All texts without white space around them.
    Trim,
    /// An array or a text back to front.
    Reverse,
    /// An array of numbers or of texts in rising order.
    Sort,
}

/// One job that was done.
#[derive(Deserialize, Serialize, JsonSchema)]
struct Job {
    /// Unique in this set.
    job_id: String,
    /// Always `processed`.
    status: String,
    /// How many records the data held.
    records: usize,
    /// Checksum of the data.
    checksum: String,
    /// When, in milliseconds since the epoch.
    processed_at_ms: u64,
}

/// What became of the data.
#[derive(Serialize, JsonSchema)]
struct Transformed {
    /// What was done.
    operation: Operation,
    /// The changed copy.
    result: Value,
}

impl Processing {
    fn process_data(&self, arguments: ProcessData, context: &Context<'_>) -> Result<Answer<Job>, ToolError> {
        let records = arguments.data.as_array().map_or(1, Vec::len);
        let job = JOBS.add(context, |job_id| Job {
            job_id,
            status: "processed".to_owned(),
            records,
            checksum: checksum(&arguments.data),
            processed_at_ms: context.received(),
        })?;
        Ok(Answer::new(format!("Processed {records} record(s) as {}.", job.job_id), job))
    }

    fn transform_data(&self, arguments: TransformData, _: &Context<'_>) -> Result<Answer<Transformed>, ToolError> {
        let operation = arguments.operation;
        let result = match operation {
            Operation::Uppercase => texts(arguments.data, &|text| text.to_uppercase()),
            Operation::Lowercase => texts(arguments.data, &|text| text.to_lowercase()),
            Operation::Trim => texts(arguments.data, &|text| text.trim().to_owned()),
            Operation::Reverse => reverse(arguments.data)?,
            Operation::Sort => sort(arguments.data)?,
        };
        Ok(Answer::new(result.to_string(), Transformed { operation, result }))
    }
}

/// Changes every text in a value; keys stay.
fn texts(value: Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(&text)),
        Value::Array(items) => items.into_iter().map(|item| texts(item, change)).collect(),
        Value::Object(members) => members.into_iter().map(|(key, member)| (key, texts(member, change))).collect(),
        other => other,
    }
}

fn reverse(value: Value) -> Result<Value, ToolError> {
    match value {
        Value::Array(items) => Ok(items.into_iter().rev().collect()),
        Value::String(text) => Ok(Value::String(text.chars().rev().collect())),
        _ => Err(bad_argument("data", "must be an array or a string, to be reversed")),
    }
}

fn sort(value: Value) -> Result<Value, ToolError> {
    let unfit = || bad_argument("data", "must be an array of numbers or of strings, to be sorted");
    let Value::Array(mut items) = value else { return Err(unfit()) };
    // A sort needs an order between any two; with the first in order against itself and all others, there is one.
    if items.first().is_some_and(|first| items.iter().any(|item| order(first, item).is_none())) {
        return Err(unfit());
    }
    items.sort_by(|left, right| order(left, right).unwrap_or(std::cmp::Ordering::Equal));
    Ok(Value::Array(items))
}
