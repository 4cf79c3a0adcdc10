//! A client's connection to a gateway, over either transport, in either era of MCP.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

use super::{super::gateway::Gateway, web::Web};

/// Which MCP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Era {
    Legacy,
    Modern,
}

const LEGACY: &str = "2025-11-25";
const MODERN: &str = "2026-07-28";

/// A running gateway.
pub(super) enum Door {
    Stdio(Gateway, Era),
    Http(Web),
}

impl Door {
    pub(super) fn pid(&self) -> u32 {
        match self {
            Self::Stdio(gateway, _) => gateway.pid,
            Self::Http(web) => web.pid,
        }
    }

    /// Why it is taken to be gone, if that is known.
    pub(super) fn why(&self) -> String {
        match self {
            Self::Stdio(..) => "its output ended".to_owned(),
            Self::Http(web) => web.why(),
        }
    }

    pub(super) async fn kill(&self) {
        match self {
            Self::Stdio(gateway, _) => gateway.kill().await,
            Self::Http(web) => web.kill().await,
        }
    }

    pub(super) async fn end(&self) -> std::process::ExitStatus {
        match self {
            Self::Stdio(gateway, _) => gateway.end().await,
            Self::Http(web) => web.end().await,
        }
    }
}

/// A connection on which calls can be made.
pub(super) struct Line {
    door: Arc<Door>,
    era: Era,
    session: Option<String>,
    /// The ids of its requests over HTTP.
    next: AtomicU64,
}

impl Line {
    /// Connects. Over stdio there is one connection, whose era is the gateway's; over HTTP, every client has its own.
    /// None: the gateway is gone.
    pub(super) async fn open(door: Arc<Door>, wanted: Era) -> Option<Self> {
        let era = if let Door::Stdio(_, era) = &*door { *era } else { wanted };
        let mut line = Self { door, era, session: None, next: AtomicU64::new(1) };
        if let (Door::Http(web), Era::Legacy) = (&*line.door, era) {
            let hello = request(0, "initialize", hello());
            let (session, status, answer) = web.post(hello.to_string().into_bytes(), &[]).await?;
            assert_eq!(status, 200, "{answer}");
            line.session = Some(session.expect("a session"));
            line.post(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}), "", "").await?;
        }
        Some(line)
    }

    /// Shakes hands over stdio. None: it ended before it answered.
    pub(super) async fn greet(gateway: &Gateway, era: Era) -> Option<()> {
        match era {
            Era::Legacy => gateway.until_up().await,
            Era::Modern => gateway.ask("server/discover", modern(json!({}))).await.map(drop),
        }
    }

    /// Makes a request; returns the whole answer. None: the gateway is gone.
    pub(super) async fn ask(&self, method: &str, params: Value) -> Option<Value> {
        let params = self.dressed(params);
        match &*self.door {
            Door::Stdio(gateway, _) => gateway.ask(method, params).await,
            Door::Http(_) => {
                let name = params["name"].as_str().unwrap_or_default().to_owned();
                let (status, answer) = self
                    .post(&request(self.next.fetch_add(1, Ordering::Relaxed), method, params), method, &name)
                    .await?;
                assert!(status == 200 || answer["error"].is_object(), "{method}: {status} {answer}");
                Some(answer)
            }
        }
    }

    /// Makes a request and calls it off, or leaves, after a while.
    pub(super) async fn call_off(&self, method: &str, params: Value, after: Duration) -> Option<()> {
        match &*self.door {
            Door::Stdio(gateway, _) => {
                let id = gateway.number();
                gateway.write(&request(id, method, self.dressed(params))).await?;
                tokio::time::sleep(after).await;
                let off = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
                gateway.write(&off).await
            }
            // Leaving is calling off in the newer era. In the older one the call goes on.
            Door::Http(_) => {
                tokio::time::timeout(after, self.ask(method, params)).await.map_or(Some(()), |it| it.map(drop))
            }
        }
    }

    /// Sends what is no message, though a request with this number can be made out in it. It must be answered as such.
    pub(super) async fn babble(&self, of: impl FnOnce(u64) -> Vec<u8>) -> Option<()> {
        match &*self.door {
            Door::Stdio(gateway, _) => {
                let id = gateway.number();
                let answer = gateway.ask_line(id, &of(id)).await?;
                assert_eq!(answer["error"]["code"], -32700, "{answer}");
            }
            Door::Http(web) => {
                // Who is told that a body is too large while writing it may not get to read that.
                let Some((_, status, answer)) = web.post_apart(of(1)).await else { return Some(()) };
                assert!(status == 413 || status == 400, "{status} {answer}");
            }
        }
        Some(())
    }

    fn dressed(&self, params: Value) -> Value {
        if self.era == Era::Modern { modern(params) } else { params }
    }

    async fn post(&self, message: &Value, method: &str, name: &str) -> Option<(u16, Value)> {
        let Door::Http(web) = &*self.door else { unreachable!() };
        let headers = match (&self.session, self.era) {
            (Some(session), _) => vec![("mcp-session-id", session.as_str()), ("mcp-protocol-version", LEGACY)],
            (None, Era::Modern) if name.is_empty() => vec![("mcp-protocol-version", MODERN), ("mcp-method", method)],
            (None, Era::Modern) => {
                vec![("mcp-protocol-version", MODERN), ("mcp-method", method), ("mcp-name", name)]
            }
            (None, Era::Legacy) => vec![],
        };
        web.post(message.to_string().into_bytes(), &headers).await.map(|(_, status, answer)| (status, answer))
    }
}

fn request(id: u64, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

fn hello() -> Value {
    json!({"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "soak", "version": "1"}})
}

/// The parameters of a modern request: these, and what every one must say.
fn modern(mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "soak", "version": "1"},
    });
    params
}
