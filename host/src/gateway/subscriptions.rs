//! What is announced to whom: list changes to everyone who listens, resource updates to those who subscribed.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    mpsc,
};

use super::{
    Inner,
    answer::Returned,
    behind::Announcement,
    client::{Client, Era, Facts, admits},
    connection::Connection,
    line::Line,
    message::{self, INVALID_PARAMS, Object, Request, rpc},
    offer,
    relay::Running,
};
use crate::{call::Caller, downstream::RpcError};

/// Most resources that one client may subscribe to.
pub(super) const MOST: usize = 256;

/// Key of `_meta` that says which `subscriptions/listen` a notification belongs to.
const SUBSCRIPTION_KEY: &str = "io.modelcontextprotocol/subscriptionId";

impl Inner {
    /// `resources/subscribe`.
    pub(super) async fn subscribe(
        self: &Arc<Self>,
        request: Request,
        client: &Client,
        line: &Line,
    ) -> Result<Option<Value>, RpcError> {
        let uri = uri(&request);
        let Some(connection) = line.connection() else {
            return Err(rpc(message::METHOD_NOT_FOUND, "there is nothing to subscribe over"));
        };
        if !connection.subscribe(&uri)? {
            return Ok(Some(json!({})));
        }
        // What stands behind counts: each subscription of a client is taken back once.
        match self.forward(request, client, line, false).await {
            Ok(Some(result)) => Ok(Some(result)),
            Ok(None) => {
                // Called off, too late or not: nobody knows here.
                connection.unsubscribe(&uri);
                self.release(&uri).await;
                Ok(None)
            }
            Err(error) => {
                connection.unsubscribe(&uri);
                Err(error)
            }
        }
    }

    /// `resources/unsubscribe`.
    pub(super) async fn unsubscribe(self: &Arc<Self>, request: &Request, line: &Line) -> Option<Value> {
        let uri = uri(request);
        if line.connection().is_some_and(|connection| connection.unsubscribe(&uri)) {
            self.release(&uri).await;
        }
        Some(json!({}))
    }

    /// Takes one subscription back.
    async fn release(self: &Arc<Self>, uri: &str) {
        if let Err(error) = self.tell("resources/unsubscribe", uri).await {
            tracing::debug!(code = error.code, "a subscription could not be taken back");
        }
    }

    /// A request of our own about a resource, which no client waits for.
    async fn tell(self: &Arc<Self>, method: &str, uri: &str) -> Result<(), RpcError> {
        let client = Client {
            era: Era::Legacy,
            facts: Facts { version: String::new(), capabilities: json!({}), name: None, log_level: None },
            caller: Caller { principal: String::new(), roles: Vec::new(), client: None },
            session: None,
        };
        let params = Object::from_iter([("uri".to_owned(), uri.into())]);
        let request = Request { id: Value::Null, method: method.to_owned(), params };
        let Running { operation, messages, cancel: _ } =
            self.begin(request, &client, false, None, Returned::default()).await?;
        // Nobody reads along.
        drop(messages);
        operation.await.map(drop)
    }

    /// Announces to a legacy client until its connection is over, and then takes its subscriptions back.
    ///
    /// `logs` says whether it also gets what servers log outside of requests: that may be about other clients' doings,
    /// so only a client that has the servers to itself may see it.
    pub(super) async fn announce(self: Arc<Self>, connection: Arc<Connection>, out: mpsc::Sender<Value>, logs: bool) {
        let mut announced = self.behind.announcements();
        loop {
            let news = tokio::select! {
                news = next(&mut announced) => news,
                () = connection.closing.cancelled() => break,
            };
            let Some(news) = news else { break };
            for announcement in news {
                let wanted = match &announcement {
                    Announcement::ToolsChanged | Announcement::PromptsChanged | Announcement::ResourcesChanged => true,
                    Announcement::ResourceUpdated { uri, .. } => connection.subscribed(uri),
                    Announcement::Log { params, .. } => {
                        let wanted = connection.facts().and_then(|facts| facts.log_level);
                        let level = params.get("level").and_then(Value::as_str);
                        logs && admits(Era::Legacy, wanted.as_deref(), level)
                    }
                };
                let (method, params) = in_words(announcement);
                if wanted && out.send(message::notification(method, params)).await.is_err() {
                    break;
                }
            }
        }
        for uri in connection.take_subscriptions() {
            self.release(&uri).await;
        }
    }

