//! One live connection to one server: a request out, its answer back. For the MCP client and its keeper.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use rmcp::{
    RoleClient,
    model::{ClientRequest, CustomRequest, MetaObject, ProtocolVersion, RequestMetaObject, ServerResult},
    service::{Peer, PeerRequestOptions, RequestHandle, ServiceError},
};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    Link, Offers, ServerError, exchange::Exchange, http::Tapped, outlet::Outlet, stateless::Posted,
    switchboard::Switchboard,
};

/// `_meta` keys of the revision without a handshake.
const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
const CLIENT_KEY: &str = "io.modelcontextprotocol/clientInfo";
const LOG_LEVEL_KEY: &str = "io.modelcontextprotocol/logLevel";

/// How the connection is carried.
#[derive(Clone)]
pub(super) enum Carrier {
    /// Lines on a pipe.
    Pipe(Outlet),
    /// One POST per message.
    Http(Tapped),
}

/// A connection after its handshake.
pub(super) struct Connection {
    pub(super) server: Arc<str>,
    pub(super) peer: Peer<RoleClient>,
    pub(super) board: Arc<Switchboard>,
    pub(super) carrier: Carrier,
    pub(super) protocol: ProtocolVersion,
    /// What the server offers at the moment.
    pub(super) offers: Arc<ArcSwap<Offers>>,
    /// Ids of the requests that went straight to the server.
    pub(super) posted: AtomicU64,
    pub(super) orphan_grace: Duration,
    pub(super) call_time: Duration,
    pub(super) listing_time: Duration,
}

impl Connection {
    /// Whether every request stands for itself (2026-07-28): no handshake, no requests from the server.
    pub(super) fn is_modern(&self) -> bool {
        !self.protocol.has_initialize()
    }

    /// Sends one request of a client and waits for the answer, for as long as the server shows that it is at work.
    ///
    /// # Errors
    /// See [`ServerError`]. A request that is called off after it was sent, by the client or because the server has been
    /// silent for too long, is [`ServerError::Lost`], unless the server answers within the grace.
    pub(super) async fn request(&self, method: &str, params: Value, link: &Link) -> Result<Value, ServerError> {
        let mut meta = link.meta.clone();
        if self.is_modern() {
            let capabilities = Some(&link.capabilities).filter(|value| value.is_object()).cloned();
            meta.insert(CAPABILITIES_KEY.to_owned(), capabilities.unwrap_or_else(|| json!({})));
            if let Some(level) = &link.log_level {
                meta.insert(LOG_LEVEL_KEY.to_owned(), Value::String(level.clone()));
            }
        }
        let exchange = Arc::new(Exchange::new(link));
        match &self.carrier {
            Carrier::Http(tapped) if self.is_modern() => {
                self.post(tapped, exchange, method, params, meta, &link.cancel).await
            }
            Carrier::Http(_) | Carrier::Pipe(_) => self.exchange(exchange, method, params, meta, &link.cancel).await,
        }
    }

    /// Sends a request that stands for itself.
    async fn post(
        &self,
        tapped: &Tapped,
        exchange: Arc<Exchange>,
        method: &str,
        mut params: Value,
        mut meta: Map<String, Value>,
        cancel: &CancellationToken,
    ) -> Result<Value, ServerError> {
        if cancel.is_cancelled() {
            return Err(ServerError::Cancelled);
        }
        meta.insert(VERSION_KEY.to_owned(), self.protocol.as_str().into());
        meta.insert(CLIENT_KEY.to_owned(), json!({"name": "interlock", "version": env!("CARGO_PKG_VERSION")}));
        if let Some(params) = params.as_object_mut() {
            params.insert("_meta".to_owned(), Value::Object(meta));
        }
        let offers = self.offers.load();
        let called = params.get("name").and_then(Value::as_str).filter(|_| method == "tools/call");
        let tool = called.and_then(|called| offers.tools.iter().find(|tool| tool.name.tool() == called)).cloned();
        let schema = tool.as_ref().and_then(|tool| tool.definition.get("inputSchema")).and_then(Value::as_object);
        let id = format!("interlock-{}", self.posted.fetch_add(1, Ordering::Relaxed));
        let key = Value::from(id.as_str()).to_string();
        let _forget = Forget { board: self.board.clone(), exchange: exchange.clone(), id: key };
        let posted = Posted { method, params, version: self.protocol.as_str(), schema };
        let reason = tokio::select! {
            biased;
            posted = tapped.post(&id, posted, &exchange) => match (exchange.take_answer(), posted) {
                (Some(answer), _) => return answer.map_err(ServerError::Rpc),
                (None, Ok(())) => "the server ended its answer before it was there".to_owned(),
                (None, Err(error)) => error.to_string(),
            },
            end = self.given_up(&exchange, cancel) => {
                if exchange.call_off() {
                    return Err(self.unsent(end));
                }
                self.reason(end)
            }
        };
        Err(if exchange.was_sent() { self.lost(reason) } else { self.unavailable(reason) })
    }

