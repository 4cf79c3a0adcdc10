//! What the HTTP headers of MCP say, and whether it is what the body says (MCP 2026-07-28, transports).

use axum::http::{HeaderMap, HeaderName, header::ACCEPT};
use base64::{Engine, prelude::BASE64_STANDARD};
use rmcp::transport::common::http_header::{
    BASE64_HEADER_PREFIX, BASE64_HEADER_SUFFIX, EVENT_STREAM_MIME_TYPE, HEADER_MCP_METHOD, HEADER_MCP_NAME,
    HEADER_MCP_PROTOCOL_VERSION, JSON_MIME_TYPE,
};
use serde_json::Value;

use crate::{
    call::Batch,
    downstream::{RpcError, param_headers},
    gateway::{
        client::{MODERN, VERSIONS, said_version},
        message::{HEADER_MISMATCH, INVALID_REQUEST, Object, Request, rpc},
    },
};

/// The header by which programs that do not speak MCP name the calls that people are to be asked about together.
const BATCH: &str = "interlock-batch";

/// The calls that people are to be asked about together with this one, where the request names such.
///
/// # Errors
/// If it names them in a way that nothing can be named.
pub(super) fn batch(headers: &HeaderMap) -> Result<Option<Batch>, &'static str> {
    const WRONG: &str = "`Interlock-Batch` is `NAME;size=N`, once, with a size from 1 to 100.";
    let mut said = headers.get_all(BATCH).iter();
    let (Some(value), None) = (said.next(), said.next()) else {
        return if headers.contains_key(BATCH) { Err(WRONG) } else { Ok(None) };
    };
    let (name, size) = value.to_str().ok().and_then(|value| value.split_once(';')).ok_or(WRONG)?;
    let size = size.trim().strip_prefix("size=").and_then(|size| size.parse().ok()).ok_or(WRONG)?;
    Batch::new(name.trim(), size).map(Some).ok_or(WRONG)
}

/// Whether the request announces the modern era.
pub(super) fn is_modern(headers: &HeaderMap) -> bool {
    headers.get(HEADER_MCP_PROTOCOL_VERSION).is_some_and(|version| version == MODERN)
}

/// Whether a header, read as a list of media types, has this one.
pub(super) fn lists(headers: &HeaderMap, name: &HeaderName, media_type: &str) -> bool {
    media_types(headers, name).any(|entry| entry.eq_ignore_ascii_case(media_type))
}

/// Whether a client names event streams before JSON, and so would rather have a stream, even of one message.
pub(super) fn prefers_stream(headers: &HeaderMap) -> bool {
    let is = |entry: &str, media_type: &str| entry.eq_ignore_ascii_case(media_type);
    media_types(headers, &ACCEPT)
        .find(|entry| is(entry, EVENT_STREAM_MIME_TYPE) || is(entry, JSON_MIME_TYPE))
        .is_some_and(|first| is(first, EVENT_STREAM_MIME_TYPE))
}

fn media_types<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|entry| entry.split(';').next()).map(str::trim)
}

/// Checks the headers of a request that belongs to a session, or opens one with this revision.
///
/// # Errors
/// `-32600` for a revision that is not spoken here or, in `initialize`, is not that of the body; `-32020` for another
/// method than the body's.
pub(super) fn check_legacy(headers: &HeaderMap, request: &Request) -> Result<(), RpcError> {
    let opens = (request.method == "initialize").then(|| request.params.get("protocolVersion").and_then(Value::as_str));
    match (sole(headers, HEADER_MCP_PROTOCOL_VERSION)?, opens.flatten()) {
        (Some(version), Some(body)) if version != body => {
            return Err(rpc(INVALID_REQUEST, "the MCP-Protocol-Version header is not the body's `protocolVersion`"));
        }
        (Some(version), None) if !VERSIONS.contains(&version) => {
            return Err(rpc(INVALID_REQUEST, format!("unsupported MCP-Protocol-Version `{version}`")));
        }
        (Some(_) | None, _) => {}
    }
    match sole(headers, HEADER_MCP_METHOD)? {
        Some(method) if method != request.method => Err(mismatch(HEADER_MCP_METHOD)),
        Some(_) | None => Ok(()),
    }
}

