//! The door over HTTP, with hand-made requests.

use std::time::Duration;

use axum::extract::Request;
use interlock::{
    call::Caller,
    gateway::{Announcement, Config, router, serve_http},
};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use super::{
    behind::{House, Seen},
    wire::{modern, modern_as},
};

/// A door on a port of its own.
pub(super) struct Served {
    pub(super) house: House,
    pub(super) url: String,
    pub(super) http: reqwest::Client,
    serving: JoinHandle<()>,
}

impl Served {
    pub(super) async fn new() -> Self {
        Self::with(Config::default()).await
    }

    pub(super) async fn with(config: Config) -> Self {
        let house = House::with(config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let (gateway, desk) = (house.gateway.clone(), house.behind.clone());
        let serving = tokio::spawn(async move { serve_http(&gateway, None, desk, listener).await.unwrap() });
        Self { house, url, http: reqwest::Client::new(), serving }
    }

    /// A door behind a layer that takes the header `x-principal` at its word.
    pub(super) async fn with_principals() -> Self {
        let house = House::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let layer = axum::middleware::map_request(|mut request: Request| async {
            let principal = request.headers().get("x-principal").map(|it| it.to_str().unwrap().to_owned());
            if let Some(principal) = principal {
                request.extensions_mut().insert(Caller { principal, roles: Vec::new(), client: None });
            }
            request
        });
        let router = router(&house.gateway, None, house.behind.clone()).layer(layer);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { house, url, http: reqwest::Client::new(), serving }
    }

    pub(super) fn post(&self, body: &Value, headers: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let mut request = self
            .http
            .post(&self.url)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(body.to_string())
    }

    /// A request with these headers, and no others.
    fn post_only(&self, body: &Value, headers: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let mut request = self.http.post(&self.url).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(body.to_string())
    }

    pub(super) async fn send(&self, body: &Value, headers: &[(&str, &str)]) -> (StatusCode, Value) {
        read(self.post(body, headers).send().await.unwrap()).await
    }

    /// A modern request with the headers that belong to it.
    pub(super) async fn ask(&self, method: &str, params: Value, more: &[(&str, &str)]) -> Response {
        let name = params["name"].as_str().unwrap_or("-").to_owned();
        let body = request(1, method, modern(params));
        let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", method), ("mcp-name", &name)];
        self.post(&body, &[headers.as_slice(), more].concat()).send().await.unwrap()
    }

    /// Opens a session and says that it is open.
    pub(super) async fn open(&self, capabilities: Value, more: &[(&str, &str)]) -> String {
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": capabilities,
            "clientInfo": {"name": "raw", "version": "1"}});
        let response = self.post(&request(0, "initialize", params), more).send().await.unwrap();
        let session = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let headers = [[("mcp-session-id", session.as_str())].as_slice(), more].concat();
        assert_eq!(self.post(&initialized, &headers).send().await.unwrap().status(), 202);
        session
    }

    fn get(&self, session: &str) -> reqwest::RequestBuilder {
        self.http.get(&self.url).header("accept", "text/event-stream").header("mcp-session-id", session)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub(super) fn request(id: u64, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

pub(super) async fn read(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
}

/// Server-sent events, one after the other.
struct Events {
    response: Response,
    text: String,
}

impl Events {
    fn of(response: Response) -> Self {
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event's id and message; none at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
                };
                let found = (field("id:"), serde_json::from_str(&field("data:")).unwrap_or_default());
                self.text = rest.to_owned();
                return Some(found);
            }
            self.text += std::str::from_utf8(&self.response.chunk().await.unwrap()?).unwrap();
        }
    }

    async fn message(&mut self) -> Value {
        self.next().await.unwrap().1
    }
}

#[tokio::test]
async fn only_known_hosts_and_origins_get_in() {
    let served = Served::new().await;
    let ping = request(1, "ping", json!({}));
    for (header, value, status) in [
        ("host", "evil.example", 403),
        ("origin", "http://evil.example", 403),
        ("origin", "null", 403),
        // Let in, and told that there is no session.
        ("origin", "http://localhost:5173", 400),
        ("host", "localhost:1", 400),
    ] {
        assert_eq!(served.send(&ping, &[(header, value)]).await.0, status, "{header}: {value}");
    }
    let evil = served.get("any").header("host", "evil.example").send().await.unwrap();
    assert_eq!(evil.status(), 403);
}

