//! Over streamable HTTP: rmcp's own server in both eras, and a hand-made one that is odd where servers are odd.

use std::{
    borrow::Cow,
    sync::atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::Bytes,
    extract::State as Held,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use futures::future::join_all;
use interlock::secret::Secret;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, CustomRequest, CustomResult,
        ElicitRequestParams, InputRequiredResult, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam,
        ProtocolVersion, ServerCapabilities, ServerConfig, SubscriptionFilter, Tool as RmcpTool,
    },
    service::{RequestContext, SubscriptionContext},
    transport::{
        StreamableHttpServerConfig, StreamableHttpService, streamable_http_server::session::local::LocalSessionManager,
    },
};
use tokio::sync::watch;

use super::*;

/// rmcp's server, with tools that do what the tests want.
#[derive(Clone)]
pub(crate) struct Theirs {
    newest: ProtocolVersion,
    tools: Arc<watch::Sender<Vec<&'static str>>>,
    called_off: Arc<watch::Sender<bool>>,
}

impl Theirs {
    async fn steps(context: &RequestContext<RoleServer>) -> CallToolResponse {
        if let Some(token) = context.meta.get_progress_token() {
            for step in 0..50 {
                let progress = ProgressNotificationParam::new(token.clone(), f64::from(step));
                context.peer.notify_progress(progress).await.unwrap();
            }
        }
        CallToolResult::success(vec![ContentBlock::text("done")]).into()
    }

    async fn ask(&self, request: CallToolRequestParams, context: &RequestContext<RoleServer>) -> CallToolResponse {
        let question =
            json!({"mode": "form", "message": "name?", "requestedSchema": {"type": "object", "properties": {}}});
        if self.newest.has_initialize() {
            let question: ElicitRequestParams = serde_json::from_value(question).unwrap();
            let answer = context.peer.create_elicitation(question).await.unwrap();
            return CallToolResult::structured(serde_json::to_value(answer).unwrap()).into();
        }
        match request.input_responses {
            Some(answers) => CallToolResult::structured(json!(answers)).into(),
            None => {
                let asks = json!({"who": {"method": "elicitation/create", "params": question}});
                InputRequiredResult::new(Some(serde_json::from_value(asks).unwrap()), Some("sealed".to_owned())).into()
            }
        }
    }
}

impl ServerHandler for Theirs {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build())
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Owned(ProtocolVersion::known_up_to(&self.newest).to_vec())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut tools = self.tools.subscribe();
        while tools.changed().await.is_ok() {
            context.sink().notify_tool_list_changed().await.unwrap();
        }
        Ok(())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tool = |name: &&'static str| RmcpTool::new(*name, "", Map::new());
        Ok(ListToolsResult::with_all_items(self.tools.borrow().iter().map(tool).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        match request.name.as_ref() {
            "steps" => Ok(Self::steps(&context).await),
            "ask" => Ok(self.ask(request, &context).await),
            "grow" => {
                self.tools.send_modify(|tools| tools.push("late"));
                if self.newest.has_initialize() {
                    context.peer.notify_tool_list_changed().await.unwrap();
                }
                Ok(CallToolResult::success(Vec::new()).into())
            }
            _ => {
                let token = context.meta.get_progress_token().unwrap();
                context.peer.notify_progress(ProgressNotificationParam::new(token, 1.0)).await.unwrap();
                context.ct.cancelled().await;
                self.called_off.send_replace(true);
                Err(ErrorData::internal_error("called off", None))
            }
        }
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        Ok(CustomResult::new(json!({"asked": request.params, "oddity": [null]})))
    }
}

/// Serves on a port of its own until the tasks of the fixture stop.
pub(crate) async fn listen(tasks: &Tasks, router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let stopping = tasks.stopping();
    tasks.spawn("test server", async move {
        let _ = stopping.run_until_cancelled(async { axum::serve(listener, router).await }).await;
    });
    url
}

fn reach(url: String) -> Reach {
    Reach::Http { url, headers: vec![("X-Key".to_owned(), Secret::new("s3cret"))], oauth: None }
}

/// rmcp's server, at `/mcp`.
pub(crate) fn serving(newest: ProtocolVersion) -> (Router, Theirs) {
    let handler = Theirs {
        newest,
        tools: Arc::new(watch::Sender::new(vec!["steps", "ask", "grow", "hang"])),
        called_off: Arc::default(),
    };
    let handed = handler.clone();
    let service = StreamableHttpService::new(
        move || Ok(handed.clone()),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    );
    (Router::new().nest_service("/mcp", service), handler)
}

