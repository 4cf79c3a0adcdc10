//! Settings and tool arguments: a schema derived from the Rust type, and everything that does not fit it.
//!
//! The schema is checked first, by [`check`], as serde stops at the first mistake and an operator wants all of them. So
//! whatever a type can say in its schema (`#[schemars(range(min = 1))]`, `length(min = 1)`, a `format` of
//! [`formats`](self::formats)) is reported with its JSON Pointer without further code.

pub mod formats;
mod nearest;
mod text_or;
mod walk;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use text_or::TextOr;

use crate::Problem;

/// The JSON Schema (2020-12) of what a type is read from.
pub fn schema<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value()
}

/// The JSON Schema (2020-12) of what a type is written as, for a tool's answer.
pub fn output_schema<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>().to_value()
}

/// Reads JSON text as a `T`.
///
/// # Errors
/// Every place where the text does not fit the schema of `T`; never an empty list.
pub fn read<T: DeserializeOwned + JsonSchema>(text: &str) -> Result<T, Vec<Problem>> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| vec![Problem::new("", format!("is not JSON: {error}"))])?;
    let problems = check(&schema::<T>(), &value);
    if !problems.is_empty() {
        return Err(problems);
    }
    // Only what a hand-written `Deserialize` checks beyond its schema can still go wrong here.
    serde_json::from_value(value).map_err(|error| vec![Problem::new("", error.to_string())])
}

/// Every place where a value does not fit a schema, in the order of the value.
///
/// Knows what schemars writes for serde types: `type`, `properties`, `required`, `additionalProperties`, `items`,
/// `enum`, `const`, `anyOf`, `oneOf`, `allOf`, `$ref` into `$defs`, the limits of numbers and lengths, and
/// [`formats`]. Other keywords are not looked at.
pub fn check(schema: &Value, value: &Value) -> Vec<Problem> {
    walk::Walk::new(schema).check(value)
}

#[cfg(test)]
mod tests;