    /// `subscriptions/listen`: acknowledges, then announces what was asked for until the client goes, or this door
    /// shuts.
    pub(super) async fn listen(self: &Arc<Self>, request: Request, line: &Line) -> Result<Option<Value>, RpcError> {
        let mut announced = self.behind.announcements();
        let wishes = request.params.get("notifications").and_then(Value::as_object).cloned().unwrap_or_default();
        let offered = offer::capabilities(&self.behind.offered(), Era::Modern);
        let granted = |wish: &str, list: &str| {
            wishes.get(wish) == Some(&Value::Bool(true))
                && offered.get(list).and_then(|it| it.get("listChanged")) == Some(&Value::Bool(true))
        };
        let (tools, prompts) = (granted("toolsListChanged", "tools"), granted("promptsListChanged", "prompts"));
        let resources = granted("resourcesListChanged", "resources");
        let updates = self.listened_to(&wishes, &offered).await?;

        let mut accepted = Object::new();
        for (key, granted) in
            [("toolsListChanged", tools), ("promptsListChanged", prompts), ("resourcesListChanged", resources)]
        {
            if granted {
                accepted.insert(key.to_owned(), true.into());
            }
        }
        if !updates.is_empty() {
            accepted.insert("resourceSubscriptions".to_owned(), json!(updates));
        }
        let tag = |mut params: Value| {
            if !params.is_object() {
                params = json!({});
            }
            if let Some(fields) = params.as_object_mut() {
                let meta = fields.entry("_meta").or_insert_with(|| json!({}));
                if let Some(meta) = meta.as_object_mut() {
                    meta.insert(SUBSCRIPTION_KEY.to_owned(), request.id.clone());
                }
            }
            params
        };
        line.notify("notifications/subscriptions/acknowledged", tag(json!({"notifications": accepted}))).await;

        let closing = line.connection().map_or_else(|| self.tasks.stopping(), |connection| connection.closing.clone());
        let ended = loop {
            let news = tokio::select! {
                news = next(&mut announced) => news,
                () = line.cancel.cancelled() => break None,
                () = closing.cancelled() => break Some(tag(json!({}))),
            };
            let Some(news) = news else { break Some(tag(json!({}))) };
            for announcement in news {
                let wanted = match &announcement {
                    Announcement::ToolsChanged => tools,
                    Announcement::PromptsChanged => prompts,
                    Announcement::ResourcesChanged => resources,
                    Announcement::ResourceUpdated { uri, .. } => updates.contains(uri),
                    Announcement::Log { .. } => false,
                };
                if wanted {
                    let (method, params) = in_words(announcement);
                    line.notify(method, tag(params)).await;
                }
            }
        };
        for uri in &updates {
            self.release(uri).await;
        }
        Ok(ended)
    }

    /// Subscribes to the resources that a client wants to hear of; those that refuse are left out.
    async fn listened_to(self: &Arc<Self>, wishes: &Object, offered: &Object) -> Result<Vec<String>, RpcError> {
        let can = offered.get("resources").and_then(|it| it.get("subscribe")) == Some(&Value::Bool(true));
        let wanted = match wishes.get("resourceSubscriptions") {
            Some(Value::Array(uris)) if can => uris.as_slice(),
            Some(_) | None => &[],
        };
        if wanted.len() > MOST {
            return Err(rpc(INVALID_PARAMS, format!("more than {MOST} resources")));
        }
        let mut accepted: Vec<String> = Vec::new();
        for uri in wanted.iter().filter_map(Value::as_str) {
            if accepted.iter().any(|known| known == uri) {
                continue;
            }
            match self.tell("resources/subscribe", uri).await {
                Ok(()) => accepted.push(uri.to_owned()),
                Err(error) => tracing::debug!(code = error.code, "a subscription was refused"),
            }
        }
        Ok(accepted)
    }
}

/// What is announced next. Whoever could not keep up is told that everything may have changed. None: never more.
async fn next(announced: &mut Receiver<Announcement>) -> Option<Vec<Announcement>> {
    match announced.recv().await {
        Ok(announcement) => Some(vec![announcement]),
        Err(RecvError::Lagged(_)) => {
            Some(vec![Announcement::ToolsChanged, Announcement::PromptsChanged, Announcement::ResourcesChanged])
        }
        Err(RecvError::Closed) => None,
    }
}

fn in_words(announcement: Announcement) -> (&'static str, Value) {
    match announcement {
        Announcement::ToolsChanged => ("notifications/tools/list_changed", Value::Null),
        Announcement::PromptsChanged => ("notifications/prompts/list_changed", Value::Null),
        Announcement::ResourcesChanged => ("notifications/resources/list_changed", Value::Null),
        Announcement::ResourceUpdated { uri, .. } => ("notifications/resources/updated", json!({"uri": uri})),
        Announcement::Log { params, .. } => ("notifications/message", params),
    }
}

fn uri(request: &Request) -> String {
    request.params.get("uri").and_then(Value::as_str).unwrap_or_default().to_owned()
}
