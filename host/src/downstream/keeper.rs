//! Keeps one MCP server connected: handshake, first listing, changes, and again after a pause when it went away.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Instant,
};

use futures::FutureExt;
use rmcp::{
    RoleClient,
    model::{ClientCapabilities, ClientConfig, Implementation, ProtocolVersion, SubscriptionFilter},
    service::{ClientInitializeError, ClientLifecycleMode, serve_client_with_lifecycle_and_ct},
    transport::IntoTransport,
};
use serde_json::{Value, json};
use tracing::{debug, info, warn};

use super::{
    Announcement, Offers, Reach, ServerError,
    client::{Phase, Shared},
    connection::{Carrier, Connection},
    http::Tapped,
    offers, stdio,
    switchboard::Switchboard,
};
use crate::tasks::Tasks;

const CLOSED: &str = "the connection was closed";

/// Connects, and connects again, until the tasks are stopped.
pub(super) async fn keep(shared: Arc<Shared>, tasks: Tasks) {
    let stopping = tasks.stopping();
    let least = shared.settings.retry_least;
    let mut pause = least;
    let mut knows_discover = true;
    loop {
        let begun = Instant::now();
        let ended = live(&shared, &tasks, knows_discover).await;
        if stopping.is_cancelled() {
            shared.turn(Phase::Away("stopped".to_owned()));
            return;
        }
        if ended.may_be_old && knows_discover {
            // Some old servers die of a request before `initialize`, or answer it with nonsense.
            debug!(server = %shared.name, reason = ended.reason, "trying again without `server/discover`");
            knows_discover = false;
            continue;
        }
        knows_discover = true;
        warn!(server = %shared.name, reason = ended.reason, "the server is away");
        shared.turn(Phase::Away(ended.reason));
        if begun.elapsed() >= shared.settings.retry_most {
            pause = least;
        }
        if stopping.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
        pause = (pause * 2).min(shared.settings.retry_most);
    }
}

/// How a connection ended.
struct Ended {
    /// It failed over the handshake in a way that may be for want of `initialize`.
    may_be_old: bool,
    reason: String,
}

impl Ended {
    fn because(reason: impl Into<String>) -> Self {
        Self { may_be_old: false, reason: reason.into() }
    }
}

/// One connection, from its beginning to its end.
async fn live(shared: &Arc<Shared>, tasks: &Tasks, knows_discover: bool) -> Ended {
    let board = Arc::new(Switchboard::new(shared.name.clone(), shared.announcements.clone(), tasks.clone()));
    match &shared.reach {
        Reach::Stdio { command, args, env, cwd } => {
            match stdio::start(&shared.name, (command, args), env, cwd, board.clone(), tasks) {
                Ok((child, transport)) => {
                    let carrier = Carrier::Pipe(transport.outlet());
                    let ended = serve(shared, tasks, board, carrier, transport, knows_discover).await;
                    child.stop(shared.settings.stop_grace).await;
                    ended
                }
                Err(error) => Ended::because(format!("`{command}` cannot be started: {error}")),
            }
        }
        Reach::Http { url, headers, .. } => match Tapped::connect(url, headers, shared.login.clone(), board.clone()) {
            Ok((tapped, transport)) => {
                serve(shared, tasks, board, Carrier::Http(tapped), transport, knows_discover).await
            }
            Err(error) => Ended::because(error.to_string()),
        },
        Reach::Toolset { .. } => Ended::because("a toolset is not an MCP server"),
    }
}

