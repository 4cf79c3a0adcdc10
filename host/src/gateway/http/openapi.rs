//! What programs are told of REST here, in the words of OpenAPI 3.1: every path, every answer that can come, and each
//! tool with its own schemas. Answers' schemas are those of the types that are served.

mod responses;
mod tools;

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header::CACHE_CONTROL},
    response::Response,
};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use self::responses::Responses;
use super::{
    Door,
    problem::Problem,
    questions::{Confirmation, Questions},
    reply,
    rest::{Called, Health, Pending, Tools},
};
use crate::{
    call::Caller,
    gateway::{CallStatus, Question},
};

/// Gives the document out.
pub(super) async fn openapi(State(door): State<Door>, request: Request) -> Response {
    private(reply::json(StatusCode::OK, &document(&door, request.extensions().get::<Caller>())))
}

/// Marks what depends on who asks: nobody in between may keep it for others.
pub(super) fn private(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The document, as this caller may see it: which tools there are is for those who are known, where callers must be.
pub(super) fn document(door: &Door, caller: Option<&Caller>) -> Value {
    let shown = (caller.is_some() || !door.keys).then(|| door.gateway.inner.behind.tools());
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schemas =
        settings.with(|settings| settings.definitions_path = "/components/schemas".into()).into_generator();
    let mut paths = own(&mut schemas, door.keys);
    let mut components = schemas.take_definitions(true);
    for (number, tool) in shown.iter().flat_map(|tools| tools.iter()).enumerate() {
        let (path, operation) = tools::described(number, tool, door.keys, &mut components);
        paths.insert(path, json!({ "post": operation }));
    }
    let mut whole = Map::from_iter([("schemas".to_owned(), Value::Object(components))]);
    let mut security = Vec::new();
    if door.keys {
        security.extend([json!({ "ApiKey": [] }), json!({ "Bearer": [] })]);
        let schemes = json!({
            "ApiKey": { "type": "apiKey", "in": "header", "name": "X-API-Key" },
            "Bearer": { "type": "http", "scheme": "bearer" },
        });
        whole.insert("securitySchemes".to_owned(), schemes);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Interlock",
            "version": env!("CARGO_PKG_VERSION"),
            "description": about(door.keys, shown.is_some()),
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": whole,
        "security": security,
    })
}

fn about(keys: bool, shown: bool) -> String {
    let mut about =
        "Tools for programs that do not speak MCP: by the same line as MCP at `/mcp`, with the same policies \
                     and the same journal. Errors are problem documents (RFC 9457)."
            .to_owned();
    if keys {
        about.push_str(" Show one API key, as `X-API-Key: KEY` or `Authorization: Bearer KEY`.");
    }
    if !shown {
        about.push_str(" Which tools there are is told to those who show one.");
    }
    about
}

/// The paths that are there whatever tools there are.
fn own(schemas: &mut SchemaGenerator, keys: bool) -> Map<String, Value> {
    let mut paths = Map::new();
    let mut add =
        |path: &str, method: &str, operation: Value| paths.insert(path.to_owned(), json!({ method: operation }));
    let problem = reference::<Problem>(schemas);
    let ok = |schema| Responses::new(problem.clone(), keys).json("200", "It is so.", schema);
    let in_path = |name: &str, about: &str| {
        vec![
            json!({ "name": name, "in": "path", "required": true, "description": about, "schema": { "type": "string" } }),
        ]
    };

    add(
        "/health",
        "get",
        json!({
            "operationId": "health", "tags": ["interlock"], "summary": "Whether anybody is at home", "security": [],
            "responses": Responses::new(problem.clone(), false).json("200", "Somebody is.", reference::<Health>(schemas)).end(),
        }),
    );
    add(
        "/mcp/tools",
        "get",
        json!({
            "operationId": "tools", "tags": ["tools"], "summary": "Every tool, with its schemas and the rules that guard it",
            "responses": ok(reference::<Tools>(schemas)).end(),
        }),
    );
    let mut by_name = in_path("server", "The server's name.");
    by_name.extend(in_path("tool", "The tool's name."));
    by_name.extend(tools::headers());
    add(
        "/tools/{server}/{tool}",
        "post",
        json!({
            "operationId": "call", "tags": ["tools"], "summary": "Calls a tool",
            "description": "By the name that policies and the journal have for it. Each tool has a path of its own as well, by \
                            the name that `GET /mcp/tools` tells. With `Interlock-Batch: NAME;size=N` \
                            people are asked about N calls together, all or none.",
            "parameters": by_name,
            "requestBody": { "description": "The tool's arguments.", "content": { "application/json": {
                "schema": { "type": "object" } } } },
            "responses": tools::responses(reference::<Called>(schemas), reference::<Pending>(schemas), problem.clone(), keys),
        }),
    );
    add(
        "/calls/{call}",
        "get",
        json!({
            "operationId": "call_status", "tags": ["calls"], "summary": "What became of a call of your own",
            "parameters": in_path("call", "The call's id, as every answer to a call has it."),
            "responses": ok(reference::<CallStatus>(schemas)).not_found().unavailable().end(),
        }),
    );
    add(
        "/approvals",
        "get",
        json!({
            "operationId": "approvals", "tags": ["approvals"], "summary": "The open questions that you asked, or may answer",
            "responses": ok(reference::<Questions>(schemas)).unavailable().end(),
        }),
    );
    add(
        "/approvals/{approval_id}",
        "get",
        json!({
            "operationId": "approval", "tags": ["approvals"], "summary": "One question, open or not",
            "parameters": in_path("approval_id", "The question's id."),
            "responses": ok(reference::<Question>(schemas)).not_found().unavailable().end(),
        }),
    );
    let confirmation = reference::<Confirmation>(schemas);
    add(
        "/confirm/{approval_id}",
        "post",
        json!({
            "operationId": "confirm", "tags": ["approvals"], "summary": "Answers a question",
            "description": "For callers who are known, hold one of the question's roles, and did not make the call themselves.",
            "parameters": in_path("approval_id", "The question's id."),
            "requestBody": { "required": true, "content": { "application/json": { "schema": confirmation } } },
            "responses": ok(reference::<Question>(schemas)).not_found().unavailable().with_body()
                .problem("409", "It is not open any more, or you have answered it before.").end(),
        }),
    );
    add(
        "/openapi.json",
        "get",
        json!({
            "operationId": "openapi", "tags": ["interlock"], "summary": "This document", "security": optional(keys),
            "responses": ok(json!({ "type": "object" })).end(),
        }),
    );
    add(
        "/docs",
        "get",
        json!({
            "operationId": "docs", "tags": ["interlock"], "summary": "The same, as a page for people",
            "security": optional(keys),
            "responses": Responses::new(problem, keys).page("200", "The page.").end(),
        }),
    );
    paths
}

/// A credential that may be left out.
fn optional(keys: bool) -> Value {
    if keys { json!([{}, { "ApiKey": [] }, { "Bearer": [] }]) } else { json!([]) }
}

/// A reference to a type's schema, which the document then has.
fn reference<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    schemas.subschema_for::<T>().to_value()
}
