//! Ways to put one raw message on the wire without rmcp: answers to a server's requests, cancellations. For the
//! switchboard and the client.

use std::{collections::HashMap, sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, header};
use serde_json::Value;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::{mpsc, oneshot},
};
use tokio_util::sync::CancellationToken;

use super::login::{Login, LoginError};
use crate::tasks::Tasks;

/// Longest time that an answer or a cancellation may take to be accepted.
const CONTROL_TIME: Duration = Duration::from_secs(10);

/// A message did not go out.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutletError {
    /// The pipe to the child is closed.
    #[error("the server's input is closed")]
    Closed,
    /// The POST failed.
    #[error("the message could not be posted")]
    Post(#[from] reqwest::Error),
    /// The server wants a token.
    #[error(transparent)]
    Login(#[from] LoginError),
}

/// One way out. Clones share it.
#[derive(Clone, Debug)]
pub(super) enum Outlet {
    /// A line on a pipe.
    Line(LineWriter),
    /// A POST of its own.
    Post(Arc<PostTarget>),
}

impl Outlet {
    /// Sends one message.
    ///
    /// # Errors
    /// If the server did not take it.
    pub(super) async fn send(&self, message: Value) -> Result<(), OutletError> {
        match self {
            Self::Line(writer) => writer.send(message).await,
            Self::Post(target) => {
                let mut request = target.request(&message).timeout(CONTROL_TIME);
                if let Some(login) = &target.login {
                    let token = login.token().await?.and_then(|token| token.header());
                    request =
                        token.into_iter().fold(request, |request, token| request.header(header::AUTHORIZATION, token));
                }
                request.send().await?.error_for_status()?;
                Ok(())
            }
        }
    }
}

/// Writes lines to a pipe, one after the other, from a task of its own: a caller that gives up never leaves half a
/// line.
#[derive(Clone, Debug)]
pub(super) struct LineWriter {
    lines: mpsc::Sender<(Vec<u8>, oneshot::Sender<()>)>,
    closing: CancellationToken,
}

impl LineWriter {
    /// Starts the task, which ends with [`LineWriter::close`].
    pub(super) fn start(mut pipe: impl AsyncWrite + Send + Unpin + 'static, tasks: &Tasks) -> Self {
        let (sender, mut lines) = mpsc::channel::<(Vec<u8>, oneshot::Sender<()>)>(64);
        let closing = CancellationToken::new();
        let closed = closing.clone();
        tasks.spawn("downstream writer", async move {
            while let Some(Some((line, written))) = closed.run_until_cancelled(lines.recv()).await {
                if pipe.write_all(&line).await.is_err() || pipe.flush().await.is_err() {
                    return;
                }
                // Whoever gave up waiting does not need to know.
                let _ = written.send(());
            }
        });
        Self { lines: sender, closing }
    }

    /// Closes the pipe for every clone: the server sees the end of its input.
    pub(super) fn close(&self) {
        self.closing.cancel();
    }

    /// Writes one message and waits until the pipe has it.
    ///
    /// # Errors
    /// If the pipe is closed.
    pub(super) async fn send(&self, message: Value) -> Result<(), OutletError> {
        let mut line = message.to_string().into_bytes();
        line.push(b'\n');
        let (written, ack) = oneshot::channel();
        self.lines.send((line, written)).await.map_err(|_| OutletError::Closed)?;
        ack.await.map_err(|_| OutletError::Closed)
    }
}

/// Where and under which headers messages are posted.
#[derive(Debug)]
pub(super) struct PostTarget {
    pub(super) http: reqwest::Client,
    pub(super) uri: Arc<str>,
    pub(super) headers: HashMap<HeaderName, HeaderValue>,
    pub(super) session: Option<Arc<str>>,
    /// What is shown beside the headers.
    pub(super) login: Option<Arc<Login>>,
}

impl PostTarget {
    /// The POST of one message.
    pub(super) fn request(&self, message: &Value) -> reqwest::RequestBuilder {
        self.with_headers(self.http.post(&*self.uri))
            .header(header::ACCEPT, "application/json, text/event-stream")
            .json(message)
    }

    /// Adds the headers that every request to the server has.
    pub(super) fn with_headers(&self, mut request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        match &self.session {
            Some(session) => request.header("mcp-session-id", &**session),
            None => request,
        }
    }
}
