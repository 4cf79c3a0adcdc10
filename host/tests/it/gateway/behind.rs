//! A stand-in for everything behind the door, whose tools do what tests need.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use interlock::{
    call::{CallId, Caller, ToolName},
    clock::{Clock, ManualClock, Timestamp},
    downstream::{FromServer, Link, RpcError},
    gateway::{Announcement, Behind, CallStatus, Config, Desk, DeskError, Gateway, Offered, Question, Reply},
    mediation::{Answer, CallRequest},
    tasks::Tasks,
};
use serde_json::{Map, Value, json};
use tokio::sync::{broadcast, mpsc, oneshot};

/// What the tests see of what happens behind the door.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Seen {
    /// A tool that waits was called off.
    CalledOff,
    /// Another request came through.
    Request(String, Value),
    /// Someone asked for something about a task.
    Task(String, String, Value),
}

#[derive(Debug)]
pub(super) struct Fake {
    pub(super) announce: broadcast::Sender<Announcement>,
    seen: mpsc::UnboundedSender<Seen>,
    /// The sessions that clients have opened: whose they are, and what their clients said.
    sessions: Mutex<HashMap<String, (String, Value)>>,
}

/// A door with the stand-in behind it.
pub(super) struct House {
    pub(super) gateway: Gateway,
    pub(super) behind: Arc<Fake>,
    pub(super) seen: mpsc::UnboundedReceiver<Seen>,
    pub(super) tasks: Tasks,
}

impl House {
    pub(super) fn new() -> Self {
        Self::with(Config { roles: vec!["agent".to_owned()], ..Config::default() })
    }

    pub(super) fn with(config: Config) -> Self {
        let (seen_in, seen) = mpsc::unbounded_channel();
        let behind = Arc::new(Fake { announce: broadcast::channel(16).0, seen: seen_in, sessions: Mutex::default() });
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp(1_767_603_600_000)));
        let tasks = Tasks::new();
        let gateway = Gateway::new(config, Arc::clone(&behind) as Arc<dyn Behind>, clock, tasks.clone()).unwrap();
        Self { gateway, behind, seen, tasks }
    }
}

pub(super) const TOOLS: [&str; 6] = ["echo", "who", "steps", "ask", "wait", "continued"];

/// Nobody has asked anything.
#[async_trait]
impl Desk for Fake {
    async fn questions(&self, _: &Caller) -> Result<Vec<Question>, DeskError> {
        Ok(Vec::new())
    }

    async fn question(&self, _: &str, _: &Caller) -> Result<Question, DeskError> {
        Err(DeskError::Unknown)
    }

    async fn answer(&self, _: &str, _: &Caller, _: Reply) -> Result<Question, DeskError> {
        Err(DeskError::Unknown)
    }

    async fn call(&self, _: &str, _: &Caller) -> Result<CallStatus, DeskError> {
        Err(DeskError::Unknown)
    }
}