#[tokio::test]
async fn a_body_must_be_json_acceptable_and_small() {
    let served = Served::with(Config { most_bytes: 1000, ..Config::default() }).await;
    let post = |body: &str| served.http.post(&served.url).body(body.to_owned());
    let json = ("content-type", "application/json");
    let both = ("accept", "application/json, text/event-stream");
    let status = |request: reqwest::RequestBuilder| async { request.send().await.unwrap().status() };
    assert_eq!(status(post("{}").header(json.0, json.1).header("accept", "application/json")).await, 406);
    assert_eq!(status(post("{}").header("content-type", "text/plain").header(both.0, both.1)).await, 415);
    assert_eq!(status(post(&"x".repeat(2000)).header(json.0, json.1).header(both.0, both.1)).await, 413);
    let (status, error) = read(post("{").header(json.0, json.1).header(both.0, both.1).send().await.unwrap()).await;
    assert_eq!((status.as_u16(), &error["error"]["code"]), (400, &json!(-32700)));
}

#[tokio::test]
async fn a_modern_call_is_one_post_and_nothing_is_lost() {
    let served = Served::new().await;
    let arguments = json!({"region": "eu", "b": [null, 1.5]});
    let params = json!({"name": "echo", "arguments": arguments});
    let response = served.ask("tools/call", params, &[("mcp-param-region", "eu")]).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    let (status, answer) = read(response).await;
    assert_eq!((status.as_u16(), &answer["result"]["resultType"]), (200, &json!("complete")));
    assert_eq!(answer["result"]["content"], json!([{"type": "hologram", "text": "hi", "extra": 1}]));
    assert_eq!(answer["result"]["structuredContent"], arguments);
    assert_eq!(answer["result"]["unheardOf"]["deep"][3], json!(18_446_744_073_709_551_615_u64));
}

#[tokio::test]
async fn headers_that_do_not_say_what_the_body_says_are_refused() {
    let served = Served::new().await;
    let params = || modern(json!({"name": "echo", "arguments": {"region": "eu"}}));
    let version = ("mcp-protocol-version", "2026-07-28");
    let (method, name, region) = (("mcp-method", "tools/call"), ("mcp-name", "echo"), ("mcp-param-region", "eu"));
    for (headers, status, code) in [
        (vec![version, method, name, region], 200, Value::Null),
        (vec![version, method, name, ("mcp-param-region", "us")], 400, json!(-32020)),
        (vec![version, method, name], 400, json!(-32020)),
        (vec![version, method, ("mcp-name", "who"), region], 400, json!(-32020)),
        (vec![version, ("mcp-method", "tools/list"), name, region], 400, json!(-32020)),
        (vec![method, name, region], 400, json!(-32020)),
        (vec![("mcp-protocol-version", "2025-11-25"), method, name, region], 400, json!(-32020)),
    ] {
        let (got, answer) = served.send(&request(1, "tools/call", params()), &headers).await;
        assert_eq!((got.as_u16(), &answer["error"]["code"]), (status, &code), "{headers:?}");
    }
}

#[tokio::test]
async fn a_request_about_a_task_names_it_in_a_header_too() {
    let served = Served::new().await;
    let tasks = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    let body = request(1, "tasks/get", modern_as(json!({"taskId": "t"}), tasks));
    for (name, status, code) in [("t", 200, Value::Null), ("u", 400, json!(-32020))] {
        let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tasks/get"), ("mcp-name", name)];
        let (got, answer) = served.send(&body, &headers).await;
        assert_eq!((got.as_u16(), &answer["error"]["code"]), (status, &code), "{name}");
    }
}

#[tokio::test]
async fn a_client_that_names_streams_first_gets_one_even_for_one_message() {
    let served = Served::new().await;
    let streams = ("accept", "text/event-stream, application/json");
    let modern_headers = [streams, ("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list")];
    let body = request(1, "tools/list", modern(json!({})));
    let mut events = Events::of(served.post_only(&body, &modern_headers).send().await.unwrap());
    assert_eq!(events.message().await["id"], 1);
    assert_eq!(events.next().await, None);
    let unknown = [streams, ("mcp-protocol-version", "2026-07-28"), ("mcp-method", "no/such")];
    let refused = served.post_only(&request(1, "no/such", modern(json!({}))), &unknown).send().await.unwrap();
    assert_eq!(read(refused).await.0, 404, "an error has a status of its own");

    let session = served.open(json!({}), &[]).await;
    let legacy_headers = [streams, ("mcp-session-id", session.as_str())];
    let response = served.post_only(&request(1, "ping", json!({})), &legacy_headers).send().await.unwrap();
    let text = response.text().await.unwrap();
    let (primer, message) = text.split_once("\n\n").unwrap();
    assert!(primer.starts_with("id: ") && primer.ends_with("\nretry: 1000\ndata:"), "{primer:?}");
    assert!(message.contains("\"result\":{}"), "{message:?}");
}

