//! What is broken, forged or far too large: nobody waits in vain for the answer to it, nothing of it gets any further,
//! and the next request is served as ever.

use interlock::gateway::Config;
use serde_json::{Value, json};

use super::{
    behind::House,
    http::{Served, read, request},
    wire::{Wire, modern},
};

/// Lists in lists, so many of them.
fn deep(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

/// Texts that are no messages, though a request can be made out in each: what they are, and their id.
fn unreadable() -> Vec<(&'static str, Vec<u8>, Value)> {
    let call = |arguments: &str, id: &str| {
        let name = r#""name":"echo""#;
        format!(r#"{{"method":"tools/call","params":{{{name},"arguments":{arguments}}},"jsonrpc":"2.0","id":{id}}}"#)
    };
    let huge = format!(r#"{{"x":"{}"}}"#, "y".repeat(5 << 20));
    let with = |before: &str, bytes: &[u8]| {
        let whole = call("\"AT\"", "\"last\"").replace("AT", before).into_bytes();
        let at = whole.windows(before.len()).position(|window| window == before.as_bytes()).unwrap();
        [&whole[..at], bytes, &whole[at + before.len()..]].concat()
    };
    vec![
        ("5 MiB, with the id at its end", call(&huge, "7").into_bytes(), json!(7)),
        ("10,000 levels deep", call(&format!(r#"{{"x":{}}}"#, deep(10_000)), "\"deep\"").into_bytes(), json!("deep")),
        ("not UTF-8", with("here", b"\xff\xfe\xc3\x28"), json!("last")),
        ("half a surrogate", with("here", br"\ud800"), json!("last")),
        ("a NUL byte", with("here", b"\0"), json!("last")),
        ("a line that breaks off", br#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"#.to_vec(), json!(3)),
        ("something behind it", [call("{}", "4").as_bytes(), b"}"].concat(), json!(4)),
        ("a number that is none", call(r#"{"x":01}"#, "5").into_bytes(), json!(5)),
    ]
}

#[tokio::test]
async fn a_line_that_cannot_be_read_is_answered_under_its_id() {
    let house = House::new();
    let mut wire = Wire::legacy(&house, json!({})).await;
    for (what, line, id) in unreadable() {
        wire.line(line).await;
        let answer = wire.next().await;
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&id, &json!(-32700)), "{what}");
        assert_eq!(wire.ask("ping", json!({})).await["result"], json!({}), "after {what}");
    }
}

#[tokio::test]
async fn so_is_a_body_over_http_or_refused_for_its_size() {
    let served = Served::new().await;
    for (what, body, id) in unreadable() {
        let post = served.http.post(&served.url).header("content-type", "application/json");
        let post = post.header("accept", "application/json, text/event-stream");
        let (status, answer) = read(post.body(body.clone()).send().await.unwrap()).await;
        if body.len() > 4 << 20 {
            assert_eq!(status, 413, "{what}");
        } else {
            assert_eq!(
                (status.as_u16(), &answer["id"], &answer["error"]["code"]),
                (400, &id, &json!(-32700)),
                "{what}"
            );
        }
    }
    let (status, _) = read(served.ask("tools/list", json!({}), &[]).await).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn an_answer_of_the_client_that_cannot_be_read_ends_the_question() {
    let house = House::with(Config { most_bytes: 10_000, ..Config::default() });
    let mut wire = Wire::legacy(&house, json!({"elicitation": {}})).await;
    for rest in [format!(r#""{}""#, "x".repeat(20_000)), deep(200), "broken".to_owned()] {
        wire.request(json!("call"), "tools/call", json!({"name": "ask"})).await;
        let question = wire.next().await;
        assert_eq!(question["method"], "elicitation/create");
        wire.line(format!(r#"{{"jsonrpc":"2.0","id":{},"result":{rest}}}"#, question["id"])).await;
        let answer = wire.next().await;
        assert_eq!(answer["id"], "call");
        assert_eq!(answer["result"]["structuredContent"]["answer"], json!({"error": -32700}));
    }
}

#[tokio::test]
async fn what_is_unusual_but_right_passes_unharmed() {
    let house = House::new();
    let mut wire = Wire::legacy(&house, json!({})).await;
    let nested: Value = serde_json::from_str(&deep(100)).unwrap();
    let arguments = json!({"nul": "a\u{0}b", "\u{0}": "\u{202e}\u{feff}\u{10ffff}", "": "", "nested": nested,
        "large": "z".repeat(3 << 20)});
    let answer = wire.ask("tools/call", json!({"name": "echo", "arguments": arguments})).await;
    assert_eq!(answer["result"]["structuredContent"], arguments);
}

/// serde_json with `raw_value` takes what is in such a text for JSON, and with `arbitrary_precision` for a number.
#[tokio::test]
async fn words_that_mean_something_to_the_parser_are_ordinary_data() {
    let arguments = json!({
        "raw": {"$serde_json::private::RawValue": "{\"a\":1}"},
        "number": {"$serde_json::private::Number": "1"},
    });
    let call = json!({"name": "echo", "arguments": arguments});
    let house = House::new();
    let mut wire = Wire::legacy(&house, json!({})).await;
    assert_eq!(wire.ask("tools/call", call.clone()).await["result"]["structuredContent"], arguments);
    let served = Served::new().await;
    let (_, answer) = read(served.ask("tools/call", call, &[]).await).await;
    assert_eq!(answer["result"]["structuredContent"], arguments);
}

/// A policy could look at the one value, and a header or a server at the other.
#[tokio::test]
async fn a_message_that_says_something_twice_is_refused() {
    let served = Served::new().await;
    let params = modern(json!({"name": "echo", "arguments": {"region": "REGION"}}));
    let body = request(1, "tools/call", params).to_string();
    for (region, expected) in
        [(r#""us""#, None), (r#""eu","region":"us""#, Some(-32600)), (r#""us","region":"us""#, Some(-32600))]
    {
        let headers = [
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "echo"),
            ("mcp-param-region", "us"),
        ];
        let post = served.post(&Value::Null, &headers).body(body.replace(r#""REGION""#, region));
        let (status, answer) = read(post.send().await.unwrap()).await;
        assert_eq!((&answer["id"], answer["error"]["code"].as_i64()), (&json!(1), expected), "{region}");
        assert_eq!(status.as_u16(), if expected.is_some() { 400 } else { 200 });
    }

    let house = House::new();
    let mut wire = Wire::legacy(&house, json!({})).await;
    wire.line(r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"who","name":"echo"}}"#).await;
    let answer = wire.next().await;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(2), &json!(-32600)));
    assert!(answer["error"]["message"].as_str().unwrap().contains("twice in one object: `name`"), "{answer}");
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_told() {
    let house = House::new();
    let mut wire = Wire::legacy(&house, json!({})).await;
    let call = |x: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"x":{x}}}}}"#);
    for (line, told) in [
        (call("1e400"), "number out of range at line 1 column 6"),
        (call(&deep(200)), "recursion limit exceeded"),
        (call("nothing"), "expected ident"),
    ] {
        wire.line(&line).await;
        let answer = wire.next().await;
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(1), &json!(-32700)));
        assert!(answer["error"]["message"].as_str().unwrap().contains(told), "{answer}");
    }
}

#[tokio::test]
async fn a_state_that_was_altered_replayed_or_moved_to_another_call_is_refused() {
    let served = Served::with_principals().await;
    let call = json!({"name": "continued"});
    let state = async || {
        let (_, asked) = read(served.ask("tools/call", call.clone(), &[("x-principal", "alice")]).await).await;
        asked["result"]["requestState"].as_str().unwrap().to_owned()
    };
    let come_back = async |mut params: Value, state: &str, principal: &'static str| {
        params["requestState"] = state.into();
        params["inputResponses"] = json!({"name": {"roots": []}});
        let (_, answer) = read(served.ask("tools/call", params, &[("x-principal", principal)]).await).await;
        answer["error"]["code"].as_i64()
    };
    let given = state().await;
    let refused = Some(-32602);
    for at in [0, given.len() / 2, given.len() - 1] {
        let mut altered = given.clone();
        let other = if given.as_bytes()[at] == b'A' { "B" } else { "A" };
        altered.replace_range(at..=at, other);
        assert_eq!(come_back(call.clone(), &altered, "alice").await, refused, "altered at {at}");
    }
    for forged in ["", "x", &given[..given.len() - 1], &format!("{given}A"), &"A".repeat(1 << 20)] {
        assert_eq!(come_back(call.clone(), forged, "alice").await, refused, "{forged:.40}");
    }
    assert_eq!(come_back(call.clone(), &given, "mallory").await, refused, "another principal's");
    let other = json!({"name": "continued", "arguments": {"more": 1}});
    assert_eq!(come_back(other, &given, "alice").await, refused, "for another call");
    assert_eq!(come_back(call.clone(), &given, "alice").await, None, "none of which has spent it");
    assert_eq!(come_back(call.clone(), &given, "alice").await, refused, "replayed");

    let elsewhere = Served::with_principals().await;
    let params = json!({"name": "continued", "requestState": state().await, "inputResponses": {}});
    let (_, answer) = read(elsewhere.ask("tools/call", params, &[("x-principal", "alice")]).await).await;
    assert_eq!(answer["error"]["code"], -32602, "given by another process");
}

#[tokio::test]
async fn a_stream_of_another_principal_cannot_be_read_on() {
    let served = Served::with_principals().await;
    let session = served.open(json!({}), &[("x-principal", "alice")]).await;
    let read_on = async |principal: &'static str| {
        let get = served.http.get(&served.url).header("accept", "text/event-stream");
        let get = get.header("mcp-session-id", &session).header("last-event-id", "1-0");
        get.header("x-principal", principal).send().await.unwrap().status().as_u16()
    };
    assert_eq!((read_on("mallory").await, read_on("alice").await), (404, 200));
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {}});
    for message in [cancel, answer] {
        let headers = [("mcp-session-id", session.as_str()), ("x-principal", "mallory")];
        assert_eq!(served.send(&message, &headers).await.0, 404, "{message}");
    }
}

#[tokio::test]
async fn hosts_and_origins_that_only_look_like_ours_do_not_get_in() {
    let served = Served::new().await;
    for (header, value, status) in [
        ("host", "localhost", 200),
        ("origin", "http://localhost:1", 200),
        ("host", "localhost.evil.example", 403),
        ("host", "127.0.0.1.evil.example", 403),
        ("host", "evil.example:7421", 403),
        ("host", "user@localhost", 400),
        ("host", "0.0.0.0", 403),
        ("host", "", 400),
        ("host", "a b", 400),
        ("origin", "http://localhost.evil.example", 403),
        ("origin", "http://evil.example#http://localhost", 403),
        ("origin", "http://localhost@evil.example", 403),
        ("origin", "file://", 403),
        ("origin", "", 403),
    ] {
        let got = served.ask("tools/list", json!({}), &[(header, value)]).await.status();
        assert_eq!(got.as_u16(), status, "{header}: {value}");
    }
}
