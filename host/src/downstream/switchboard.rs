//! Routes every raw message of one connection, in wire order, before rmcp sees it. For the stdio and HTTP transports.
//!
//! rmcp brings the life cycle, request ids, sessions and the HTTP details, but its typed models drop what they do not
//! know, and it hands each notification to a task of its own, so that progress overtakes progress and results. Hence
//! each transport shows every JSON text to the switchboard first. It keeps the answer to an open request as the server
//! wrote it (rmcp gets an empty result, to wake the waiting task), passes what belongs to a request to that request's
//! client, and leaves to rmcp only what is rmcp's own business: the handshake, pings, subscriptions.
//! A request's [`Exchange`] is found by the JSON-RPC id that rmcp gave it, seen when the request leaves.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rmcp::model::{ClientJsonRpcMessage, ClientRequest, JsonRpcMessage};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{Announcement, Announcements, RpcError, exchange::Exchange, outlet::Outlet, salvage::Salvaged};
use crate::tasks::Tasks;

/// A request that its client called off before it left.
#[derive(Debug, thiserror::Error)]
#[error("called off before it was sent")]
pub(super) struct CalledOff;

/// The open requests of one connection, in both directions.
#[derive(Debug)]
pub(super) struct Switchboard {
    server: Arc<str>,
    /// Ours, by id as JSON text.
    open: Mutex<HashMap<String, Open>>,
    /// The server's, by id as JSON text.
    asked: Mutex<HashMap<String, CancellationToken>>,
    handshake: Mutex<Option<Value>>,
    announcements: Announcements,
    tasks: Tasks,
    /// The server's tools are others than listed.
    pub(super) tools_changed: Notify,
    /// The server could not be reached.
    pub(super) unreachable: Notify,
}

#[derive(Debug)]
struct Open {
    exchange: Arc<Exchange>,
    token: Option<Value>,
    /// rmcp must see the answer as it is: it takes header rules from tool lists.
    whole: bool,
}

impl Switchboard {
    /// For one connection to `server`.
    pub(super) fn new(server: Arc<str>, announcements: Announcements, tasks: Tasks) -> Self {
        Self {
            server,
            open: Mutex::default(),
            asked: Mutex::default(),
            handshake: Mutex::default(),
            announcements,
            tasks,
            tools_changed: Notify::new(),
            unreachable: Notify::new(),
        }
    }

    /// What the server said of itself: its answer to `initialize` or `server/discover`.
    pub(super) fn handshake(&self) -> Value {
        lock(&self.handshake).clone().unwrap_or_default()
    }

    /// The JSON of a message that is about to leave, and the exchange that it opens, if it is a client's request.
    ///
    /// # Errors
    /// If it was called off meanwhile.
    pub(super) fn outgoing(&self, message: &ClientJsonRpcMessage) -> Result<(Value, Option<Arc<Exchange>>), CalledOff> {
        // Serialising our own messages cannot fail: they are made of JSON.
        let mut json = serde_json::to_value(message).unwrap_or_default();
        let exchange = match message {
            JsonRpcMessage::Request(request) => match &request.request {
                ClientRequest::CustomRequest(custom) => custom.extensions.get::<Arc<Exchange>>().cloned(),
                _ => None,
            },
            _ => None,
        };
        let Some(exchange) = exchange else { return Ok((json, None)) };
        if !exchange.begin_sending() {
            return Err(CalledOff);
        }
        let token = take_token(&mut json, exchange.wants_progress);
        let whole = json.get("method").and_then(Value::as_str) == Some("tools/list");
        if let Some(id) = json.get("id") {
            lock(&self.open).insert(id.to_string(), Open { exchange: exchange.clone(), token, whole });
        }
        Ok((json, Some(exchange)))
    }

    /// Notes a request that leaves by another way than rmcp: its id, which is also the token of its progress.
    pub(super) fn open(&self, id: &str, exchange: Arc<Exchange>) {
        let token = exchange.wants_progress.then(|| id.into());
        lock(&self.open).insert(Value::from(id).to_string(), Open { exchange, token, whole: false });
    }

    /// Forgets a request that nobody waits for any longer.
    pub(super) fn forget(&self, id: &str) {
        lock(&self.open).remove(id);
    }

    /// Routes one message from the server. `origin` is the id of our request on whose stream it came, where streams
    /// tell (HTTP). Returns what rmcp is to see of it.
    pub(super) async fn incoming(&self, message: Value, origin: Option<&str>, outlet: &Outlet) -> Option<Value> {
        match message.get("method").and_then(Value::as_str).map(str::to_owned) {
            None => self.response(message),
            Some(method) if message.get("id").is_some() => self.request(method, message, origin, outlet),
            Some(method) => self.notification(method, message, origin).await,
        }
    }

