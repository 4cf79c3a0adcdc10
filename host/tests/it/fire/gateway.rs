//! One `interlock serve` on standard streams, and a client small enough to be trusted that makes many calls at once.

use std::{
    collections::HashMap,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::oneshot,
};

/// A running gateway. Killed when dropped.
pub(super) struct Gateway {
    pub(super) pid: u32,
    child: tokio::sync::Mutex<Child>,
    stdin: tokio::sync::Mutex<ChildStdin>,
    waiting: Arc<Waiting>,
    next: AtomicU64,
}

/// What a caller was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Done,
    /// The codes of all refusals, and the text.
    Refused(Vec<String>, String),
    /// The gateway went away before it answered.
    Gone,
}

impl Told {
    /// `done`, `gone`, or the first code.
    pub(super) fn word(&self) -> &str {
        match self {
            Self::Done => "done",
            Self::Refused(codes, _) => &codes[0],
            Self::Gone => "gone",
        }
    }
}

/// Requests that wait for their answers; closed when the gateway's output ends.
#[derive(Default)]
struct Waiting(Mutex<Option<HashMap<u64, oneshot::Sender<Value>>>>);

impl Gateway {
    /// Starts one. None: it ended before it answered.
    pub(super) async fn start(command: &mut Command) -> Option<Self> {
        Self::spawn(command).greet().await
    }

    /// Starts one and does not wait for it.
    pub(super) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let waiting = Arc::new(Waiting(Mutex::new(Some(HashMap::new()))));
        tokio::spawn(listen(child.stdout.take().unwrap(), waiting.clone()));
        let stdin = child.stdin.take().unwrap();
        Self { pid: child.id().unwrap(), child: child.into(), stdin: stdin.into(), waiting, next: AtomicU64::new(1) }
    }

    /// Shakes hands. None: it ended before it answered.
    async fn greet(self) -> Option<Self> {
        self.until_up().await.map(|()| self)
    }

    /// Waits until it answers. None: it ended before.
    pub(super) async fn until_up(&self) -> Option<()> {
        let hello = json!({
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "fire", "version": "1"},
        });
        self.ask("initialize", hello).await?;
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        self.write(&ready).await
    }

    /// Makes one call of `fire/TOOL`.
    pub(super) async fn call(&self, tool: &str, arguments: Value) -> Told {
        let params = json!({"name": format!("fire__{tool}"), "arguments": arguments});
        let Some(answer) = self.ask("tools/call", params).await else { return Told::Gone };
        let result = &answer["result"];
        match result["isError"].as_bool() {
            Some(false) => Told::Done,
            _ => {
                let refused = result["structuredContent"]["interlock"]["refused"].as_array();
                let refused = refused.unwrap_or_else(|| panic!("neither done nor refused: {answer}"));
                let codes = refused.iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect();
                Told::Refused(codes, result["content"][0]["text"].as_str().unwrap().to_owned())
            }
        }
    }

    /// Makes a request and waits for its answer. None: the gateway went away before it answered.
    pub(super) async fn ask(&self, method: &str, params: Value) -> Option<Value> {
        let id = self.number();
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.ask_line(id, message.to_string().as_bytes()).await
    }

    /// Writes a line, whatever it is, and waits for the answer under a number.
    pub(super) async fn ask_line(&self, id: u64, line: &[u8]) -> Option<Value> {
        let (reply, answer) = oneshot::channel();
        self.waiting.0.lock().unwrap().as_mut()?.insert(id, reply);
        self.line(line).await?;
        answer.await.ok()
    }

    /// A number that no request has had.
    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Writes a message to which there is no answer, or whose answer nobody waits for.
    pub(super) async fn write(&self, message: &Value) -> Option<()> {
        self.line(message.to_string().as_bytes()).await
    }

    async fn line(&self, line: &[u8]) -> Option<()> {
        self.stdin.lock().await.write_all(&[line, b"\n"].concat()).await.ok()
    }

    /// Kills it, as the kernel kills: no word is said. Returns when it is gone.
    pub(super) async fn kill(&self) {
        self.child.lock().await.kill().await.unwrap();
    }

    /// Sends it a signal by name.
    pub(super) async fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.pid.to_string()]).status().await.unwrap();
        assert!(sent.success());
    }

    /// Asks it to end, and waits until it has.
    pub(super) async fn end(&self) -> std::process::ExitStatus {
        self.signal("TERM").await;
        self.child.lock().await.wait().await.unwrap()
    }

    /// Hangs up and waits for its end.
    pub(super) async fn leave(self) -> std::process::ExitStatus {
        drop(self.stdin);
        self.child.into_inner().wait().await.unwrap()
    }
}

async fn listen(stdout: ChildStdout, waiting: Arc<Waiting>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let message: Value = serde_json::from_str(&line).unwrap();
        let reply = message["id"].as_u64().and_then(|id| waiting.0.lock().unwrap().as_mut()?.remove(&id));
        if let Some(reply) = reply {
            // Whoever asked may be gone.
            drop(reply.send(message));
        }
    }
    // All who wait are told, and so are all to come.
    waiting.0.lock().unwrap().take();
}