    /// Sends one request of our own and waits for the answer, at most for the time of a listing.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub(super) async fn own_request(&self, method: &str, params: Value) -> Result<Value, ServerError> {
        let cancel = CancellationToken::new();
        let mut meta = Map::new();
        if self.is_modern() {
            meta.insert(CAPABILITIES_KEY.to_owned(), json!({}));
        }
        let exchange = Arc::new(Exchange::of_our_own(cancel.clone()));
        let request = self.exchange(exchange, method, params, meta, &cancel);
        match tokio::time::timeout(self.listing_time, request).await {
            Ok(answer) => answer,
            Err(_) => Err(self.lost(format!("no answer to `{method}` within {} s", self.listing_time.as_secs()))),
        }
    }

    /// Everything of a listing that comes in pages, as the server gave it.
    ///
    /// # Errors
    /// As for each page, or if the server never comes to an end.
    pub(super) async fn list_all(&self, method: &str, field: &str) -> Result<Vec<Value>, ServerError> {
        let mut items = Vec::new();
        let mut cursor = None;
        for _ in 0..MAX_PAGES {
            let params = cursor.map_or_else(|| json!({}), |cursor| json!({ "cursor": cursor }));
            let mut page = self.own_request(method, params).await?;
            if let Some(Value::Array(more)) = page.get_mut(field).map(Value::take) {
                items.extend(more);
            }
            match page.get_mut("nextCursor").map(Value::take) {
                Some(Value::String(next)) => cursor = Some(next),
                _ => return Ok(items),
            }
        }
        Err(self.lost(format!("`{method}` has more than {MAX_PAGES} pages")))
    }

    async fn exchange(
        &self,
        exchange: Arc<Exchange>,
        method: &str,
        params: Value,
        meta: Map<String, Value>,
        cancel: &CancellationToken,
    ) -> Result<Value, ServerError> {
        if cancel.is_cancelled() {
            return Err(ServerError::Cancelled);
        }
        let params = params.as_object().is_some_and(|params| !params.is_empty()).then_some(params);
        let mut request = CustomRequest::new(method, params);
        request.extensions.insert(exchange.clone());
        let options = PeerRequestOptions::no_options().with_meta(RequestMetaObject(MetaObject(meta)));
        let sent = self.peer.send_request_with_option(ClientRequest::CustomRequest(request), options).await;
        let Ok(mut handle) = sent else {
            return Err(self.unavailable("the connection is closed".to_owned()));
        };
        let id = serde_json::to_string(&handle.id).unwrap_or_default();
        let _forget = Forget { board: self.board.clone(), exchange: exchange.clone(), id: id.clone() };
        tokio::select! {
            biased;
            outcome = &mut handle.rx => self.outcome(&exchange, outcome.unwrap_or(Err(ServiceError::TransportClosed))),
            end = self.given_up(&exchange, cancel) => self.call_off(&exchange, handle, &id, end).await,
        }
    }

    /// Waits until a request is waited for no longer. One of our own has a limit elsewhere.
    async fn given_up(&self, exchange: &Exchange, cancel: &CancellationToken) -> End {
        let silent = async {
            tokio::select! {
                () = exchange.silent_for(self.call_time) => {}
                () = tokio::time::sleep(LONGEST.max(self.call_time)) => {}
            }
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => End::Client,
            () = silent, if exchange.has_client() => End::Silence,
        }
    }

    /// Why there is no answer to a request that was sent.
    fn reason(&self, end: End) -> String {
        match end {
            End::Client => "called off by the client".to_owned(),
            End::Silence => format!("no answer, and no sign of life for {} s", self.call_time.as_secs_f32()),
        }
    }

    /// The same of one that never left.
    fn unsent(&self, end: End) -> ServerError {
        match end {
            End::Client => ServerError::Cancelled,
            End::Silence => self.unavailable("the server takes nothing in".to_owned()),
        }
    }

    /// What came back: the server's own answer, or why there is none.
    fn outcome(&self, exchange: &Exchange, outcome: Result<ServerResult, ServiceError>) -> Result<Value, ServerError> {
        let reason = match (exchange.take_answer(), outcome) {
            (Some(Ok(mut answer)), Ok(ServerResult::ListToolsResult(list))) => {
                // Over HTTP rmcp leaves tools out whose header annotations would not work.
                if let Some(tools) = answer.get_mut("tools").and_then(Value::as_array_mut) {
                    tools.retain(|tool| {
                        let name = tool.get("name").and_then(Value::as_str);
                        list.tools.iter().any(|kept| Some(kept.name.as_ref()) == name)
                    });
                }
                return Ok(answer);
            }
            (Some(answer), _) => return answer.map_err(ServerError::Rpc),
            (None, Ok(_)) => "the answer was not the server's".to_owned(),
            (None, Err(ServiceError::TransportSend(error))) => error.error.to_string(),
            (None, Err(error)) => error.to_string(),
        };
        if exchange.was_sent() { Err(self.lost(reason)) } else { Err(self.unavailable(reason)) }
    }

    async fn call_off(
        &self,
        exchange: &Exchange,
        mut handle: RequestHandle<RoleClient>,
        id: &str,
        end: End,
    ) -> Result<Value, ServerError> {
        let reason = self.reason(end);
        let unsent = exchange.call_off();
        if !unsent && !matches!((&self.carrier, self.is_modern()), (Carrier::Http(_), true)) {
            // Beside rmcp, which would stop listening for the answer. Closing the stream is how it is done from
            // 2026-07-28 over HTTP, below.
            let id = serde_json::from_str::<Value>(id).unwrap_or_default();
            let params = json!({"requestId": id, "reason": reason});
            let message = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
            let outlet = match &self.carrier {
                Carrier::Pipe(outlet) => Some(outlet.clone()),
                Carrier::Http(tapped) => tapped.outlet(),
            };
            let told = async {
                if let Some(outlet) = outlet {
                    // A server that is gone needs not be told.
                    let _ = outlet.send(message).await;
                }
                (&mut handle.rx).await
            };
            if let Ok(outcome) = tokio::time::timeout(self.orphan_grace, told).await {
                return self.outcome(exchange, outcome.unwrap_or(Err(ServiceError::TransportClosed)));
            }
        }
        let answer = exchange.take_answer();
        // Forgets the request; over HTTP from 2026-07-28 this closes its stream. Where that fails, there is none.
        let _ = handle.cancel(Some(reason.clone())).await;
        match answer {
            Some(answer) => answer.map_err(ServerError::Rpc),
            None if unsent => Err(self.unsent(end)),
            None => Err(self.lost(reason)),
        }
    }

    fn lost(&self, reason: String) -> ServerError {
        ServerError::Lost { server: self.server.to_string(), reason }
    }

    fn unavailable(&self, reason: String) -> ServerError {
        ServerError::Unavailable { server: self.server.to_string(), reason }
    }
}

/// Pages that a listing may have.
const MAX_PAGES: usize = 1000;
/// Longest time for one request, whatever the server says meanwhile (MCP, lifecycle: there should always be one).
const LONGEST: Duration = Duration::from_hours(24);

/// Why a request is waited for no longer.
#[derive(Clone, Copy)]
enum End {
    /// Its client has called it off.
    Client,
    /// Its server has been silent for too long.
    Silence,
}

/// Takes a request off the switchboard, however the wait for it ends.
struct Forget {
    board: Arc<Switchboard>,
    exchange: Arc<Exchange>,
    id: String,
}

impl Drop for Forget {
    fn drop(&mut self) {
        // What is still in a queue must not leave any more.
        self.exchange.call_off();
        self.board.forget(&self.id);
    }
}