async fn theirs(newest: ProtocolVersion) -> (Fixture, Theirs, Tasks) {
    let ((router, handler), tasks) = (serving(newest), Tasks::new());
    let url = listen(&tasks, router).await;
    // rmcp's server never answers what was called off.
    let settings = Settings { orphan_grace: Duration::from_millis(20), ..settings() };
    let fixture = Fixture::start(reach(url), settings).await.ready().await;
    (fixture, handler, tasks)
}

pub(crate) const ERAS: [ProtocolVersion; 2] = [ProtocolVersion::V_2025_11_25, ProtocolVersion::V_2026_07_28];

#[tokio::test]
async fn both_eras_are_spoken_and_progress_comes_in_order_before_the_result() {
    for era in ERAS {
        let (fixture, _, tasks) = theirs(era.clone()).await;
        assert_eq!(fixture.server.offers().protocol, era.to_string());
        assert_eq!(fixture.server.status().kind, "http");
        let calls = (0..20).map(|_| async {
            let (mut client, _) = link();
            let (messages, mut received) = mpsc::channel(50);
            client.messages = messages;
            client.wants_progress = true;
            let answer = fixture.run("steps", json!({}), client).await.unwrap();
            assert_eq!(answer["content"][0]["text"], "done");
            let heard: Vec<_> = std::iter::from_fn(|| received.try_recv().ok())
                .map(|message| match message {
                    FromServer::Notification { params, .. } => params["progress"].as_f64().unwrap(),
                    FromServer::Request { method, .. } => panic!("{method}"),
                })
                .collect();
            assert_eq!(heard, (0..50).map(f64::from).collect::<Vec<_>>());
        });
        join_all(calls).await;
        fixture.stop().await;
        tasks.stop(Duration::from_secs(30)).await;
    }
}

#[tokio::test]
async fn a_question_reaches_the_client_of_the_very_call_in_both_eras() {
    for era in ERAS {
        let (fixture, _, tasks) = theirs(era).await;
        let calls = (0..5).map(|name| {
            let fixture = &fixture;
            async move {
                let (client, mut received) = link();
                let hear = async {
                    while let Some(message) = received.recv().await {
                        if let FromServer::Request { reply, .. } = message {
                            let _ = reply.send(Ok(json!({"action": "accept", "content": {"name": name}})));
                        }
                    }
                };
                let (answer, ()) = tokio::join!(fixture.run("ask", json!({}), client), hear);
                let answer = answer.unwrap()["structuredContent"].take();
                let content = answer.get("content").or_else(|| answer.pointer("/who/content")).unwrap();
                assert_eq!(content["name"], name);
            }
        });
        join_all(calls).await;
        fixture.stop().await;
        tasks.stop(Duration::from_secs(30)).await;
    }
}

#[tokio::test]
async fn a_call_that_is_called_off_is_called_off_at_the_server_too() {
    for era in ERAS {
        let (fixture, theirs, tasks) = theirs(era).await;
        let (mut client, mut received) = link();
        client.wants_progress = true;
        let cancel = client.cancel.clone();
        let once_it_runs = async {
            assert!(received.recv().await.is_some());
            cancel.cancel();
        };
        let settled = async { theirs.called_off.subscribe().wait_for(|done| *done).await.map(|_| ()) };
        let (answer, (), told) = tokio::join!(fixture.run("hang", json!({}), client), once_it_runs, settled);
        assert!(answer.is_err(), "{answer:?}");
        assert!(told.is_ok());
        fixture.stop().await;
        tasks.stop(Duration::from_secs(30)).await;
    }
}

#[tokio::test]
async fn changed_tools_are_heard_of_over_http() {
    for era in ERAS {
        let (fixture, theirs, tasks) = theirs(era.clone()).await;
        let mut news = fixture.announcements.listen();
        if !era.has_initialize() {
            // The subscription is opened after the first listing, on its own time.
            while theirs.tools.receiver_count() == 0 {
                tokio::task::yield_now().await;
            }
        }
        fixture.plain("grow", json!({})).await.unwrap();
        while news.recv().await.unwrap() != Announcement::ToolsChanged {}
        assert!(fixture.server.offers().tools.iter().any(|tool| tool.exposed == "odd__late"));
        fixture.stop().await;
        tasks.stop(Duration::from_secs(30)).await;
    }
}

