//! MCP over standard streams: one JSON-RPC message per line. One process, one client, one session.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufRead, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, BufWriter},
    sync::{mpsc, oneshot},
};
use uuid::Uuid;

use super::{
    Gateway, GatewayError, Inner,
    client::{Client, Era, declared, handshake, opens},
    connection::Connection,
    line::{CAPACITY, Line},
    message::{self, Malformed, Message, Request, rpc},
    offer,
};
use crate::{
    downstream::{Heard, RpcError, read_line},
    tasks::Tasks,
};

/// Serves the AI app at the other end of these streams until it hangs up, or the gateway's tasks are told to stop.
///
/// A line that is no message is answered with an error, and the session goes on. At the end open requests have
/// [`Config::grace`](super::Config::grace) to end; what then remains is called off.
///
/// # Errors
/// If a stream fails; that the client has hung up is no failure.
pub async fn serve_stdio(
    gateway: &Gateway,
    input: impl AsyncRead + Unpin + Send,
    output: impl AsyncWrite + Unpin + Send + 'static,
) -> Result<(), GatewayError> {
    let (out, outgoing) = mpsc::channel(CAPACITY);
    let tasks = gateway.inner.tasks.child();
    let connection = Connection::new(Uuid::now_v7().to_string(), &gateway.inner.tasks.stopping(), &gateway.inner.cut);
    let writer = connection.over.clone();
    // Not one of the connection's tasks: it ends when all of those have, and with them the last sender.
    let (written, all_written) = oneshot::channel();
    gateway.inner.tasks.spawn("stdio writer", async move {
        let result = write(outgoing, output).await;
        if result.is_err() {
            writer.cancel();
        }
        let result = match result {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        };
        // Nobody waits if the reader has failed first.
        drop(written.send(result));
    });
    let session = Session { gateway: gateway.clone(), connection, tasks, out, announcing: AtomicBool::new(false) };
    let read = session.read(BufReader::new(input)).await;
    let grace = gateway.inner.config.grace;
    session.end(grace).await;
    // A client that reads no more must not keep us.
    match tokio::time::timeout(grace, all_written).await {
        Ok(Ok(written)) => Ok(read.and(written)?),
        Ok(Err(_)) | Err(_) => Ok(read?),
    }
}

async fn write(mut outgoing: mpsc::Receiver<Value>, output: impl AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut output = BufWriter::new(output);
    let mut line = Vec::new();
    while let Some(message) = outgoing.recv().await {
        line.clear();
        serde_json::to_writer(&mut line, &message)?;
        line.push(b'\n');
        output.write_all(&line).await?;
        if outgoing.is_empty() {
            output.flush().await?;
        }
    }
    output.flush().await
}

struct Session {
    gateway: Gateway,
    connection: Arc<Connection>,
    /// The client's requests.
    tasks: Tasks,
    out: mpsc::Sender<Value>,
    announcing: AtomicBool,
}

impl Session {
    fn inner(&self) -> &Arc<Inner> {
        &self.gateway.inner
    }

    async fn read(&self, mut input: impl AsyncBufRead + Unpin) -> std::io::Result<()> {
        let mut line = Vec::new();
        loop {
            let heard = tokio::select! {
                heard = read_line(&mut input, &mut line, self.inner().config.most_bytes) => heard?,
                () = self.connection.closing.cancelled() => return Ok(()),
                () = self.connection.over.cancelled() => return Ok(()),
            };
            match heard {
                Heard::Line if line.trim_ascii().is_empty() => {}
                Heard::Line => self.take(message::parse(&line)).await,
                Heard::TooLong(what) => {
                    self.take(message::unreadable(what, rpc(message::PARSE_ERROR, "the message is too long"))).await;
                }
                Heard::End => return Ok(()),
            }
        }
    }

    async fn take(&self, message: Result<Message, Malformed>) {
        match message {
            Err(Malformed(answer)) => self.send(answer).await,
            Ok(Message::Response { id, outcome }) => self.connection.answered(&id, outcome),
            Ok(Message::Notification { method, params }) => {
                self.connection.told(&method, &params);
                if method == "notifications/initialized" && !self.announcing.swap(true, Ordering::Relaxed) {
                    let (connection, out) = (Arc::clone(&self.connection), self.out.clone());
                    self.inner()
                        .tasks
                        .spawn("stdio announcer", Arc::clone(self.inner()).announce(connection, out, true));
                }
            }
            Ok(Message::Request(request)) => {
                let id = request.id.clone();
                if let Err(error) = self.request(request).await {
                    self.send(message::error(&id, error)).await;
                }
            }
        }
    }

    async fn request(&self, request: Request) -> Result<(), RpcError> {
        if opens(&request) {
            let facts = handshake(&request.params)?;
            let welcome = offer::welcome(&self.inner().behind.offered(), &facts);
            self.connection.introduce(facts);
            self.send(message::result(&request.id, welcome)).await;
            return Ok(());
        }
        let (era, facts) = match declared(&request, false)? {
            Some(facts) => (Era::Modern, facts),
            None => match self.connection.facts() {
                Some(facts) => (Era::Legacy, facts),
                None if request.method == "ping" => {
                    // The one request that may come before `initialize`.
                    self.send(message::result(&request.id, json!({}))).await;
                    return Ok(());
                }
                None => return Err(rpc(message::INVALID_REQUEST, FIRST)),
            },
        };
        let client = Client {
            era,
            caller: self.inner().local(facts.name.clone()),
            facts,
            session: Some(self.connection.session.clone()),
        };
        // Noted before the next line is read: it may be the one that calls this off.
        let open = self.connection.open(&request.id)?;
        let line = Line::new(self.out.clone(), open.cancel.clone(), Some(Arc::clone(&self.connection)));
        let gateway = self.gateway.clone();
        self.tasks.spawn("stdio request", async move {
            if let Some(answer) = gateway.answer(request, client, &line).await {
                line.send(answer).await;
            }
            drop(open);
        });
        Ok(())
    }

    async fn send(&self, message: Value) {
        // That nobody reads any more shows in `over`.
        drop(self.out.send(message).await);
    }

    /// Lets open requests end, then calls off what remains.
    async fn end(self, grace: Duration) {
        self.connection.closing.cancel();
        let ended = self.tasks.stop(grace).await;
        self.connection.over.cancel();
        if !ended && !self.tasks.stop(grace).await {
            tracing::warn!("requests on stdio are still open and are left to themselves");
        }
    }
}

/// What a client is told that sends a request before anything else.
const FIRST: &str = "`initialize` comes first, or every request says its protocol version in `_meta`";
