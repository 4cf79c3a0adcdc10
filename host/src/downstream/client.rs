//! An MCP server behind the gateway: the [`ToolServer`] over whatever connection its keeper has at the moment.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use serde_json::{Map, Value, json};
use tokio::sync::{Notify, watch};
use tokio_util::sync::DropGuard;

use super::{
    Announcements, Link, Offers, Reach, RpcError, ServerConfig, ServerError, Settings, State, Status, ToolServer,
    connection::Connection,
    input, keeper,
    login::Login,
    task::{declares_tasks, is_task, is_tool_result, task_id},
};
use crate::{
    clock::{Clock, Timestamp},
    journal::Permit,
    tasks::Tasks,
};

/// A server that is reached over stdio or streamable HTTP. Kept connected until this is dropped, or its tasks are stopped.
pub struct McpServer {
    shared: Arc<Shared>,
    _kept: DropGuard,
}

/// What the server and its keeper share.
pub(super) struct Shared {
    pub(super) name: Arc<str>,
    pub(super) prefix: String,
    pub(super) reach: Reach,
    /// Its tokens, over all connections.
    pub(super) login: Option<Arc<Login>>,
    pub(super) call_time: Duration,
    pub(super) settings: Settings,
    pub(super) announcements: Announcements,
    pub(super) offers: Arc<ArcSwap<Offers>>,
    clock: Arc<dyn Clock>,
    phase: watch::Sender<(Phase, Timestamp)>,
    /// URIs that clients have subscribed to, to be asked for again after a reconnection.
    subscribed: Mutex<BTreeSet<String>>,
    /// The set has changed.
    pub(super) resubscribe: Notify,
    /// The log level that clients asked for last.
    level: Mutex<Option<Value>>,
}

/// Whether there is a connection.
#[derive(Clone)]
pub(super) enum Phase {
    Connecting,
    Ready(Arc<Connection>),
    Away(String),
}

impl McpServer {
    /// Starts to connect, in a task, and returns at once. A toolset is not an MCP server: it is `None`.
    pub fn start(
        config: ServerConfig,
        settings: Settings,
        announcements: Announcements,
        clock: Arc<dyn Clock>,
        tasks: &Tasks,
    ) -> Option<Self> {
        if matches!(config.reach, Reach::Toolset { .. }) {
            return None;
        }
        let shared = Arc::new(Shared {
            name: config.name.into(),
            prefix: config.prefix,
            login: Login::of(&config.reach, &clock),
            reach: config.reach,
            call_time: config.call_time,
            settings,
            announcements,
            offers: Arc::default(),
            phase: watch::Sender::new((Phase::Connecting, clock.now())),
            clock,
            subscribed: Mutex::default(),
            resubscribe: Notify::new(),
            level: Mutex::default(),
        });
        let (tasks, kept) = tasks.part();
        tasks.spawn("downstream keeper", keeper::keep(shared.clone(), tasks.clone()));
        Some(Self { shared, _kept: kept })
    }

    /// Waits until the first attempt to connect has succeeded or failed, and says how the server is then.
    pub async fn settled(&self) -> Status {
        // The sender lives as long as we do, so that waiting cannot fail.
        let _ = self.shared.phase.subscribe().wait_for(|(phase, _)| !matches!(phase, Phase::Connecting)).await;
        self.status()
    }

    /// The connection; waits for the very first one.
    async fn connection(&self, link: &Link) -> Result<Arc<Connection>, ServerError> {
        let mut phase = self.shared.phase.subscribe();
        let settled = tokio::select! {
            settled = phase.wait_for(|(phase, _)| !matches!(phase, Phase::Connecting)) => settled,
            () = link.cancel.cancelled() => return Err(ServerError::Cancelled),
        };
        let reason = match settled.as_deref() {
            Ok((Phase::Ready(connection), _)) => return Ok(connection.clone()),
            Ok((Phase::Away(reason), _)) => reason.clone(),
            Ok((Phase::Connecting, _)) | Err(_) => "not connected".to_owned(),
        };
        Err(ServerError::Unavailable { server: self.shared.name.to_string(), reason })
    }