    /// Routes what stands for a message that could not be read: of an answer, an error, so that nobody waits for another.
    /// A request is answered with one. Returns what rmcp is to see.
    pub(super) async fn unreadable(
        &self,
        what: Salvaged,
        why: &str,
        origin: Option<&str>,
        outlet: &Outlet,
    ) -> Option<Value> {
        let error = |id: &Value, code: i64, whose: &str| {
            let message = format!("the {whose} cannot be read: {why}");
            json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
        };
        match what {
            Salvaged::Response(id) => self.incoming(error(&id, -32603, "server's answer"), origin, outlet).await,
            Salvaged::Request(id) => {
                // A server that is gone needs no answer.
                let _ = outlet.send(error(&id, -32700, "request")).await;
                None
            }
            Salvaged::Nothing => None,
        }
    }

    /// A response is an object with a result or an error and the id of an open request. A server may also write its log
    /// to its output, line by line as JSON: none of that must end a call.
    fn response(&self, mut message: Value) -> Option<Value> {
        let has = |key| message.get(key).is_some_and(Value::is_object);
        let (has_result, has_error) = (has("result"), has("error"));
        let id = message.get("id").cloned().filter(|id| !id.is_null() || has_error);
        let Some((id, open)) = id.as_ref().and_then(|id| self.close(id)) else {
            if id.is_none() || !(has_result || has_error) {
                warn!(server = %self.server, "the server sent something that is not a message; it was skipped");
                return None;
            }
            if let Some(result) = message.get("result").filter(|result| result.get("capabilities").is_some()) {
                *lock(&self.handshake) = Some(result.clone());
            }
            return Some(message);
        };
        let seen = (open.whole && has_result && !has_error).then(|| message.clone());
        let mut take = |key| message.get_mut(key).map(Value::take).unwrap_or_default();
        let answer = match (has_error, has_result) {
            (true, _) => Err(rpc_error(&take("error"))),
            (false, true) => Ok(take("result")),
            (false, false) => Err(RpcError::not_a_result()),
        };
        open.exchange.answered(answer);
        Some(seen.unwrap_or_else(|| json!({"jsonrpc": "2.0", "id": id, "result": {}})))
    }

