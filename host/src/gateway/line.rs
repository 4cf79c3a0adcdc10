//! The line back to the client for one of its requests: everything about it goes out here, in order.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    connection::Connection,
    message::{self, rpc},
};
use crate::downstream::RpcError;

/// How many messages may wait for a slow client before its servers are slowed down.
pub(super) const CAPACITY: usize = 64;

/// Most questions to the client that one of its requests may have open.
const MOST_QUESTIONS: usize = 16;

/// Where the messages about one request go. Dropping it ends nothing; cancelling does.
#[derive(Clone, Debug)]
pub(super) struct Line {
    out: mpsc::Sender<Value>,
    /// Cancelled when the client calls the request off, or is gone.
    pub(super) cancel: CancellationToken,
    connection: Option<Arc<Connection>>,
}

impl Line {
    /// A line into `out`; questions can be asked only over a connection.
    pub(super) fn new(
        out: mpsc::Sender<Value>,
        cancel: CancellationToken,
        connection: Option<Arc<Connection>>,
    ) -> Self {
        Self { out, cancel, connection }
    }

    /// The connection that the request came over, if there is one beyond the request.
    pub(super) fn connection(&self) -> Option<&Arc<Connection>> {
        self.connection.as_ref()
    }

    /// Sends a message, waiting for room. It goes nowhere once the request is called off.
    pub(super) async fn send(&self, message: Value) {
        tokio::select! {
            // That the other end is gone shows in `cancel`.
            sent = self.out.send(message) => drop(sent),
            () = self.cancel.cancelled() => {}
        }
    }

    /// Sends a notification, waiting for room.
    pub(super) async fn notify(&self, method: &str, params: Value) {
        self.send(message::notification(method, params)).await;
    }

    /// Puts a question to the client and waits for its answer; none if the client is gone, or the request called off.
    pub(super) async fn ask(&self, method: &str, params: Value) -> Option<Result<Value, RpcError>> {
        let Some(connection) = &self.connection else {
            return Some(Err(rpc(message::METHOD_NOT_FOUND, "the client cannot be asked")));
        };
        let mut question = connection.question();
        self.send(message::request(question.id, method, params)).await;
        tokio::select! {
            answer = question.answer() => answer,
            () = self.cancel.cancelled() => {
                if let Some(withdrawal) = question.withdrawal() {
                    // Best effort: the client has lost interest in the request, so it may not even read this.
                    drop(self.out.try_send(withdrawal));
                }
                None
            }
        }
    }

    /// Whether `open` questions are as many as one request may have.
    pub(super) fn is_full(open: usize) -> bool {
        open >= MOST_QUESTIONS
    }
}
