//! MCP over the standard streams of a child process: the child, and the transport on its pipes. For the keeper.
//!
//! The framing is our own, ten lines over a buffered reader, because the switchboard must see each line before rmcp
//! does.

use std::{collections::BTreeMap, io, path::Path, process::Stdio, sync::Arc, time::Duration};

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessGroup};
use rmcp::{
    RoleClient,
    model::ServerJsonRpcMessage,
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    lines::{Heard, read_line},
    outlet::{LineWriter, Outlet, OutletError},
    salvage::Salvage,
    switchboard::Switchboard,
};
use crate::{secret::Secret, tasks::Tasks};

/// Longest message, in bytes.
const MAX_LINE: usize = 16 << 20;
/// Longest line of a server's log that is kept whole, in bytes; a longer one is broken up.
const MAX_LOG_LINE: u64 = 8 << 10;
/// What every program may need of the environment; everything else stays here.
const ENVIRONMENT: [&str; 13] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "LANG",
    "TZ",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];
/// SIGTERM, as POSIX numbers it.
const SIGTERM: i32 = 15;

/// A server's process and everything that it started: one process group.
#[derive(Debug)]
pub(super) struct Child {
    process: Box<dyn ChildWrapper>,
    /// Ends the tasks at its pipes, which something that left the process group may still hold.
    over: CancellationToken,
}

/// Starts the program and a transport on its pipes. Its stderr goes to the log, target `interlock::server`.
///
/// # Errors
/// If the program cannot be started.
pub(super) fn start(
    server: &Arc<str>,
    (command, args): (&str, &[String]),
    env: &BTreeMap<String, Secret>,
    cwd: &Path,
    board: Arc<Switchboard>,
    tasks: &Tasks,
) -> io::Result<(Child, StdioTransport)> {
    let mut wrap = CommandWrap::with_new(command, |command| {
        let kept = std::env::vars_os().filter(|(name, _)| {
            name.to_str().is_some_and(|name| ENVIRONMENT.contains(&name) || name.starts_with("LC_"))
        });
        command.args(args).current_dir(cwd).env_clear().envs(kept);
        command.envs(env.iter().map(|(name, value)| (name, value.expose())));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    });
    let mut child = wrap.wrap(ProcessGroup::leader()).wrap(KillOnDrop).spawn()?;
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.stdin().take(), child.stdout().take(), child.stderr().take())
    else {
        return Err(io::Error::other("the pipes to the program are missing"));
    };
    let (over, log) = (CancellationToken::new(), log_lines(server.clone(), stderr));
    spawn_until(&over, tasks, "downstream stderr", log);
    let writer = LineWriter::start(stdin, tasks);
    let (sender, messages) = mpsc::channel(64);
    let reader = read_lines(server.clone(), stdout, board.clone(), Outlet::Line(writer.clone()), sender);
    spawn_until(&over, tasks, "downstream reader", reader);
    Ok((Child { process: child, over }, StdioTransport { board, writer, messages }))
}

fn spawn_until(
    over: &CancellationToken,
    tasks: &Tasks,
    name: &'static str,
    task: impl Future<Output = ()> + Send + 'static,
) {
    let over = over.clone();
    tasks.spawn(name, async move {
        let _ = over.run_until_cancelled(task).await;
    });
}

impl Child {
    /// Waits for the program to end by itself (its input is closed), at most for `grace`; asks its process group to end
    /// and waits again; kills the group, and with it whatever the program left behind.
    pub(super) async fn stop(mut self, grace: Duration) {
        if tokio::time::timeout(grace, self.process.wait()).await.is_err() {
            if let Err(error) = self.process.signal(SIGTERM) {
                debug!(%error, "a server's process group could not be asked to end");
            }
            let _ = tokio::time::timeout(grace, self.process.wait()).await;
        }
        // An error means that nobody is left in the group.
        let _ = self.process.start_kill();
        // Reaping; a process that survives SIGKILL is stuck in the kernel and nothing of ours can help it.
        if tokio::time::timeout(grace, self.process.wait()).await.is_err() {
            warn!("a server's process did not end even when killed");
        }
        self.over.cancel();
    }
}

pub(super) async fn read_lines(
    server: Arc<str>,
    stdout: impl AsyncRead + Unpin + Send,
    board: Arc<Switchboard>,
    outlet: Outlet,
    to_rmcp: mpsc::Sender<ServerJsonRpcMessage>,
) {
    let mut reader = BufReader::new(stdout);
    let mut line = Vec::new();
    loop {
        let read = match read_line(&mut reader, &mut line, MAX_LINE).await {
            Ok(Heard::Line) => {
                serde_json::from_slice::<Value>(&line).map_err(|error| (Salvage::of(&line), error.to_string()))
            }
            Ok(Heard::TooLong(what)) => Err((what, "it is too long".to_owned())),
            Ok(Heard::End) => return,
            Err(error) => {
                warn!(%server, %error, "the server's output cannot be read; the connection is closed");
                return;
            }
        };
        let seen = match read {
            Ok(message) => board.incoming(message, None, &outlet).await,
            Err(_) if line.iter().all(u8::is_ascii_whitespace) && !line.is_empty() => continue,
            Err((what, reason)) => {
                warn!(%server, bytes = line.len(), reason, "the server wrote something to its output that is no message");
                board.unreadable(what, &reason, None, &outlet).await
            }
        };
        if let Some(message) = seen
            && let Ok(message) = serde_json::from_value(message)
            && to_rmcp.send(message).await.is_err()
        {
            return;
        }
    }
}

async fn log_lines(server: Arc<str>, stderr: impl AsyncRead + Unpin + Send) {
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    while matches!((&mut reader).take(MAX_LOG_LINE).read_until(b'\n', &mut line).await, Ok(1..)) {
        let text = String::from_utf8_lossy(&line);
        tracing::info!(target: "interlock::server", %server, "{}", text.trim_end());
        line.clear();
    }
}

/// The pipes of a child as rmcp sees them.
pub(super) struct StdioTransport {
    board: Arc<Switchboard>,
    writer: LineWriter,
    messages: mpsc::Receiver<ServerJsonRpcMessage>,
}

impl StdioTransport {
    /// The way out beside rmcp.
    pub(super) fn outlet(&self) -> Outlet {
        Outlet::Line(self.writer.clone())
    }
}

impl Drop for StdioTransport {
    fn drop(&mut self) {
        self.writer.close();
    }
}

/// A message that did not go out.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error(transparent)]
    CalledOff(#[from] super::switchboard::CalledOff),
    #[error(transparent)]
    Outlet(#[from] OutletError),
}

impl Transport<RoleClient> for StdioTransport {
    type Error = SendError;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), SendError>> + Send + 'static {
        let (board, writer) = (self.board.clone(), self.writer.clone());
        async move {
            let (message, exchange) = board.outgoing(&item)?;
            let sent = writer.send(message).await;
            if let (Err(_), Some(exchange)) = (&sent, exchange) {
                // The pipe was closed before the whole line was in it: a server never runs half a line.
                exchange.not_taken();
            }
            Ok(sent?)
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        self.messages.recv().await
    }

    async fn close(&mut self) -> Result<(), SendError> {
        self.writer.close();
        self.messages.close();
        Ok(())
    }
}
