//! A server of tools that outlives every gateway and keeps its own record of what reached it. It misbehaves where a call
//! asks for it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::sync::watch;

/// Tools that all do the same: take `ms` milliseconds. Policies tell them apart by name.
pub(super) const TOOLS: [&str; 11] =
    ["free", "solo", "wait", "check", "pay", "rare", "sign", "hang", "often", "edited", "bad"];

/// Stops when dropped.
pub(super) struct Server {
    pub(super) url: String,
    seen: Arc<Seen>,
    serving: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    /// Every call, in the order of arrival: its tool and its arguments.
    arrived: watch::Sender<Vec<(String, Value)>>,
    /// How many of a tool are running, and the most that ever were.
    running: Mutex<BTreeMap<String, (usize, usize)>>,
    /// Whether `hang` answers.
    lenient: AtomicBool,
    let_go: tokio::sync::Notify,
}

impl Server {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let seen = Arc::new(Seen::default());
        let router = Router::new().route("/mcp", post(serve)).with_state(seen.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, seen, serving }
    }

    /// The calls that have arrived: tool and arguments.
    pub(super) fn arrived(&self) -> Vec<(String, Value)> {
        self.seen.arrived.borrow().clone()
    }

    /// The calls that have arrived since they were last taken.
    pub(super) fn take(&self) -> Vec<(String, Value)> {
        let mut taken = Vec::new();
        self.seen.arrived.send_modify(|arrived| taken = std::mem::take(arrived));
        taken
    }

    /// Waits until so many calls have arrived.
    pub(super) async fn until_arrived(&self, number: usize) {
        self.seen.arrived.subscribe().wait_for(|arrived| arrived.len() >= number).await.unwrap();
    }

    /// The most calls of a tool that were running at one time.
    pub(super) fn most_at_once(&self, tool: &str) -> usize {
        self.seen.running.lock().unwrap().get(tool).map_or(0, |(_, most)| *most)
    }

    /// Lets all calls of `hang` go, those to come included.
    pub(super) fn let_go(&self) {
        self.seen.lenient.store(true, Ordering::SeqCst);
        self.seen.let_go.notify_waiters();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(State(seen): State<Arc<Seen>>, body: Bytes) -> Response {
    let message: Value = serde_json::from_slice(&body).unwrap();
    let answer = |result: Value| {
        let json = json!({"jsonrpc": "2.0", "id": message["id"], "result": result}).to_string();
        ([("content-type", "application/json")], json).into_response()
    };
    match message["method"].as_str().unwrap_or_default() {
        "initialize" => answer(json!({
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "fire", "version": "1"},
        })),
        "server/discover" => (StatusCode::BAD_REQUEST, "what?").into_response(),
        "tools/list" => {
            let tools = TOOLS.map(|name| json!({"name": name, "inputSchema": {"type": "object"}}));
            answer(json!({"tools": tools}))
        }
        "tools/call" => {
            let tool = message["params"]["name"].as_str().unwrap().to_owned();
            let arguments = message["params"]["arguments"].clone();
            let ms = arguments["ms"].as_u64().unwrap_or_default();
            seen.arrived.send_modify(|arrived| arrived.push((tool.clone(), arguments.clone())));
            let running = Running::begin(&seen, &tool);
            if tool == "hang" {
                let let_go = seen.let_go.notified();
                if !seen.lenient.load(Ordering::SeqCst) {
                    let_go.await;
                }
            }
            tokio::time::sleep(Duration::from_millis(ms)).await;
            drop(running);
            match arguments["how"].as_str() {
                // Dies over its answer.
                Some("break") => {
                    let end = Err::<Bytes, _>(std::io::Error::other("broken"));
                    let half = futures::stream::iter([Ok(Bytes::from_static(b"{\"jsonrpc\": ")), end]);
                    return ([("content-type", "application/json")], Body::from_stream(half)).into_response();
                }
                Some("nonsense") => return ([("content-type", "application/json")], "{]").into_response(),
                Some("fail") => return (StatusCode::INTERNAL_SERVER_ERROR, "no").into_response(),
                Some("error") => {
                    let error = json!({"code": -32000, "message": "it was told to"});
                    let json = json!({"jsonrpc": "2.0", "id": message["id"], "error": error}).to_string();
                    return ([("content-type", "application/json")], json).into_response();
                }
                _ => {}
            }
            answer(json!({"content": [{"type": "text", "text": "done"}], "isError": false}))
        }
        _ => StatusCode::ACCEPTED.into_response(),
    }
}

/// A call that runs, until dropped: also when the gateway that made it is gone.
struct Running<'a>(&'a Seen, &'a str);

impl<'a> Running<'a> {
    fn begin(seen: &'a Seen, tool: &'a str) -> Self {
        let mut running = seen.running.lock().unwrap();
        let (now, most) = running.entry(tool.to_owned()).or_default();
        (*now, *most) = (*now + 1, (*most).max(*now + 1));
        Self(seen, tool)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some((now, _)) = self.0.running.lock().unwrap().get_mut(self.1) {
            *now -= 1;
        }
    }
}