    async fn subscribe(&self, method: &str, params: Value, link: &Link) -> Result<Value, ServerError> {
        let connection = self.connection(link).await?;
        let uri = params.get("uri").and_then(Value::as_str).unwrap_or_default().to_owned();
        let done = if connection.is_modern() { json!({}) } else { connection.request(method, params, link).await? };
        {
            let mut subscribed = lock(&self.shared.subscribed);
            if method == "resources/subscribe" {
                subscribed.insert(uri)
            } else {
                subscribed.remove(&uri)
            };
        }
        self.shared.resubscribe.notify_one();
        Ok(done)
    }
}

impl Shared {
    /// Says how the connection is from now on.
    pub(super) fn turn(&self, phase: Phase) {
        self.phase.send_replace((phase, self.clock.now()));
    }

    /// The URIs that clients have subscribed to.
    pub(super) fn subscriptions(&self) -> Vec<String> {
        lock(&self.subscribed).iter().cloned().collect()
    }

    /// The log level that clients asked for last (parameters of `logging/setLevel`).
    pub(super) fn log_level(&self) -> Option<Value> {
        lock(&self.level).clone()
    }
}

/// A lock of ours guards no code that can panic half-way.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl ToolServer for McpServer {
    fn name(&self) -> &str {
        &self.shared.name
    }

    fn offers(&self) -> Arc<Offers> {
        self.shared.offers.load_full()
    }

    fn status(&self) -> Status {
        let (phase, since) = self.shared.phase.borrow().clone();
        let offers = self.offers();
        Status {
            name: self.shared.name.to_string(),
            kind: match self.shared.reach {
                Reach::Stdio { .. } => "stdio",
                Reach::Http { .. } => "http",
                Reach::Toolset { .. } => "toolset",
            },
            state: match phase {
                Phase::Connecting => State::Connecting,
                Phase::Ready(_) => State::Ready,
                Phase::Away(reason) => State::Away { reason },
            },
            protocol: offers.protocol.clone(),
            tools: offers.tools.len(),
            since,
            shadowed: Vec::new(),
        }
    }

    async fn call_tool(&self, permit: Permit, link: Link) -> Result<Value, ServerError> {
        let connection = self.connection(&link).await?;
        let call = permit.call();
        let mut params = Map::from_iter([
            ("name".to_owned(), call.tool.tool().into()),
            ("arguments".to_owned(), Value::Object((*call.arguments).clone())),
        ]);
        params.extend(call.beside.iter().map(|(key, value)| (key.clone(), value.clone())));
        let result = input::request(&connection, "tools/call", Value::Object(params), &link).await?;
        if !is_tool_result(&result) {
            return Err(RpcError::not_a_result().into());
        }
        if is_task(&result) && (task_id(&result).is_none() || !declares_tasks(&link.capabilities)) {
            // It runs on, and there is nobody who could ask after it.
            let reason = "it answered with a task that was not asked for".to_owned();
            return Err(ServerError::Lost { server: self.shared.name.to_string(), reason });
        }
        Ok(result)
    }

    async fn request(&self, method: &str, params: Value, link: Link) -> Result<Value, ServerError> {
        if method == "tools/call" {
            // There is one way to run a tool, and it takes a permit.
            let message = "a tool is not called by a bare request".to_owned();
            return Err(RpcError { code: -32600, message, data: None }.into());
        }
        if matches!(method, "resources/subscribe" | "resources/unsubscribe") {
            return self.subscribe(method, params, &link).await;
        }
        let connection = self.connection(&link).await?;
        if method == "logging/setLevel" {
            *lock(&self.shared.level) = Some(params.clone());
            if connection.is_modern() {
                // From 2026-07-28 each request names its own level.
                return Ok(json!({}));
            }
        }
        input::request(&connection, method, params, &link).await
    }
}

impl std::fmt::Debug for McpServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("McpServer").field("name", &self.shared.name).finish_non_exhaustive()
    }
}
