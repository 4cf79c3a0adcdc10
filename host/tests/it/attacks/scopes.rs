//! Tokens that are good, and not for this: what a call takes is told at once, by what would be carried out.

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::{Gate, challenge};

fn scopes() -> Value {
    json!({
        "required_scopes": ["mcp"],
        "scopes": [{"tools": ["ci/*"], "scopes": ["ci:run"]}, {"tools": ["ci/run_*"], "scopes": ["ci:tests", "ci:run"]}],
        "implied_scopes": {"ci:admin": ["ci:run", "ci:tests"]},
    })
}

/// A request, its token's scopes, and the scopes that are demanded of it; none: it goes through.
type Case<'a> = (&'static str, RequestBuilder, Option<&'a str>);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_without_its_scopes_is_told_all_of_them_at_once() {
    let gate = Gate::with(scopes(), json!({})).await;
    let with = |scope: &str| gate.issuer.token("ann", json!({"scope": scope}));
    let unknown = gate.call().send().await.unwrap();
    assert!(challenge(&unknown).contains(r#"scope="mcp""#), "{}", challenge(&unknown));
    let metadata = reqwest::get(gate.url("/.well-known/oauth-protected-resource/mcp")).await.unwrap();
    assert_eq!(metadata.json::<Value>().await.unwrap()["scopes_supported"], json!(["mcp"]));

    let rest = |path: &str| Client::new().post(gate.url(path)).json(&json!({"revision": "r1"}));
    let named = |name: &str| gate.call().header("mcp-name", name);
    let whole = "mcp ci:run ci:tests";
    let cases: Vec<Case<'_>> = vec![
        ("nothing", gate.call().bearer_auth(with("")), Some(whole)),
        ("the least", gate.call().bearer_auth(with("mcp")), Some(whole)),
        ("one of two", gate.call().bearer_auth(with("mcp ci:run")), Some(whole)),
        ("all but the least", gate.call().bearer_auth(with("ci:run ci:tests")), Some(whole)),
        ("letters that are others", gate.call().bearer_auth(with("MCP ci:run ci:tests")), Some(whole)),
        ("all", gate.call().bearer_auth(with("ci:tests mcp ci:run")), None),
        ("a broader one", gate.call().bearer_auth(with("mcp ci:admin")), None),
        ("another name in the header", named("harmless").bearer_auth(with("mcp")), Some(whole)),
        ("listing", Client::new().get(gate.url("/mcp/tools")).bearer_auth(with("mcp")), None),
        ("listing without the least", Client::new().get(gate.url("/mcp/tools")).bearer_auth(with("x")), Some("mcp")),
        ("a session", Client::new().delete(gate.url("/mcp")).bearer_auth(with("x")), Some("mcp")),
        ("by REST", rest("/tools/ci/run_tests").bearer_auth(with("mcp")), Some(whole)),
        ("by its other name", rest("/tools/ci__run_tests").bearer_auth(with("mcp")), Some(whole)),
        ("in other letters", rest("/tools/ci%2Frun_tests").bearer_auth(with("mcp")), Some(whole)),
        ("in still other letters", rest("/tools/ci/%72un_tests").bearer_auth(with("mcp")), Some(whole)),
        ("by REST with all", rest("/tools/ci/run_tests").bearer_auth(with(&format!("x {whole}"))), None),
    ];
    for (what, request, demanded) in cases {
        let answer = request.send().await.unwrap();
        let Some(demanded) = demanded else {
            assert_eq!(answer.status(), 200, "{what}: {}", answer.text().await.unwrap());
            continue;
        };
        assert_eq!(answer.status(), 403, "{what}");
        let expected = format!(
            "Bearer realm=\"interlock\", \
             resource_metadata=\"https://gate.example.com/.well-known/oauth-protected-resource/mcp\", \
             scope=\"{demanded}\", error=\"insufficient_scope\""
        );
        assert_eq!(challenge(&answer), expected, "{what}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    gate.served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_no_call_of_a_tool_is_told_what_is_wrong_with_it_as_ever() {
    let gate = Gate::with(scopes(), json!({})).await;
    let token = gate.issuer.token("ann", json!({"scope": "mcp"}));
    let post = |body: &'static str| {
        let request = Client::new().post(&gate.served.url).bearer_auth(&token).body(body);
        request.header("accept", "application/json, text/event-stream").header("content-type", "application/json")
    };
    for (body, status, part) in [
        ("{", 400, "-32700"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"ping"}"#, 400, "-32600"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"nowhere"}}"#, 400, "session"),
    ] {
        let answer = post(body).send().await.unwrap();
        let found = (answer.status().as_u16(), answer.text().await.unwrap());
        assert!(found.0 == status && found.1.to_lowercase().contains(part), "{body}: {found:?}");
    }
    gate.served.stop().await;
}