    /// Takes the open request that a response is for. Some servers answer a number with the same digits as a string;
    /// an error without an id, as JSON-RPC answers what could not be read, is for the only one open.
    fn close(&self, id: &Value) -> Option<(Value, Open)> {
        let mut open = lock(&self.open);
        let key = match id {
            Value::Null => open.keys().next().filter(|_| open.len() == 1)?.clone(),
            Value::String(text) if !open.contains_key(&id.to_string()) => text.clone(),
            Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_) => id.to_string(),
        };
        let found = open.remove(&key)?;
        Some((serde_json::from_str(&key).unwrap_or_default(), found))
    }

    fn request(&self, method: String, mut message: Value, origin: Option<&str>, outlet: &Outlet) -> Option<Value> {
        if method == "ping" {
            return Some(message);
        }
        let id = message.get("id").cloned().unwrap_or_default();
        let params = message.get_mut("params").map(Value::take).unwrap_or_else(|| json!({}));
        let (key, outlet) = (id.to_string(), outlet.clone());
        let asked = self.askee(origin, &method, &params);
        let called_off = CancellationToken::new();
        lock(&self.asked).insert(key.clone(), called_off.clone());
        let server = self.server.clone();
        let stopping = self.tasks.stopping();
        let done = called_off.clone();
        self.tasks.spawn("downstream ask", async move {
            let answer = match asked {
                Ok(exchange) => tokio::select! {
                    answer = exchange.ask(method, params) => answer,
                    () = called_off.cancelled() => return,
                    () = stopping.cancelled() => return,
                },
                Err(error) => Err(error),
            };
            let reply = match answer {
                Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
                Err(error) => json!({"jsonrpc": "2.0", "id": id, "error": error_object(error)}),
            };
            if let Err(error) = outlet.send(reply).await {
                warn!(%server, %error, "a client's answer did not reach the server");
            }
            done.cancel();
        });
        // Entries whose task has ended are swept here, so that the map never holds more than what is open.
        lock(&self.asked).retain(|_, token| !token.is_cancelled());
        None
    }

    /// The request of a client that a server's request belongs to.
    fn askee(&self, origin: Option<&str>, method: &str, params: &Value) -> Result<Arc<Exchange>, RpcError> {
        let open = lock(&self.open);
        if let Some(found) = origin.and_then(|id| open.get(id)) {
            return Ok(found.exchange.clone());
        }
        let clients: Vec<_> = open.values().map(|open| &open.exchange).filter(|open| open.has_client()).collect();
        if let [only] = clients.as_slice() {
            return Ok(Arc::clone(only));
        }
        let mut able = clients.iter().filter(|exchange| exchange.can_be_asked(method, params));
        match (able.next(), able.next()) {
            (Some(only), None) => Ok(Arc::clone(only)),
            _ => Err(RpcError {
                code: -32603,
                message: format!("cannot tell which of {} open requests this belongs to", clients.len()),
                data: None,
            }),
        }
    }

    async fn notification(&self, method: String, mut message: Value, origin: Option<&str>) -> Option<Value> {
        let mut params = message.get_mut("params").map(Value::take).unwrap_or_else(|| json!({}));
        match method.as_str() {
            "notifications/progress" => {
                let token = params.as_object_mut().and_then(|params| params.shift_remove("progressToken"));
                if let Some(exchange) = token.and_then(|token| self.by_token(&token)) {
                    exchange.notify(method, params).await;
                }
            }
            "notifications/tools/list_changed" => self.tools_changed.notify_one(),
            "notifications/prompts/list_changed" => self.announcements.announce(Announcement::PromptsChanged),
            "notifications/resources/list_changed" => self.announcements.announce(Announcement::ResourcesChanged),
            "notifications/resources/updated" => {
                if let Some(uri) = params.get("uri").and_then(Value::as_str) {
                    let (server, uri) = (self.server.clone(), uri.to_owned());
                    self.announcements.announce(Announcement::ResourceUpdated { server, uri });
                }
            }
            "notifications/cancelled" => {
                let id = params.get("requestId").map(Value::to_string).unwrap_or_default();
                match lock(&self.asked).remove(&id) {
                    Some(asked) => asked.cancel(),
                    // A modern server ends a subscription this way.
                    None => return Some(with_params(message, params)),
                }
            }
            "notifications/subscriptions/acknowledged" => return Some(with_params(message, params)),
            _ => match self.hearer(origin) {
                Some(exchange) => exchange.notify(method, params).await,
                None if method == "notifications/message" => {
                    self.announcements.announce(Announcement::Log { server: self.server.clone(), params });
                }
                None => debug!(server = %self.server, method, "a notification that belongs to nobody was dropped"),
            },
        }
        None
    }

    fn by_token(&self, token: &Value) -> Option<Arc<Exchange>> {
        let open = lock(&self.open);
        open.values().find(|open| open.token.as_ref() == Some(token)).map(|open| open.exchange.clone())
    }

    /// Whom a notification without an address is for: the request on whose stream it came, else the only one open.
    fn hearer(&self, origin: Option<&str>) -> Option<Arc<Exchange>> {
        let open = lock(&self.open);
        let mut clients = open.values().filter(|open| open.exchange.has_client());
        let found = match origin {
            Some(id) => open.get(id).filter(|open| open.exchange.has_client()),
            None => clients.next().filter(|_| clients.next().is_none()),
        };
        found.map(|open| open.exchange.clone())
    }
}

/// A lock of ours guards no code that can panic half-way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn with_params(mut message: Value, params: Value) -> Value {
    if let Some(message) = message.as_object_mut() {
        message.insert("params".to_owned(), params);
    }
    message
}

/// The progress token that rmcp puts into every request; taken out, with what is empty then, unless it is wanted.
fn take_token(json: &mut Value, wanted: bool) -> Option<Value> {
    let params = json.get_mut("params")?.as_object_mut()?;
    let meta = params.get_mut("_meta")?.as_object_mut()?;
    if wanted {
        return meta.get("progressToken").cloned();
    }
    meta.shift_remove("progressToken");
    if meta.is_empty() {
        params.shift_remove("_meta");
    }
    None
}

/// A JSON-RPC error object, as far as it is one.
fn rpc_error(error: &Value) -> RpcError {
    RpcError {
        code: error.get("code").and_then(Value::as_i64).unwrap_or(-32603),
        message: error.get("message").and_then(Value::as_str).unwrap_or("the server gave no reason").to_owned(),
        data: error.get("data").cloned(),
    }
}

fn error_object(error: RpcError) -> Value {
    let mut object = json!({"code": error.code, "message": error.message});
    if let (Some(object), Some(data)) = (object.as_object_mut(), error.data) {
        object.insert("data".to_owned(), data);
    }
    object
}