async fn serve<T, E, A>(
    shared: &Arc<Shared>,
    tasks: &Tasks,
    board: Arc<Switchboard>,
    carrier: Carrier,
    transport: T,
    knows_discover: bool,
) -> Ended
where
    T: IntoTransport<RoleClient, E, A>,
    E: std::error::Error + Send + Sync + 'static,
{
    let mode = if knows_discover {
        let preferred_versions = vec![ProtocolVersion::LATEST];
        ClientLifecycleMode::Auto { preferred_versions, legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE) }
    } else {
        ClientLifecycleMode::Initialize
    };
    let stop = tasks.stopping().child_token();
    let limit = shared.settings.listing_time;
    let handshake = serve_client_with_lifecycle_and_ct(ourselves(), transport, mode, stop);
    let running = match tokio::time::timeout(limit, handshake).await {
        Ok(Ok(running)) => running,
        Ok(Err(error)) => return Ended { may_be_old: true, ..Ended::because(reason(&error)) },
        Err(_) => return Ended::because(format!("no handshake within {} s", limit.as_secs())),
    };
    let Some(info) = running.peer().peer_info() else {
        return Ended::because("the handshake told nothing");
    };
    let connection = Arc::new(Connection {
        server: shared.name.clone(),
        peer: running.peer().clone(),
        board,
        carrier,
        protocol: info.protocol_version.clone(),
        offers: shared.offers.clone(),
        posted: AtomicU64::new(1),
        call_time: shared.call_time,
        orphan_grace: shared.settings.orphan_grace,
        listing_time: limit,
    });
    if let Err(error) = arrive(shared, &connection).await {
        return Ended::because(error.to_string());
    }
    let mut gone = std::pin::pin!(running.waiting());
    let mut subscribed = std::pin::pin!(subscribe(shared, &connection));
    loop {
        tokio::select! {
            _ = &mut gone => return Ended::because(CLOSED),
            () = &mut subscribed => {}
            () = connection.board.tools_changed.notified() => {
                if let Err(error) = list_tools(shared, &connection).await {
                    warn!(server = %shared.name, %error, "the changed tools could not be listed");
                }
            }
            () = connection.board.unreachable.notified() => {
                tokio::select! {
                    () = seek(shared, &connection) => {}
                    _ = &mut gone => return Ended::because(CLOSED),
                }
            }
        }
    }
}

/// Takes in what the server offers, then opens it for calls.
async fn arrive(shared: &Shared, connection: &Arc<Connection>) -> Result<(), ServerError> {
    let was_here = !shared.offers.load().protocol.is_empty();
    let mut offers = Offers::from_handshake(&connection.board.handshake(), connection.protocol.to_string());
    offers.tools = shared.offers.load().tools.clone();
    shared.offers.store(Arc::new(offers));
    list_tools(shared, connection).await?;
    if !connection.is_modern() {
        if let Some(level) = shared.log_level() {
            connection.own_request("logging/setLevel", level).await.or_else(unless_lost)?;
        }
        for uri in shared.subscriptions() {
            connection.own_request("resources/subscribe", json!({"uri": uri})).await.or_else(unless_lost)?;
        }
    }
    let tools = shared.offers.load().tools.len();
    info!(server = %shared.name, protocol = %connection.protocol, tools, "connected");
    shared.turn(Phase::Ready(connection.clone()));
    if was_here {
        // What it said while it was away, nobody heard.
        shared.announcements.announce(Announcement::PromptsChanged);
        shared.announcements.announce(Announcement::ResourcesChanged);
    }
    Ok(())
}

/// A server's own refusal does not end the connection.
fn unless_lost(error: ServerError) -> Result<Value, ServerError> {
    match error {
        ServerError::Rpc(_) => Ok(Value::Null),
        ServerError::Unavailable { .. } | ServerError::Cancelled | ServerError::Lost { .. } => Err(error),
    }
}

/// Lists the tools again, and says so if they are others than before.
async fn list_tools(shared: &Shared, connection: &Connection) -> Result<(), ServerError> {
    let old = shared.offers.load_full();
    let definitions = match old.capabilities.get("tools") {
        Some(_) => connection.list_all("tools/list", "tools").await?,
        None => Vec::new(),
    };
    let tools = offers::tools(&shared.name, &shared.prefix, definitions);
    let same = tools.len() == old.tools.len()
        && tools.iter().zip(old.tools.iter()).all(|(new, old)| new.name == old.name && new.digest == old.digest);
    if !same {
        shared.offers.store(Arc::new(Offers { tools, ..Offers::clone(&old) }));
        shared.announcements.announce(Announcement::ToolsChanged);
    }
    Ok(())
}

