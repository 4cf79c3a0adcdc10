//! Arguments that stand in HTTP headers too: those that a tool's schema marks with `x-mcp-header` (MCP 2026-07-28,
//! transports). For both doors. Pure.

use base64::{Engine, prelude::BASE64_STANDARD};
use rmcp::transport::common::http_header::{BASE64_HEADER_PREFIX, BASE64_HEADER_SUFFIX, HEADER_MCP_PARAM_PREFIX};
use serde_json::{Map, Value};

/// The headers that a tool's schema asks for, at any depth of `properties`, each with what these arguments have it say;
/// none: the argument is missing, or has no form that fits into a header.
pub fn param_headers(schema: &Map<String, Value>, arguments: Option<&Value>) -> Vec<(String, Option<String>)> {
    let mut headers = Vec::new();
    for (key, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let Some(schema) = schema.as_object() else { continue };
        let argument = arguments.and_then(|arguments| arguments.get(key));
        if let Some(name) = schema.get("x-mcp-header").and_then(Value::as_str).filter(|name| !name.is_empty()) {
            headers.push((format!("{HEADER_MCP_PARAM_PREFIX}{name}"), argument.and_then(plain)));
        }
        headers.extend(param_headers(schema, argument));
    }
    headers
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(bool) => Some(bool.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A text as it can stand in a header: itself, or as base64 with a mark around it.
pub(super) fn encode(text: &str) -> String {
    let blank = [' ', '\t'];
    let marked = text.starts_with(BASE64_HEADER_PREFIX) && text.ends_with(BASE64_HEADER_SUFFIX);
    if marked || text.starts_with(blank) || text.ends_with(blank) || !text.chars().all(|c| matches!(c, ' '..='~')) {
        format!("{BASE64_HEADER_PREFIX}{}{BASE64_HEADER_SUFFIX}", BASE64_STANDARD.encode(text))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_would_not_survive_in_a_header_is_encoded() {
        for plain in ["", "eu", "a b", "=?base64?x"] {
            assert_eq!(encode(plain), plain);
        }
        for (text, encoded) in
            [("näme", "bsOkbWU="), (" a", "IGE="), ("a\n", "YQo="), ("=?base64?YQ==?=", "PT9iYXNlNjQ/WVE9PT89")]
        {
            assert_eq!(encode(text), format!("=?base64?{encoded}?="));
        }
    }
}
