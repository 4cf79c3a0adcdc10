//! A client that knows nothing of MCP but its frames, before an MCP server: the test's own, or `interlock serve`.

use std::process::Stdio;

use futures::{StreamExt, stream};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::json::Json;

/// The two ways in which MCP has been spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Era {
    Legacy,
    Modern,
}

impl Era {
    pub(super) const BOTH: [Self; 2] = [Self::Legacy, Self::Modern];

    pub(super) fn word(self) -> &'static str {
        if self == Self::Legacy { "legacy" } else { "modern" }
    }
}

/// A request: its method, and its parameters without what every modern request must say.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) params: Json,
}

impl Request {
    pub(super) fn new(method: &str, params: &str) -> Self {
        Self { method: method.to_owned(), params: Json::read(params) }
    }

    /// The parameters that are sent.
    pub(super) fn sent(&self, era: Era) -> Json {
        let mut params = self.params.clone();
        if era == Era::Modern {
            let meta = params.at("_meta");
            meta.put("io.modelcontextprotocol/protocolVersion", "2026-07-28".into());
            meta.put("io.modelcontextprotocol/clientCapabilities", Json::read(CAPABILITIES));
            meta.put("io.modelcontextprotocol/logLevel", "debug".into());
        }
        params
    }

    /// The message that is sent.
    fn message(&self, id: usize, era: Era) -> String {
        let params = self.sent(era);
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{}","params":{params}}}"#, self.method)
    }

    /// What the headers of a modern request say that it is about.
    fn name(&self) -> &str {
        self.params.get("name").or(self.params.get("uri")).map_or("-", Json::text)
    }
}

const CAPABILITIES: &str = r#"{"elicitation":{"form":{},"url":{}},"sampling":{},"roots":{},"oddity":[1e30]}"#;

/// A connected client.
pub(super) struct Peer {
    era: Era,
    way: Way,
    asked: usize,
    /// The answer to `initialize`.
    welcome: Option<Json>,
}

enum Way {
    Stdio(Box<Pipes>),
    Http { http: reqwest::Client, url: String, session: Option<String> },
}