#[tokio::test]
async fn requests_that_nobody_knows_pass_in_both_directions_unharmed() {
    let (fixture, _, tasks) = theirs(ProtocolVersion::V_2026_07_28).await;
    let answer = fixture.server.request("odd/thing", json!({"deep": [{"x": null}]}), link().0).await.unwrap();
    assert_eq!(answer["oddity"], json!([null]));
    assert_eq!(answer["asked"]["deep"], json!([{"x": null}]));
    fixture.stop().await;
    tasks.stop(Duration::from_secs(30)).await;
}

/// A legacy server made by hand.
#[derive(Clone, Default)]
struct Odd {
    sessions: Arc<AtomicUsize>,
    /// Calls that were carried out.
    run: Arc<AtomicUsize>,
    /// Sessions up to this one are forgotten.
    forgotten: Arc<AtomicUsize>,
    /// What one header of the last request was.
    key: Arc<std::sync::Mutex<Option<String>>>,
}

async fn odd(Held(odd): Held<Odd>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    *odd.key.lock().unwrap() = header("x-key");
    let message: Value = serde_json::from_slice(&body).unwrap();
    let answer = |result: Value| {
        let json = json!({"jsonrpc": "2.0", "id": message["id"], "result": result}).to_string();
        ([("content-type", "application/json")], json).into_response()
    };
    let session: usize = header("mcp-session-id").and_then(|id| id.parse().ok()).unwrap_or_default();
    match message["method"].as_str().unwrap_or_default() {
        "initialize" => {
            let session = odd.sessions.fetch_add(1, Ordering::SeqCst) + 1;
            let result = json!({"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                "serverInfo": {"name": "odd", "version": "1", "oddity": 1}});
            ([("mcp-session-id", session.to_string())], answer(result)).into_response()
        }
        "server/discover" => (StatusCode::BAD_REQUEST, "what?").into_response(),
        _ if session <= odd.forgotten.load(Ordering::SeqCst) => StatusCode::NOT_FOUND.into_response(),
        "tools/list" => answer(json!({"tools": [{"name": "x", "inputSchema": {}, "oddity": 1}]})),
        "tools/call" => {
            let steps = message["params"]["arguments"]["events"].as_array().cloned().unwrap_or_default();
            match message["params"]["name"].as_str().unwrap_or_default() {
                "json" => {
                    odd.run.fetch_add(1, Ordering::SeqCst);
                    answer(json!({"content": [{"type": "hologram"}], "structuredContent": {"n": u64::MAX},
                            "oddity": {"x": 1}}))
                }
                "events" => {
                    let mut text = String::from(": hello\n\n");
                    for mut step in steps {
                        if let Some(broken) = step.as_str() {
                            let data = broken.replace("ID", &message["id"].to_string());
                            text.push_str(&format!("data: {data}\n\n"));
                            continue;
                        }
                        if step.get("result").is_some() {
                            step["id"] = message["id"].clone();
                        }
                        text.push_str(&format!("event: message\ndata: {step}\n\n"));
                    }
                    ([("content-type", "text/event-stream")], text).into_response()
                }
                "refused" => (StatusCode::PAYLOAD_TOO_LARGE, "no").into_response(),
                _ => (StatusCode::BAD_GATEWAY, "broken").into_response(),
            }
        }
        _ => StatusCode::ACCEPTED.into_response(),
    }
}

async fn hand_made() -> (Fixture, Odd, Tasks) {
    let (fixture, odd, tasks, _) = hand_made_at().await;
    (fixture, odd, tasks)
}

async fn hand_made_at() -> (Fixture, Odd, Tasks, String) {
    let (tasks, state) = (Tasks::new(), Odd::default());
    let url = listen(&tasks, Router::new().route("/mcp", post(odd)).with_state(state.clone())).await;
    let fixture = Fixture::start(reach(url.clone()), settings()).await.ready().await;
    (fixture, state, tasks, url)
}

#[tokio::test]
async fn an_answer_over_http_is_the_servers_own_json() {
    let (fixture, odd, tasks) = hand_made().await;
    assert_eq!(fixture.server.offers().server_info["oddity"], 1);
    assert_eq!(fixture.server.offers().tools[0].definition["oddity"], 1);
    assert_eq!(odd.key.lock().unwrap().as_deref(), Some("s3cret"), "configured headers are sent");
    let expected = json!({"content": [{"type": "hologram"}], "structuredContent": {"n": u64::MAX}, "oddity": {"x": 1}});
    assert_eq!(fixture.plain("json", json!({})).await.unwrap(), expected);

    let events = json!({"events": [
        {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "a", "oddity": 1}},
        {"jsonrpc": "2.0", "method": "notifications/odd", "params": {"oddity": 2}},
        {"jsonrpc": "2.0", "result": {"content": [], "action": "accept"}}]});
    let (client, mut received) = link();
    assert_eq!(fixture.run("events", events, client).await.unwrap(), json!({"content": [], "action": "accept"}));
    let heard: Vec<_> = std::iter::from_fn(|| received.try_recv().ok()).map(|message| format!("{message:?}")).collect();
    assert!(
        matches!(heard.as_slice(), [log, odd] if log.contains("oddity") && odd.contains("notifications/odd")),
        "{heard:?}"
    );
    fixture.stop().await;
    tasks.stop(Duration::from_secs(30)).await;
}

#[tokio::test]
async fn what_is_known_of_a_call_that_failed_depends_on_how_it_failed() {
    let (fixture, _, tasks) = hand_made().await;
    let cut = fixture.plain("events", json!({"events": []})).await.unwrap_err();
    assert!(matches!(cut, ServerError::Lost { .. }), "the stream ended without an answer: {cut}");
    let unreadable = r#"{"jsonrpc":"2.0","id":ID,"result":{"content":[],"x":1e400}}"#;
    let after = json!({"jsonrpc": "2.0", "result": {"content": []}});
    let error = fixture.plain("events", json!({"events": ["no message", unreadable, after]})).await.unwrap_err();
    let ServerError::Rpc(error) = &error else { panic!("it answered, and nobody can say what: {error}") };
    assert!(error.message.contains("cannot be read: number out of range"), "{error}");
    let task = json!({"events": [{"jsonrpc": "2.0", "result": {"resultType": "task", "taskId": "t"}}]});
    let unasked = fixture.plain("events", task).await.unwrap_err();
    assert!(matches!(unasked, ServerError::Lost { .. }), "it runs on as a task that nobody knows of: {unasked}");
    let broken = fixture.plain("broken", json!({})).await.unwrap_err();
    assert!(matches!(broken, ServerError::Lost { .. }), "a gateway may have passed it on: {broken}");
    let refused = fixture.plain("refused", json!({})).await.unwrap_err();
    assert!(matches!(refused, ServerError::Unavailable { .. }), "the server refused to look at it: {refused}");
    fixture.stop().await;

    assert!(tasks.stop(Duration::from_secs(30)).await);
}

#[tokio::test]
async fn a_forgotten_session_is_opened_again_and_the_call_made_once() {
    let (fixture, odd, tasks) = hand_made().await;
    odd.forgotten.store(1, Ordering::SeqCst);
    assert!(fixture.plain("json", json!({})).await.is_ok());
    assert_eq!(odd.run.load(Ordering::SeqCst), 1);
    assert_eq!(odd.sessions.load(Ordering::SeqCst), 2);
    fixture.stop().await;
    tasks.stop(Duration::from_secs(30)).await;
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_unavailable_and_comes_back_by_itself() {
    let (fixture, odd, tasks, url) = hand_made_at().await;
    tasks.stop(Duration::from_secs(30)).await;
    loop {
        match fixture.plain("json", json!({})).await {
            Err(ServerError::Unavailable { .. }) => break,
            // A connection that was still open may serve one more.
            Ok(_) | Err(ServerError::Lost { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    let address = url.trim_start_matches("http://").trim_end_matches("/mcp").to_owned();
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let (again, state) = (Tasks::new(), odd.clone());
    odd.forgotten.store(odd.sessions.load(Ordering::SeqCst), Ordering::SeqCst);
    let router = Router::new().route("/mcp", post(self::odd)).with_state(state);
    again.spawn("test server", async move {
        let _ = axum::serve(listener, router).await;
    });
    while fixture.plain("json", json!({})).await.is_err() {
        tokio::task::yield_now().await;
    }
    fixture.stop().await;
}
