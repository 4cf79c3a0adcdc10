//! One `interlock serve --http`, and clients small enough to be trusted.

use std::{path::Path, process::Stdio};

use serde_json::Value;
use tokio::{
    fs::OpenOptions,
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::Mutex,
};

/// A running gateway. Killed when dropped.
pub(super) struct Web {
    pub(super) pid: u32,
    pub(super) url: String,
    pub(super) http: reqwest::Client,
    child: Mutex<Child>,
    /// Why the last request got no answer.
    why: std::sync::Mutex<String>,
}

/// What a header is called, and its value.
pub(super) type Header<'a> = (&'a str, &'a str);

impl Web {
    /// Starts one, whose log is added to a file. None: it ended before it served.
    pub(super) async fn start(command: &mut Command, log: &Path) -> Option<Self> {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut file = OpenOptions::new().append(true).open(log).await.unwrap();
        let url = loop {
            let mut line = String::new();
            if stderr.read_line(&mut line).await.unwrap() == 0 {
                return None;
            }
            if let Some((_, url)) = line.trim().split_once("serves MCP at ") {
                break url.to_owned();
            }
            eprint!("{line}");
        };
        tokio::spawn(async move { tokio::io::copy_buf(&mut stderr, &mut file).await });
        Some(Self {
            pid: child.id().unwrap(),
            url,
            http: reqwest::Client::new(),
            child: child.into(),
            why: std::sync::Mutex::default(),
        })
    }

    /// Posts a body; returns the session that the answer names, the status and the message. None: the gateway is gone.
    pub(super) async fn post(&self, body: Vec<u8>, headers: &[Header<'_>]) -> Option<(Option<String>, u16, Value)> {
        let posted = self.post_by(&self.http, body, headers).await;
        posted.map_err(|why| *self.why.lock().unwrap() = why).ok()
    }

    /// The same over a connection of its own, which may not be of use to anyone afterwards.
    pub(super) async fn post_apart(&self, body: Vec<u8>) -> Option<(Option<String>, u16, Value)> {
        self.post_by(&reqwest::Client::new(), body, &[]).await.ok()
    }

    async fn post_by(
        &self,
        http: &reqwest::Client,
        body: Vec<u8>,
        headers: &[Header<'_>],
    ) -> Result<(Option<String>, u16, Value), String> {
        let mut request = http.post(&self.url).body(body);
        request = request.header("content-type", "application/json");
        request = request.header("accept", "application/json, text/event-stream");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.map_err(|error| format!("{error:?}"))?;
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (session, kind) = (header("mcp-session-id"), header("content-type").unwrap_or_default());
        let status = response.status().as_u16();
        let text = response.text().await.map_err(|error| format!("{error:?}"))?;
        let message = match kind.starts_with("text/event-stream") {
            true => last_answer(&text).ok_or_else(|| format!("no answer among these events: {text}"))?,
            false => read(&text),
        };
        Ok((session, status, message))
    }

    /// Why the last request that got no answer got none.
    pub(super) fn why(&self) -> String {
        self.why.lock().unwrap().clone()
    }

    /// Kills it, as the kernel kills. Returns when it is gone.
    pub(super) async fn kill(&self) {
        self.child.lock().await.kill().await.unwrap();
    }

    /// Asks it to end, and waits until it has.
    pub(super) async fn end(&self) -> std::process::ExitStatus {
        let sent = Command::new("kill").args(["-TERM", &self.pid.to_string()]).status().await.unwrap();
        assert!(sent.success());
        self.child.lock().await.wait().await.unwrap()
    }
}

/// The answer among server-sent events. None: the stream broke off before it came.
fn last_answer(events: &str) -> Option<Value> {
    let data = events.lines().filter_map(|line| line.strip_prefix("data:"));
    data.map(read).find(|message| message.get("id").is_some() && message.get("method").is_none())
}

fn read(text: &str) -> Value {
    serde_json::from_str(text.trim()).unwrap_or_default()
}