struct Pipes {
    child: Child,
    write: ChildStdin,
    read: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    /// Starts a server, and greets it.
    pub(super) async fn start(mut command: Command, era: Era) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let (write, read) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
        let way = Way::Stdio(Box::new(Pipes { child, write, read }));
        Self { era, way, asked: 0, welcome: None }.greeted().await
    }

    /// Greets a server that is there.
    pub(super) async fn reach(url: &str, era: Era) -> Self {
        let way = Way::Http { http: reqwest::Client::new(), url: url.to_owned(), session: None };
        Self { era, way, asked: 0, welcome: None }.greeted().await
    }

    async fn greeted(mut self) -> Self {
        if self.era == Era::Modern {
            return self;
        }
        let hello = format!(
            r#"{{"protocolVersion":"2025-11-25","capabilities":{CAPABILITIES},"clientInfo":{{"name":"raw","version":"1"}}}}"#
        );
        let hello = Request::new("initialize", &hello);
        let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_owned();
        if let Way::Http { .. } = &self.way {
            let response = self.post(hello.message(0, self.era), &[]).await;
            let opened = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
            if let Way::Http { session, .. } = &mut self.way {
                *session = Some(opened);
            }
            self.welcome = messages_of(response).await.remove(0).take("result");
            assert_eq!(self.post(initialized, &[]).await.status(), 202);
        } else {
            self.welcome = self.ask(&hello).await.take("result");
            if let Way::Stdio(pipes) = &mut self.way {
                pipes.write(&initialized).await;
            }
        }
        assert_eq!(self.welcome.as_ref().unwrap().get("protocolVersion"), Some(&"2025-11-25".into()));
        self
    }

    /// What the server says of itself.
    pub(super) async fn welcome(&mut self) -> Json {
        match &self.welcome {
            Some(welcome) => welcome.clone(),
            None => self.ask(&Request::new("server/discover", "{}")).await.take("result").unwrap(),
        }
    }

    /// Asks, and returns what is answered: an object whose one member is `result` or `error`.
    pub(super) async fn ask(&mut self, request: &Request) -> Json {
        let mut wire = self.ask_all(std::slice::from_ref(request), 1).await;
        let (_, mut answer) = wire.pop().unwrap();
        answer.take("jsonrpc");
        answer.take("id");
        answer
    }

    /// Asks all of these, some at once, and returns everything that is said meanwhile, in the order of the wire. Over
    /// HTTP with the request on whose stream it came.
    pub(super) async fn ask_all(&mut self, requests: &[Request], at_once: usize) -> Vec<(Option<usize>, Json)> {
        let first = self.asked;
        self.asked += requests.len();
        let numbered = || requests.iter().enumerate().map(move |(at, request)| (at, first + at, request));
        if let Way::Stdio(pipes) = &mut self.way {
            let mut messages = numbered().map(|(_, id, request)| request.message(id, self.era));
            return pipes.converse(&mut messages, at_once).await;
        }
        let this = &*self;
        let streams = numbered().map(|(at, id, request)| async move {
            let headers = [("mcp-method", request.method.as_str()), ("mcp-name", request.name())];
            let response = this.post(request.message(id, this.era), &headers).await;
            messages_of(response).await.into_iter().map(|message| (Some(at), message)).collect::<Vec<_>>()
        });
        stream::iter(streams).buffered(at_once).concat().await
    }

    async fn post(&self, body: String, headers: &[(&str, &str)]) -> reqwest::Response {
        let Way::Http { http, url, session } = &self.way else { panic!("no address") };
        let mut request = http.post(url).header("accept", "application/json, text/event-stream");
        request = request.header("content-type", "application/json").body(body);
        if self.era == Era::Modern {
            request = request.header("mcp-protocol-version", "2026-07-28");
            request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        }
        if let Some(session) = session {
            request = request.header("mcp-session-id", session);
        }
        request.send().await.unwrap()
    }

    /// Asks over a connection that breaks off after so many messages, and comes back each time to read on, until there
    /// is an answer. Returns everything that was said.
    pub(super) async fn ask_in_pieces(&self, id: usize, request: &Request, piece: usize) -> Vec<Json> {
        let Way::Http { http, url, session: Some(session) } = &self.way else { panic!("no session") };
        let (mut said, mut last) = (Vec::new(), String::new());
        let mut response = self.post(request.message(id, self.era), &[]).await;
        loop {
            let enough = said.len() + piece;
            let mut text = String::new();
            while said.len() < enough
                && let Some(chunk) = response.chunk().await.unwrap()
            {
                text += std::str::from_utf8(&chunk).unwrap();
                while said.len() < enough
                    && let Some((event, rest)) = text.split_once("\n\n")
                {
                    let field =
                        |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("").trim();
                    last = field("id:").to_owned();
                    said.extend(Some(field("data:")).filter(|data| !data.is_empty()).map(Json::read));
                    text = rest.to_owned();
                }
            }
            if said.last().is_some_and(|message| message.get("method").is_none()) {
                return said;
            }
            let again = http.get(url).header("accept", "text/event-stream").header("mcp-session-id", session);
            // What has come of this response and was not looked at is lost.
            response = again.header("last-event-id", &last).send().await.unwrap();
            assert_eq!(response.status(), 200);
        }
    }

    /// Hangs up; a server that was started ends then.
    pub(super) async fn close(self) {
        if let Way::Stdio(pipes) = self.way {
            let Pipes { mut child, write, .. } = *pipes;
            drop(write);
            assert!(child.wait().await.unwrap().success());
        }
    }
}

impl Pipes {
    async fn write(&mut self, line: &str) {
        self.write.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn converse(
        &mut self,
        messages: &mut impl Iterator<Item = String>,
        at_once: usize,
    ) -> Vec<(Option<usize>, Json)> {
        let (mut wire, mut open) = (Vec::new(), 0);
        loop {
            while open < at_once
                && let Some(message) = messages.next()
            {
                self.write(&message).await;
                open += 1;
            }
            if open == 0 {
                return wire;
            }
            let said = Json::read(&self.read.next_line().await.unwrap().expect("the server has hung up"));
            open -= usize::from(said.get("method").is_none());
            wire.push((None, said));
        }
    }
}

/// The messages of a response: one, or those of a stream.
async fn messages_of(response: reqwest::Response) -> Vec<Json> {
    let streams = response.headers()["content-type"].as_bytes().starts_with(b"text/event-stream");
    let body = response.text().await.unwrap();
    if !streams {
        return vec![Json::read(&body)];
    }
    let data = body.split("\n\n").map(|event| event.lines().filter_map(|line| line.strip_prefix("data:")).collect());
    data.filter(|data: &String| !data.trim().is_empty()).map(|data| Json::read(&data)).collect()
}
