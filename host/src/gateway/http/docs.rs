//! The page `/docs`: what `/openapi.json` says, for people. No scripts, and nothing from elsewhere.

use std::sync::LazyLock;

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Door, openapi};
use crate::call::Caller;

const STYLE: &str = include_str!("docs.css");
/// How deep a made-up body goes.
const DEEPEST: u32 = 6;

/// Nothing may be loaded or run but the one style.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// Gives the page out.
pub(super) async fn docs(State(door): State<Door>, request: Request) -> Response {
    let document = openapi::document(&door, request.extensions().get::<Caller>());
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let mut response = openapi::private(Html(page(&document, host).into_string()).into_response());
    let mut put = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    put(header::CONTENT_SECURITY_POLICY, &POLICY);
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(header::REFERRER_POLICY, "no-referrer");
    response
}

fn page(document: &Value, host: &str) -> Markup {
    let operations = || operations(document);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Interlock: REST" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Interlock " small { (text(document, "/info/version")) } }
                p { (text(document, "/info/description")) }
                p { "For programs: " a href="/openapi.json" { "openapi.json" } " (OpenAPI 3.1)." }
                table {
                    @for (method, path, operation) in operations() {
                        tr {
                            td { code { (method) } }
                            td { a href=(format!("#{}", text(operation, "/operationId"))) { (path) } }
                            td { (text(operation, "/summary")) }
                        }
                    }
                }
                @for (method, path, operation) in operations() {
                    (section(document, host, method, path, operation))
                }
            }
        }
    }
}

/// Every operation: its method, path and description.
fn operations(document: &Value) -> impl Iterator<Item = (String, &str, &Value)> {
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (method.to_uppercase(), path.as_str(), operation))
    })
}

fn section(document: &Value, host: &str, method: String, path: &str, operation: &Value) -> Markup {
    let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let body = operation.pointer("/requestBody/content/application~1json/schema");
    let responses = operation.get("responses").and_then(Value::as_object).into_iter().flatten();
    html! {
        section id=(text(operation, "/operationId")) {
            h2 { code { (method) " " (path) } }
            p { strong { (text(operation, "/summary")) } }
            @for line in text(operation, "/description").lines() { p { (line) } }
            pre { (curl(document, host, &method, path, operation)) }
            dl {
                @for parameter in parameters {
                    dt { code { (text(parameter, "/name")) } " in the " (text(parameter, "/in")) }
                    dd { (text(parameter, "/description")) }
                }
            }
            @if let Some(body) = body {
                details { summary { "Body" } pre { (format!("{:#}", resolved(document, body))) } }
            }
            table {
                @for (status, response) in responses {
                    tr { td { code { (status) } } td { (text(response, "/description")) } }
                }
            }
        }
    }
}

/// A command line that does it, with what must be put in written in capitals or made up.
fn curl(document: &Value, host: &str, method: &str, path: &str, operation: &Value) -> String {
    let mut line = "curl".to_owned();
    let security = operation.get("security").or(document.get("security"));
    if security.and_then(Value::as_array).is_some_and(|security| !security.is_empty()) {
        line.push_str(" -H 'X-API-Key: KEY'");
    }
    let path = path.replace(['{', '}'], "");
    let url = format!(" http://{host}{path}");
    match operation.pointer("/requestBody/content/application~1json/schema") {
        Some(schema) => {
            let body = made_up(document, schema, 0).to_string().replace('\'', r"'\''");
            line.push_str(&format!(" --json '{body}'{url}"));
        }
        None if method == "POST" => line.push_str(&format!(" -X POST{url}")),
        None => line.push_str(&url),
    }
    line
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A schema, or the one that it refers to.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
    target.and_then(|target| document.pointer(target)).unwrap_or(schema)
}

/// Something that this schema allows, as far as that can be seen at a glance: of objects, what must be there.
fn made_up(document: &Value, schema: &Value, depth: u32) -> Value {
    let schema = resolved(document, schema);
    let given =
        schema.pointer("/examples/0").or(schema.pointer("/enum/0")).or(schema.get("const")).or(schema.get("default"));
    if let Some(given) = given {
        return given.clone();
    }
    let kind = schema.get("type").and_then(|kind| kind.as_str().or(kind.get(0).and_then(Value::as_str)));
    match kind {
        Some("object") => {
            let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
            let fields = required.filter_map(Value::as_str).filter(|_| depth < DEEPEST).map(|name| {
                let property = schema.get("properties").and_then(|properties| properties.get(name));
                let value = property.map_or(Value::Null, |property| made_up(document, property, depth + 1));
                (name.to_owned(), value)
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Some("array") => json!([]),
        Some("string") => json!("…"),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(true),
        Some(_) | None => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_say_of_themselves_is_text_on_the_page_and_no_markup() {
        let evil = "</style><script>alert(1)</script>";
        let document = json!({"paths": {evil: {"post": {
            "operationId": evil, "summary": evil, "description": evil, "responses": {"200": {"description": evil}},
        }}}});
        let page = page(&document, evil).into_string();
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(1)"), "{page}");
    }

    #[test]
    fn an_example_has_what_must_be_there() {
        let document = json!({"components": {"a": {"type": "object", "required": ["n", "e", "o"], "properties": {
            "n": {"type": "integer", "minimum": 3}, "e": {"enum": ["x", "y"]}, "more": {"type": "string"},
            "o": {"$ref": "#/components/a"},
        }}}});
        let made = made_up(&document, &json!({"$ref": "#/components/a"}), DEEPEST - 1);
        assert_eq!(made, json!({"n": 3, "e": "x", "o": {}}));
    }
}