/// Checks that the revision in the headers is the one that the request itself says it speaks, if it says one.
///
/// # Errors
/// `-32020` if it is another one, or none.
pub(super) fn check_version(headers: &HeaderMap, request: &Request) -> Result<(), RpcError> {
    match said_version(request) {
        Some(said) if sole(headers, HEADER_MCP_PROTOCOL_VERSION)? != Some(said) => {
            Err(mismatch(HEADER_MCP_PROTOCOL_VERSION))
        }
        Some(_) | None => Ok(()),
    }
}

/// Checks the headers of a request that stands for itself.
///
/// `tool` gives the definition of the tool that is to be called.
///
/// # Errors
/// `-32020` if a header is missing or does not say what the body says.
pub(super) fn check_modern(
    headers: &HeaderMap,
    request: &Request,
    tool: impl FnOnce(&str) -> Option<std::sync::Arc<Value>>,
) -> Result<(), RpcError> {
    if sole(headers, HEADER_MCP_METHOD)? != Some(&request.method) {
        return Err(mismatch(HEADER_MCP_METHOD));
    }
    let params = &request.params;
    let named = match request.method.as_str() {
        "tools/call" | "prompts/get" => params.get("name"),
        "resources/read" => params.get("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => params.get("taskId"),
        _ => None,
    };
    if let Some(name) = named.and_then(Value::as_str)
        && sole(headers, HEADER_MCP_NAME)?.and_then(decode).as_deref() != Some(name)
    {
        return Err(mismatch(HEADER_MCP_NAME));
    }
    if request.method == "tools/call"
        && let Some(tool) = params.get("name").and_then(Value::as_str).and_then(tool)
        && let Some(schema) = tool.get("inputSchema").and_then(Value::as_object)
    {
        check_params(headers, schema, params.get("arguments"))?;
    }
    Ok(())
}

/// Every argument that its schema marks with `x-mcp-header` must stand in a header too.
fn check_params(headers: &HeaderMap, schema: &Object, arguments: Option<&Value>) -> Result<(), RpcError> {
    for (header, meant) in param_headers(schema, arguments) {
        let said = sole(headers, &header)?;
        if said.is_some() != meant.is_some() || said.and_then(decode) != meant {
            return Err(mismatch(&header));
        }
    }
    Ok(())
}

/// A header's value as it was before it was made fit for a header.
fn decode(value: &str) -> Option<String> {
    match value.strip_prefix(BASE64_HEADER_PREFIX).and_then(|value| value.strip_suffix(BASE64_HEADER_SUFFIX)) {
        Some(encoded) => String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok(),
        None => Some(value.to_owned()),
    }
}

/// The value of a header that may stand there once. Twice is refused even if the same: something in between may have
/// read the other one.
fn sole<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, RpcError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| mismatch(name)),
        (Some(_), Some(_)) => Err(rpc(HEADER_MISMATCH, format!("the header {name} stands there twice"))),
    }
}

fn mismatch(name: &str) -> RpcError {
    rpc(HEADER_MISMATCH, format!("the header {name} is missing, or does not say what the body says"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn check(headers: &[(&str, &str)]) -> bool {
        let Value::Object(params) = json!({"name": "näme", "arguments": {"a": {"region": "eu"}, "n": 7}}) else {
            unreachable!()
        };
        let request = Request { id: json!(1), method: "tools/call".to_owned(), params };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        let tool = json!({"inputSchema": {"properties": {
            "a": {"properties": {"region": {"x-mcp-header": "Region"}}},
            "n": {"x-mcp-header": "N"},
            "absent": {"x-mcp-header": "Absent"},
        }}});
        check_modern(&map, &request, |_| Some(Arc::new(tool))).is_ok()
    }

    #[test]
    fn headers_must_say_what_the_body_says() {
        let right = [
            ("mcp-method", "tools/call"),
            ("mcp-name", "=?base64?bsOkbWU=?="),
            ("mcp-param-region", "eu"),
            ("mcp-param-n", "7"),
        ];
        assert!(check(&right));
        for left_out in 0..right.len() {
            let some: Vec<_> = right.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, it)| *it).collect();
            assert!(!check(&some), "without {}", right[left_out].0);
        }
        assert!(!check(&[right.as_slice(), &[("mcp-param-absent", "x")]].concat()));
        assert!(!check(&[right.as_slice(), &[("mcp-method", "tools/call")]].concat()), "twice");
    }
}