#[tokio::test]
async fn a_modern_error_has_the_status_that_goes_with_it() {
    let served = Served::new().await;
    let version = ("mcp-protocol-version", "2026-07-28");
    let (status, answer) = read(served.ask("no/such", json!({}), &[]).await).await;
    assert_eq!((status.as_u16(), &answer["error"]["code"]), (404, &json!(-32601)));
    let bare = request(1, "tools/list", json!({}));
    let (status, answer) = served.send(&bare, &[version, ("mcp-method", "tools/list")]).await;
    assert_eq!((status.as_u16(), &answer["error"]["code"]), (400, &json!(-32602)));
    let mut params = modern(json!({}));
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2099-01-01".into();
    let headers = [("mcp-protocol-version", "2099-01-01"), ("mcp-method", "tools/list")];
    let (status, answer) = served.send(&request(1, "tools/list", params), &headers).await;
    assert_eq!((status.as_u16(), &answer["error"]["code"]), (400, &json!(-32022)));
    let (status, answer) = served.send(&request(1, "tools/list", modern(json!({}))), &headers).await;
    assert_eq!((status.as_u16(), &answer["error"]["code"]), (400, &json!(-32020)), "the header is looked at first");
    let (status, answer) = read(served.ask("initialize", json!({}), &[]).await).await;
    assert_eq!((status.as_u16(), &answer["error"]["code"]), (404, &json!(-32601)));
    for method in ["GET", "DELETE"] {
        let request = served.http.request(method.parse().unwrap(), &served.url).header(version.0, version.1);
        assert_eq!(request.header("accept", "text/event-stream").send().await.unwrap().status(), 405, "{method}");
    }
}

#[tokio::test]
async fn a_modern_client_that_goes_away_calls_its_call_off() {
    let mut served = Served::new().await;
    let params = json!({"name": "wait", "_meta": {"progressToken": 1}});
    let mut events = Events::of(served.ask("tools/call", params, &[]).await);
    assert_eq!(events.message().await["method"], "notifications/progress");
    drop(events);
    assert_eq!(served.house.seen.recv().await, Some(Seen::CalledOff));
}

#[tokio::test]
async fn modern_calls_are_in_their_principals_current_session_unless_they_name_one() {
    let served = Served::with_principals().await;
    let session = async |principal: &str, meta: Value| {
        let params = json!({"name": "who", "_meta": meta});
        let (_, mut answer) = read(served.ask("tools/call", params, &[("x-principal", principal)]).await).await;
        assert_eq!(answer["result"]["structuredContent"]["caller"]["principal"], principal);
        answer["result"]["structuredContent"]["session"].take()
    };
    assert_eq!(session("alice", json!({})).await, "current of alice");
    assert_eq!(session("bob", json!({})).await, "current of bob");
    assert_eq!(session("alice", json!({"interlock/session": "mine"})).await, "mine");
}

#[tokio::test]
async fn anothers_state_is_refused() {
    let served = Served::with_principals().await;
    let params = json!({"name": "continued"});
    let (_, asked) = read(served.ask("tools/call", params.clone(), &[("x-principal", "alice")]).await).await;
    let mut retry = params;
    retry["requestState"] = asked["result"]["requestState"].clone();
    retry["inputResponses"] = json!({"name": {"roots": []}});
    let (_, stolen) = read(served.ask("tools/call", retry.clone(), &[("x-principal", "mallory")]).await).await;
    assert_eq!(stolen["error"]["code"], -32602);
    let (_, done) = read(served.ask("tools/call", retry, &[("x-principal", "alice")]).await).await;
    assert_eq!(done["result"]["structuredContent"]["state"], "the server's own ☃");
}

#[tokio::test]
async fn a_session_is_its_principals_and_ends_when_told() {
    let served = Served::with_principals().await;
    let session = served.open(json!({}), &[("x-principal", "alice")]).await;
    let list = request(1, "tools/list", json!({}));
    let with = |principal: &'static str| [("x-principal", principal), ("mcp-session-id", session.as_str())];
    let (status, answer) = served.send(&list, &with("alice")).await;
    assert_eq!((status.as_u16(), &answer["result"]["tools"][0]["name"]), (200, &json!("echo")));
    assert_eq!(served.send(&list, &with("mallory")).await.0, 404);
    assert_eq!(served.get(&session).header("x-principal", "mallory").send().await.unwrap().status(), 404);
    assert_eq!(served.send(&list, &[("x-principal", "alice")]).await.0, 400);
    assert_eq!(served.send(&list, &[("mcp-session-id", "none")]).await.0, 404);

    let delete = |principal: &'static str| {
        served.http.delete(&served.url).header("mcp-session-id", &session).header("x-principal", principal).send()
    };
    assert_eq!(delete("mallory").await.unwrap().status(), 404);
    assert_eq!(delete("alice").await.unwrap().status(), 204);
    assert_eq!(served.send(&list, &with("alice")).await.0, 404);
}

