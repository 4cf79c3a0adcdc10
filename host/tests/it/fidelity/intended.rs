//! What a client behind Interlock gets otherwise than it would get from the server itself: all of it stands here.

use super::{
    json::Json,
    peer::{Era, Request},
};

/// Names of tools and prompts have their server's prefix.
pub(super) const PREFIX: &str = "odd__";

/// Results that clients of the newer era may keep for a while.
const CACHEABLE: [&str; 5] =
    ["tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read"];

/// Stands for a state that Interlock has sealed.
const SEALED: &str = "sealed";

/// An answer that came through Interlock, without what is different each time.
pub(super) fn unsealed(mut answer: Json) -> Json {
    if let Some(Json::Text(state)) = answer.get("result").and_then(|result| result.get("requestState"))
        && state.len() > SEALED.len()
    {
        answer.at("result").put("requestState", SEALED.into());
    }
    answer
}

/// The request to make behind Interlock instead of this one.
pub(super) fn request(request: &Request) -> Request {
    let Request { method, mut params } = request.clone();
    let named = match method.as_str() {
        "tools/call" | "prompts/get" => Some(&mut params),
        "completion/complete" => Some(params.at("ref")),
        _ => None,
    };
    if let Some(named) = named
        && let Some(name) = named.get("name").map(|name| format!("{PREFIX}{}", name.text()))
    {
        named.put("name", name.as_str().into());
    }
    Request { method, params }
}

/// What a client is told of capabilities, where the server itself says these.
pub(super) fn capabilities(mut capabilities: Json) -> Json {
    // The list of tools is Interlock's own, and may change.
    capabilities.put("tools", Json::read(r#"{"listChanged":true}"#));
    capabilities
}

/// What arrives of parameters that a client of one era sends to a server of another, in the one order in which all
/// parameters are compared.
pub(super) fn received(mut params: Json, (client, server): (Era, Era)) -> Json {
    let mut received = Json::read("{}");
    for key in ["name", "arguments"] {
        if let Some(value) = params.take(key) {
            received.put(key, value);
        }
    }
    if received.get("name").is_some() && received.get("arguments").is_none() {
        // A call without arguments is a call with none.
        received.at("arguments");
    }
    let mut meta = params.take("_meta").unwrap_or_else(|| Json::read("{}"));
    params.members().iter().for_each(|(key, value)| received.put(key, value.clone()));
    // Interlock's own affair with either side: tokens, the session, and who is there.
    for key in ["progressToken", "interlock/session", "io.modelcontextprotocol/clientInfo"] {
        meta.take(key);
    }
    let mut meta = meta.members().to_vec();
    if (client, server) != (Era::Modern, Era::Modern) {
        meta.retain(|(key, _)| !key.starts_with("io.modelcontextprotocol/"));
    }
    // Several write here.
    meta.sort_by(|(one, _), (two, _)| one.cmp(two));
    received.put("_meta", Json::Object(meta));
    received
}

/// The answer that a client of this era gets behind Interlock, where the server itself gives this one.
pub(super) fn answer(method: &str, mut answer: Json, client: Era) -> Json {
    match (answer.take("result"), answer.take("error")) {
        (Some(result), None) => answer.put("result", self::result(method, result, client)),
        (None, Some(mut error)) => {
            // Since 2026-07-28 a resource that is not there is a wrong parameter; before, it had a code of its own.
            if client == Era::Modern && error.get("code") == Some(&Json::read("-32002")) {
                error.put("code", Json::read("-32602"));
            }
            answer.put("error", error);
        }
        both => panic!("{both:?}"),
    }
    answer
}

fn result(method: &str, mut result: Json, client: Era) -> Json {
    match method {
        "tools/list" => {
            // The list is Interlock's own: what a server says of its page beside the tools is not said of this one.
            let tools = result.take("tools").unwrap();
            result = Json::read("{}");
            result.put("tools", tools);
            result.at("tools").items_mut().iter_mut().for_each(|definition| tool(definition, client));
        }
        "prompts/list" => result.at("prompts").items_mut().iter_mut().for_each(prefix),
        _ => {}
    }
    let complete = result.get("resultType").is_none_or(|kind| *kind == "complete".into());
    if client == Era::Legacy {
        if complete {
            result.take("resultType");
        }
        return result;
    }
    if result.get("resultType").is_none() {
        result.put("resultType", "complete".into());
    }
    if complete && CACHEABLE.contains(&method) {
        if result.get("ttlMs").is_none() {
            result.put("ttlMs", Json::read("0"));
        }
        // What a caller may see is decided per caller.
        result.put("cacheScope", "private".into());
    }
    if result.get("resultType") == Some(&"input_required".into()) {
        // The server's own state is inside one of Interlock's.
        result.put("requestState", SEALED.into());
    }
    // Interlock says who answers.
    let version = env!("CARGO_PKG_VERSION");
    let own = format!(r#"{{"name":"interlock","title":"Interlock","version":"{version}"}}"#);
    result.at("_meta").put("io.modelcontextprotocol/serverInfo", Json::read(&own));
    result
}

fn prefix(named: &mut Json) {
    let name = format!("{PREFIX}{}", named.get("name").unwrap().text());
    named.put("name", name.as_str().into());
}

fn tool(tool: &mut Json, client: Era) {
    if tool.get("name") == Some(&"guarded".into()) {
        // The description of a tool that policies guard tells their rules.
        let description = format!("{}\nRequires {PREFIX}mirror first.", tool.get("description").unwrap().text());
        tool.put("description", description.as_str().into());
    }
    prefix(tool);
    if client == Era::Legacy
        && let Some(schema) = tool.take("outputSchema")
    {
        tool.put("outputSchema", with_room_for_refusals(&schema));
    }
}

/// Clients of the older era may hold a refusal against the tool's output schema.
fn with_room_for_refusals(schema: &Json) -> Json {
    let kept = ["$schema", "$id", "title", "description", "type", "properties", "$defs", "definitions"];
    let mut wide = schema.members().to_vec();
    wide.retain(|(key, _)| kept.contains(&key.as_str()));
    let mut wide = Json::Object(wide);
    let mut whole = schema.clone();
    whole.take("$schema");
    whole.take("$id");
    let refusal = Json::read(r#"{"properties":{"interlock":{"type":"object"}},"required":["interlock"]}"#);
    wide.put("anyOf", Json::Array(vec![whole, refusal]));
    wide
}