/// Asks a server that could not be reached, with growing pauses, until it answers. The connection itself stays: over
/// HTTP it is no more than a session, and other requests may still be open on it.
async fn seek(shared: &Shared, connection: &Arc<Connection>) {
    let mut pause = shared.settings.retry_least;
    while let Err(error) = list_tools(shared, connection).await.or_else(|error| unless_lost(error).map(|_| ())) {
        if pause == shared.settings.retry_least {
            warn!(server = %shared.name, %error, "the server is away");
        }
        let reason = match error {
            ServerError::Unavailable { reason, .. } | ServerError::Lost { reason, .. } => reason,
            ServerError::Cancelled | ServerError::Rpc(_) => String::new(),
        };
        shared.turn(Phase::Away(reason));
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(shared.settings.retry_most);
    }
    // Our own failed attempts left their mark.
    let _ = connection.board.unreachable.notified().now_or_never();
    shared.turn(Phase::Ready(connection.clone()));
}

/// Holds a modern server's subscription open, for all that it can tell and all that clients subscribed to. The
/// switchboard takes the news themselves. A legacy server needs none.
async fn subscribe(shared: &Shared, connection: &Connection) {
    let mut wait = shared.settings.retry_least;
    if !connection.is_modern() {
        return std::future::pending().await;
    }
    loop {
        let Some(filter) = filter(shared) else {
            shared.resubscribe.notified().await;
            continue;
        };
        match connection.peer.listen(filter).await {
            Ok(mut subscription) => {
                let begun = Instant::now();
                let ended = async { while let Ok(Some(_)) = subscription.next().await {} };
                tokio::select! {
                    () = ended => {}
                    () = shared.resubscribe.notified() => {
                        let _ = subscription.cancel().await;
                        continue;
                    }
                }
                if begun.elapsed() >= shared.settings.retry_most {
                    wait = shared.settings.retry_least;
                }
            }
            Err(error) => debug!(server = %shared.name, %error, "no subscription"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(shared.settings.retry_most);
        // What changed in between, nobody heard.
        connection.board.tools_changed.notify_one();
    }
}

/// What to subscribe to; none if the server has nothing to tell.
fn filter(shared: &Shared) -> Option<SubscriptionFilter> {
    let offers = shared.offers.load();
    let tells = |pointer| offers.capabilities.pointer(pointer).and_then(Value::as_bool) == Some(true);
    let mut filter = SubscriptionFilter::new();
    filter.tools_list_changed = tells("/tools/listChanged").then_some(true);
    filter.prompts_list_changed = tells("/prompts/listChanged").then_some(true);
    filter.resources_list_changed = tells("/resources/listChanged").then_some(true);
    let uris = shared.subscriptions();
    filter.resource_subscriptions = (tells("/resources/subscribe") && !uris.is_empty()).then_some(uris);
    (filter != SubscriptionFilter::new()).then_some(filter)
}

/// Who we are towards servers, and what we can be asked: whatever clients can; those that cannot are spoken for.
fn ourselves() -> ClientConfig {
    let capabilities = json!({"elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}}, "roots": {}});
    let capabilities: ClientCapabilities = serde_json::from_value(capabilities).unwrap_or_default();
    ClientConfig::new(capabilities, Implementation::new("interlock", env!("CARGO_PKG_VERSION")))
        .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
}

/// Why a handshake failed, without the messages themselves.
fn reason(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::TransportError { error, .. } => error.error.to_string(),
        ClientInitializeError::JsonRpcError(error) => format!("the server answered: {}", error.message),
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => reason(fallback),
        ClientInitializeError::ConnectionClosed(_) => {
            "the server closed the connection during the handshake".to_owned()
        }
        ClientInitializeError::ExpectedInitResponse(_) | ClientInitializeError::ExpectedInitResult(_) => {
            "the server's answer to the handshake is not one".to_owned()
        }
        other => other.to_string(),
    }
}