#[tokio::test]
async fn a_session_has_one_id_for_all_its_calls() {
    let served = Served::new().await;
    let session = served.open(json!({}), &[]).await;
    let who = request(1, "tools/call", json!({"name": "who"}));
    let (_, answer) = served.send(&who, &[("mcp-session-id", &session)]).await;
    assert_eq!(answer["result"]["structuredContent"]["session"], session.as_str());
    assert_eq!(answer["result"]["structuredContent"]["caller"]["client"], "raw");
}

#[tokio::test]
async fn a_broken_off_call_goes_on_and_its_answer_can_be_read_later() {
    let served = Served::new().await;
    let session = served.open(json!({"elicitation": {}}), &[]).await;
    let headers = [("mcp-session-id", session.as_str())];
    let call = request(7, "tools/call", json!({"name": "ask"}));
    let mut events = Events::of(served.post(&call, &headers).send().await.unwrap());
    let (primer, nothing) = events.next().await.unwrap();
    assert_eq!((primer.is_empty(), nothing), (false, Value::Null));
    let (last, question) = events.next().await.unwrap();
    assert_eq!(question["method"], "elicitation/create");
    drop(events);

    let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "decline"}});
    assert_eq!(served.send(&answer, &headers).await.0, 202);
    let rest = |last: &str| served.get(&session).header("last-event-id", last).send();
    let mut events = Events::of(rest(&last).await.unwrap());
    let answer = events.message().await;
    assert_eq!(
        (&answer["id"], &answer["result"]["structuredContent"]["answer"]["action"]),
        (&json!(7), &json!("decline"))
    );
    assert!(events.next().await.is_none());
    // From the beginning, too; and an unknown place is an empty stream.
    let mut events = Events::of(rest(&primer).await.unwrap());
    assert_eq!(events.message().await["method"], "elicitation/create");
    assert!(Events::of(rest("99-0").await.unwrap()).next().await.is_none());
}

#[tokio::test]
async fn a_client_that_comes_back_at_any_place_gets_every_message_once() {
    let served = Served::new().await;
    let session = served.open(json!({}), &[]).await;
    let headers = [("mcp-session-id", session.as_str())];
    let call = |id| request(id, "tools/call", json!({"name": "steps", "_meta": {"progressToken": "t"}}));
    let hear = async |events: &mut Events, most: usize| {
        let (mut heard, mut last) = (Vec::new(), String::new());
        while heard.len() < most
            && let Some((id, message)) = events.next().await
        {
            last = id;
            heard.extend(Some(message).filter(|message| !message.is_null()));
        }
        (heard, last)
    };
    let mut whole = Events::of(served.post(&call(0), &headers).send().await.unwrap());
    let (whole, _) = hear(&mut whole, usize::MAX).await;
    let kinds: Vec<_> = whole.iter().map(|message| message["method"].as_str().unwrap_or("answer")).collect();
    let (progress, log) = ("notifications/progress", "notifications/message");
    assert_eq!(kinds, [progress, progress, progress, log, log, "answer"]);
    for place in 1..whole.len() {
        let mut events = Events::of(served.post(&call(0), &headers).send().await.unwrap());
        let (mut heard, last) = hear(&mut events, place).await;
        drop(events);
        let mut rest = Events::of(served.get(&session).header("last-event-id", last).send().await.unwrap());
        heard.extend(hear(&mut rest, usize::MAX).await.0);
        assert_eq!(heard, whole, "broken off after {place}");
    }
}

