//! Carries what a server sends while one request is open to the client, in order and before the result.

use std::ops::ControlFlow;

use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    client::{Client, Era},
    line::Line,
    message::{self, rpc},
};
use crate::{
    call::CallId,
    downstream::{FromServer, RpcError},
    mediation::ClientQuestion,
};

/// What came of an operation behind the door.
#[derive(Debug)]
pub(super) struct Reply {
    /// The call's id, if it was one.
    pub(super) call: Option<CallId>,
    /// The MCP result.
    pub(super) result: Value,
    /// What a client that can come back is to ask the person at it first, instead of the result.
    pub(super) asks: Vec<ClientQuestion>,
}

/// How an operation ends.
pub(super) type Done = Result<Reply, RpcError>;

/// An operation behind the door that has begun.
pub(super) struct Running {
    pub(super) operation: BoxFuture<'static, Done>,
    /// What the server sends meanwhile; all of it before the operation ends.
    pub(super) messages: mpsc::Receiver<FromServer>,
    /// Calls it off.
    pub(super) cancel: CancellationToken,
}

/// A server's request to the client, not answered yet.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) params: Value,
    pub(super) reply: oneshot::Sender<Result<Value, RpcError>>,
}

/// Where the relay stopped.
pub(super) enum Stop {
    /// The operation has ended.
    Ended(Done),
    /// The client called the request off, and the operation has ended since.
    CalledOff,
    /// The client must answer this first, and can only be asked by ending its request.
    Asks(Running, Asked),
}

/// Relays until the operation ends or, with a modern client that `may_come_back`, until it needs the client's answer.
///
/// When the client calls off, the operation is told, and its end is awaited: it alone knows what has been done by then.
pub(super) async fn relay(
    mut running: Running,
    client: &Client,
    line: &Line,
    token: Option<Value>,
    may_come_back: bool,
) -> Stop {
    let mut questions = FuturesUnordered::new();
    let mut notes = Notes { client, line, token, progress: None };
    let mut called_off = false;
    let done = loop {
        tokio::select! {
            biased;
            () = line.cancel.cancelled(), if !called_off => {
                running.cancel.cancel();
                called_off = true;
            }
            Some(message) = running.messages.recv() => match message {
                FromServer::Notification { method, params } => notes.pass_on(&method, params).await,
                FromServer::Request { method, params, reply } => {
                    let asked = Asked { method, params, reply };
                    let way = client.era == Era::Legacy || may_come_back;
                    match admit(asked, client, way, questions.len()) {
                        ControlFlow::Break(()) => {}
                        ControlFlow::Continue(asked) if client.era == Era::Modern && !called_off => {
                            return Stop::Asks(running, asked);
                        }
                        ControlFlow::Continue(Asked { method, params, reply }) => questions.push(async move {
                            if let Some(answer) = line.ask(&method, params).await {
                                // The server may have stopped waiting.
                                drop(reply.send(answer));
                            }
                        }),
                    }
                }
            },
            Some(()) = questions.next() => {}
            done = &mut running.operation => break done,
        }
    };
    while let Ok(message) = running.messages.try_recv() {
        match message {
            FromServer::Notification { method, params } => notes.pass_on(&method, params).await,
            // It has ended, so it waits for no answer.
            FromServer::Request { .. } => {}
        }
    }
    if called_off { Stop::CalledOff } else { Stop::Ended(done) }
}

/// Answers at once what the client cannot be asked, by itself or because this request leaves no `way` to it.
fn admit(asked: Asked, client: &Client, way: bool, open: usize) -> ControlFlow<(), Asked> {
    let no = if !way || !client.can_be_asked(&asked.method, &asked.params) {
        rpc(message::METHOD_NOT_FOUND, format!("the client does not take `{}`", asked.method))
    } else if Line::is_full(open) {
        rpc(message::BUSY, "too many questions to the client are open")
    } else {
        return ControlFlow::Continue(asked);
    };
    // The server may have stopped waiting.
    drop(asked.reply.send(Err(no)));
    ControlFlow::Break(())
}

/// The notifications of one request on their way to the client.
struct Notes<'a> {
    client: &'a Client,
    line: &'a Line,
    /// The client's own progress token; none: it wants no progress.
    token: Option<Value>,
    /// The last progress passed on.
    progress: Option<f64>,
}

impl Notes<'_> {
    async fn pass_on(&mut self, method: &str, mut params: Value) {
        match method {
            "notifications/progress" => {
                let progress = params.get("progress").and_then(Value::as_f64);
                let rises = match (progress, self.progress) {
                    (Some(now), Some(before)) => now > before,
                    (Some(_), None) => true,
                    (None, _) => false,
                };
                let (Some(token), Some(fields), true) = (&self.token, params.as_object_mut(), rises) else { return };
                fields.insert("progressToken".to_owned(), token.clone());
                self.progress = progress;
            }
            "notifications/message" if !self.client.admits(params.get("level").and_then(Value::as_str)) => return,
            // It is about the server's own ids, which mean nothing to the client.
            "notifications/cancelled" => return,
            _ => {}
        }
        self.line.notify(method, params).await;
    }
}