#[async_trait]
impl Behind for Fake {
    fn tools(&self) -> Arc<Vec<Arc<Value>>> {
        let schema = json!({"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}});
        let tools =
            TOOLS.iter().map(|name| Arc::new(json!({"name": name, "inputSchema": schema, "unheardOf": {"of": name}})));
        Arc::new(tools.collect())
    }

    fn tool(&self, name: &str) -> Option<ToolName> {
        TOOLS.contains(&name).then(|| ToolName::new("fake", name))
    }

    async fn call(&self, request: CallRequest, link: Link) -> Answer {
        let call = CallId::new();
        let result = match request.tool.as_str() {
            "echo" => json!({
                "content": [{"type": "hologram", "text": "hi", "extra": 1}],
                "structuredContent": request.arguments,
                "unheardOf": {"deep": [1, null, 1e30, 18_446_744_073_709_551_615_u64]},
            }),
            "who" => {
                let session = request.session;
                let (caller, meta) = (json!(request.caller), link.meta);
                json!({"content": [], "structuredContent": {"caller": caller, "session": session, "meta": meta}})
            }
            "steps" => steps(&link).await,
            "ask" => {
                let params = json!({"mode": "form", "message": "Sure?", "requestedSchema": {
                    "type": "object", "properties": {"sure": {"type": "boolean"}}}});
                let answer = self.ask(&link, params).await;
                json!({"content": [], "structuredContent": {"answer": answer}})
            }
            "wait" => {
                notify(&link, "notifications/progress", json!({"progress": 1})).await;
                link.cancel.cancelled().await;
                self.seen.send(Seen::CalledOff).unwrap();
                json!({"content": []})
            }
            "continued" => match link.resumes {
                None => json!({
                    "resultType": "input_required",
                    "inputRequests": {"name": {"method": "roots/list", "params": {}}},
                    "requestState": "the server's own ☃",
                }),
                Some(resume) => json!({"content": [], "structuredContent": {
                    "responses": resume.responses, "state": resume.state, "continues": request.continues,
                }}),
            },
            unknown => {
                let message = format!("unknown tool `{unknown}`");
                let error = RpcError { code: -32602, message, data: Some(json!({"why": "fake"})) };
                return Answer::Error { call, error, replayed: false };
            }
        };
        Answer::Result { call, result, replayed: false }
    }

    async fn request(&self, method: &str, params: Value, _link: Link) -> Result<Value, RpcError> {
        self.seen.send(Seen::Request(method.to_owned(), params.clone())).unwrap();
        match method {
            "resources/read" if params["uri"] == "gone://" => {
                Err(RpcError { code: -32002, message: "not there".to_owned(), data: None })
            }
            "resources/read" => Ok(json!({"contents": [{"uri": params["uri"], "text": "x", "unheardOf": true}]})),
            "prompts/list" => Ok(json!({"prompts": [{"name": "p", "unheardOf": 1}]})),
            _ => Ok(json!({})),
        }
    }

    async fn task(
        &self,
        method: &str,
        params: Map<String, Value>,
        caller: Caller,
        _link: Link,
    ) -> Result<Value, RpcError> {
        self.seen.send(Seen::Task(caller.principal, method.to_owned(), params.clone().into())).unwrap();
        match params["taskId"].as_str() {
            Some("t") if method == "tasks/get" => Ok(json!({"taskId": "t", "status": "working", "unheardOf": 1})),
            Some("t") => Ok(json!({})),
            _ => Err(RpcError { code: -32602, message: "unknown task".to_owned(), data: None }),
        }
    }

    async fn current_session(&self, principal: &str) -> Result<String, RpcError> {
        Ok(format!("current of {principal}"))
    }

    async fn session_opened(&self, id: &str, principal: &str, client: Value) -> Result<(), RpcError> {
        self.sessions.lock().unwrap().insert(id.to_owned(), (principal.to_owned(), client));
        Ok(())
    }

    async fn session_taken_up(&self, id: &str, principal: &str) -> Result<Option<Value>, RpcError> {
        let sessions = self.sessions.lock().unwrap();
        Ok(sessions.get(id).filter(|(whose, _)| whose == principal).map(|(_, client)| client.clone()))
    }

    async fn session_ended(&self, id: &str, _principal: &str) {
        self.sessions.lock().unwrap().remove(id);
    }

    fn offered(&self) -> Offered {
        Offered {
            capabilities: json!({
                "prompts": {"listChanged": true},
                "resources": {"subscribe": true, "listChanged": true},
                "logging": {},
                "tasks": {},
                "extensions": {"io.modelcontextprotocol/tasks": {}},
            }),
            instructions: Some("Be kind.".to_owned()),
        }
    }

    fn announcements(&self) -> broadcast::Receiver<Announcement> {
        self.announce.subscribe()
    }
}

async fn notify(link: &Link, method: &str, params: Value) {
    let notification = FromServer::Notification { method: method.to_owned(), params };
    // The relay may have stopped reading.
    drop(link.messages.send(notification).await);
}

/// Progress, twice the same and once backwards, among log messages of two levels.
async fn steps(link: &Link) -> Value {
    for progress in [1, 1, 3, 2, 4] {
        notify(link, "notifications/progress", json!({"progress": progress, "progressToken": "server's own"})).await;
    }
    for level in ["debug", "error"] {
        notify(link, "notifications/message", json!({"level": level, "data": level})).await;
    }
    json!({"content": [], "structuredContent": {"wanted": link.wants_progress, "level": link.log_level}})
}

impl Fake {
    async fn ask(&self, link: &Link, params: Value) -> Value {
        let (reply, answer) = oneshot::channel();
        let request = FromServer::Request { method: "elicitation/create".to_owned(), params, reply };
        link.messages.send(request).await.unwrap();
        tokio::select! {
            () = link.cancel.cancelled() => {
                // A test that is over does not look.
                drop(self.seen.send(Seen::CalledOff));
                json!("called off")
            }
            answer = answer => match answer {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => json!({"error": error.code}),
                Err(_) => {
                    link.cancel.cancelled().await;
                    drop(self.seen.send(Seen::CalledOff));
                    json!("nobody there")
                }
            },
        }
    }
}