#[tokio::test]
async fn answers_wait_for_a_client_who_is_away_whatever_others_ask_meanwhile() {
    const AWAY: u64 = 40;
    let served = Served::new().await;
    let session = served.open(json!({"elicitation": {}}), &[]).await;
    let headers = [("mcp-session-id", session.as_str())];
    let mut places = Vec::new();
    for id in 0..AWAY {
        let call = request(id, "tools/call", json!({"name": "ask"}));
        let mut events = Events::of(served.post(&call, &headers).send().await.unwrap());
        events.next().await.unwrap();
        let (place, question) = events.next().await.unwrap();
        drop(events);
        let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "decline"}});
        assert_eq!(served.send(&answer, &headers).await.0, 202);
        places.push(place);
    }
    for id in 0..100 {
        let who = request(1000 + id, "tools/call", json!({"name": "who"}));
        assert_eq!(served.send(&who, &headers).await.0, 200);
    }
    for (id, place) in places.iter().enumerate() {
        let mut rest = Events::of(served.get(&session).header("last-event-id", place).send().await.unwrap());
        let (_, answer) = rest.next().await.unwrap_or_else(|| panic!("the answer to {id} is gone"));
        assert_eq!(answer["id"], id);
    }
}

#[tokio::test]
async fn announcements_wait_for_a_client_who_is_away() {
    let served = Served::new().await;
    let session = served.open(json!({}), &[]).await;
    let announce = |news| served.house.behind.announce.send(news);
    let mut events = Events::of(served.get(&session).send().await.unwrap());
    while announce(Announcement::ToolsChanged).is_err() {
        tokio::task::yield_now().await;
    }
    let (place, _) = events.next().await.unwrap();
    drop(events);
    announce(Announcement::PromptsChanged).unwrap();
    announce(Announcement::ResourcesChanged).unwrap();
    let mut rest = Events::of(served.get(&session).header("last-event-id", place).send().await.unwrap());
    assert_eq!(rest.message().await["method"], "notifications/prompts/list_changed");
    assert_eq!(rest.message().await["method"], "notifications/resources/list_changed");
}

#[tokio::test]
async fn a_legacy_call_is_called_off_by_notification() {
    let mut served = Served::new().await;
    let session = served.open(json!({}), &[]).await;
    let headers = [("mcp-session-id", session.as_str())];
    let call = request(7, "tools/call", json!({"name": "wait", "_meta": {"progressToken": 1}}));
    let mut events = Events::of(served.post(&call, &headers).send().await.unwrap());
    events.next().await.unwrap();
    assert_eq!(events.message().await["method"], "notifications/progress");
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}});
    assert_eq!(served.send(&cancel, &headers).await.0, 202);
    assert_eq!(served.house.seen.recv().await, Some(Seen::CalledOff));
    assert!(events.next().await.is_none(), "no answer");
}

#[tokio::test]
async fn announcements_come_on_the_sessions_stream_until_the_door_shuts() {
    let served = Served::new().await;
    let session = served.open(json!({}), &[]).await;
    let mut events = Events::of(served.get(&session).send().await.unwrap());
    while served.house.behind.announce.send(Announcement::ToolsChanged).is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(events.message().await["method"], "notifications/tools/list_changed");
    served.house.tasks.stopping().cancel();
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn an_idle_session_makes_room_and_a_busy_one_does_not() {
    let served = Served::with(Config { most_sessions: 1, ..Config::default() }).await;
    let first = served.open(json!({}), &[]).await;
    let second = served.open(json!({}), &[]).await;
    let ping = request(1, "ping", json!({}));
    // Who comes back is taken in again.
    assert_eq!(served.send(&ping, &[("mcp-session-id", &first)]).await.0, 200);
    assert_eq!(served.send(&ping, &[("mcp-session-id", &second)]).await.0, 200);

    let call = request(7, "tools/call", json!({"name": "wait", "_meta": {"progressToken": 1}}));
    let mut events = Events::of(served.post(&call, &[("mcp-session-id", &second)]).send().await.unwrap());
    events.next().await.unwrap();
    events.next().await.unwrap();
    let hello = request(0, "initialize", json!({"protocolVersion": "2025-06-18", "capabilities": {}}));
    let (status, answer) = served.send(&hello, &[]).await;
    assert_eq!((status.as_u16(), &answer["error"]["code"]), (400, &json!(-32000)));
    assert_eq!(served.send(&ping, &[("mcp-session-id", &first)]).await.0, 503);
}

#[tokio::test]
async fn a_call_that_outlives_the_grace_is_called_off_when_the_door_shuts() {
    let mut served = Served::with(Config { grace: Duration::ZERO, ..Config::default() }).await;
    let params = json!({"name": "wait", "_meta": {"progressToken": 1}});
    let mut events = Events::of(served.ask("tools/call", params, &[]).await);
    events.next().await.unwrap();
    served.house.tasks.stopping().cancel();
    assert_eq!(served.house.seen.recv().await, Some(Seen::CalledOff));
    (&mut served.serving).await.unwrap();
    assert!(served.http.get(&served.url).send().await.unwrap_err().is_connect(), "nobody is at the door");
}
