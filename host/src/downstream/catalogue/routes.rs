//! Which server a request other than `tools/call` is for: prompts by name, resources by URI, lists from all.

use std::{
    collections::HashMap,
    sync::{MutexGuard, PoisonError},
};

use futures::future::join_all;
use serde_json::{Map, Value, json};
use tracing::warn;

use super::{Catalogue, Mounted, object, template};
use crate::downstream::{Link, RpcError, ServerError, State};

/// Pages that a server's list may have.
const MAX_PAGES: usize = 1000;

/// What is between two neighbours only, and never passed on.
const OWN: [&str; 6] = ["initialize", "server/discover", "ping", "subscriptions/listen", "tools/list", "tools/call"];

/// What the last listings told, and who is subscribed.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// Exposed name of a prompt → server, the server's own name of it.
    prompts: HashMap<String, (usize, String)>,
    /// URI → server.
    resources: HashMap<String, usize>,
    /// URI template, server.
    templates: Vec<(String, usize)>,
    /// URI → server, number of subscriptions.
    subscribed: HashMap<String, (usize, usize)>,
}

impl Routes {
    /// The same where servers have other positions; what belonged to those without one is left out.
    pub(super) fn moved(&self, place: impl Fn(usize) -> Option<usize>) -> Self {
        let prompts = self.prompts.iter();
        let resources = self.resources.iter();
        let templates = self.templates.iter();
        let subscribed = self.subscribed.iter();
        Self {
            prompts: prompts.filter_map(|(name, (at, own))| Some((name.clone(), (place(*at)?, own.clone())))).collect(),
            resources: resources.filter_map(|(uri, at)| Some((uri.clone(), place(*at)?))).collect(),
            templates: templates.filter_map(|(uri, at)| Some((uri.clone(), place(*at)?))).collect(),
            subscribed: subscribed
                .filter_map(|(uri, (at, count))| Some((uri.clone(), (place(*at)?, *count))))
                .collect(),
        }
    }
}

/// A list that is merged over the servers: its method, its field, the capability that a server must declare.
struct Listing {
    method: &'static str,
    field: &'static str,
    capability: &'static str,
}

const PROMPTS: Listing = Listing { method: "prompts/list", field: "prompts", capability: "prompts" };
const RESOURCES: Listing = Listing { method: "resources/list", field: "resources", capability: "resources" };
const TEMPLATES: Listing =
    Listing { method: "resources/templates/list", field: "resourceTemplates", capability: "resources" };

/// What servers listed, as one page.
#[derive(Debug, Default)]
struct Listed {
    /// Each with the position of its server.
    items: Vec<(usize, Value)>,
    /// What is said beside them.
    page: Map<String, Value>,
}

impl Catalogue {
    /// Passes on any request but `tools/call` and `tools/list`, with names and URIs as AI apps know them. Lists are
    /// merged over all servers that are there, on one page.
    ///
    /// # Errors
    /// As for [`ToolServer::request`](crate::downstream::ToolServer::request); a JSON-RPC error if no server is meant.
    pub async fn request(&self, method: &str, params: Value, link: Link) -> Result<Value, ServerError> {
        match method {
            "prompts/list" => Ok(self.list_prompts(&link).await),
            "resources/list" => Ok(self.list_resources(&RESOURCES, "uri", &link).await),
            "resources/templates/list" => Ok(self.list_resources(&TEMPLATES, "uriTemplate", &link).await),
            "prompts/get" => self.prompt(method, params, "/name", link).await,
            "resources/read" => self.resource(method, params, "/uri", link).await.map(|(_, answer)| answer),
            "resources/subscribe" => self.subscribe(params, link).await,
            "resources/unsubscribe" => self.unsubscribe(params, link).await,
            "completion/complete" if params.pointer("/ref/type").and_then(Value::as_str) == Some("ref/prompt") => {
                self.prompt(method, params, "/ref/name", link).await
            }
            "completion/complete" => self.resource(method, params, "/ref/uri", link).await.map(|(_, answer)| answer),
            "logging/setLevel" => Ok(self.set_level(params, &link).await),
            _ => match self.0.servers.as_slice() {
                [only] if !OWN.contains(&method) => only.server.request(method, params, link).await,
                _ => Err(rpc(-32601, format!("no server is meant by `{method}`"))),
            },
        }
    }

    /// The servers that declare a capability, with their positions.
    fn able(&self, capability: &str) -> Vec<(usize, &Mounted)> {
        let declares = |mounted: &Mounted| mounted.server.offers().capabilities.get(capability).is_some();
        self.0.servers.iter().enumerate().filter(|(_, mounted)| declares(mounted)).collect()
    }

    /// What every server lists. One that is away, or fails, is left out.
    async fn list(&self, listing: &Listing, link: &Link) -> Listed {
        let able = self.able(listing.capability).into_iter();
        let here = able.filter(|(_, mounted)| mounted.server.status().state == State::Ready);
        let lists = join_all(here.map(|(at, mounted)| async move {
            match list_one(mounted, listing, link).await {
                Ok(listed) => Some((at, listed)),
                Err(error) => {
                    warn!(server = mounted.server.name(), %error, method = listing.method, "a list is left out");
                    None
                }
            }
        }));
        let mut all = Listed::default();
        for (at, (items, page)) in lists.await.into_iter().flatten() {
            all.items.extend(items.into_iter().map(|item| (at, item)));
            add_page(&mut all.page, page);
        }
        all
    }

    async fn list_prompts(&self, link: &Link) -> Value {
        let mut prompts = Vec::new();
        let mut named = HashMap::new();
        let Listed { items, page } = self.list(&PROMPTS, link).await;
        for (at, mut prompt) in items {
            let (Some(name), Some(mounted)) = (text(&prompt, "/name"), self.0.servers.get(at)) else { continue };
            let exposed = format!("{}{name}", mounted.prefix);
            if named.contains_key(&exposed) {
                warn!(server = mounted.server.name(), prompt = name, "a second prompt of the same name is not shown");
                continue;
            }
            replace(&mut prompt, "/name", exposed.clone());
            named.insert(exposed, (at, name));
            prompts.push(prompt);
        }
        self.routes().prompts = named;
        with_items(page, PROMPTS.field, prompts)
    }

    async fn list_resources(&self, listing: &Listing, key: &str, link: &Link) -> Value {
        let Listed { items, page } = self.list(listing, link).await;
        let known = items.iter().filter_map(|(at, item)| Some((text(item, &format!("/{key}"))?, *at)));
        let mut routes = self.routes();
        if key == "uri" {
            routes.resources = HashMap::new();
            for (uri, at) in known {
                routes.resources.entry(uri).or_insert(at);
            }
        } else {
            routes.templates = known.collect();
        }
        drop(routes);
        with_items(page, listing.field, items.into_iter().map(|(_, item)| item).collect())
    }

    /// A request that names a prompt, for the server that listed it; else for each whose prefix fits, longest first.
    async fn prompt(&self, method: &str, params: Value, pointer: &str, link: Link) -> Result<Value, ServerError> {
        let name = text(&params, pointer).unwrap_or_default();
        let listed = self.routes().prompts.get(&name).cloned();
        let candidates = match listed {
            Some(listed) => vec![listed],
            None => {
                let mut fitting: Vec<_> = self.able(PROMPTS.capability);
                fitting.sort_by_key(|(_, mounted)| std::cmp::Reverse(mounted.prefix.len()));
                let own = |(at, mounted): (usize, &Mounted)| Some((at, name.strip_prefix(&mounted.prefix)?.to_owned()));
                fitting.into_iter().filter_map(own).collect()
            }
        };
        let none = rpc(-32602, format!("unknown prompt `{name}`"));
        self.first_that_knows(method, params, pointer, candidates, link, none).await.map(|(_, answer)| answer)
    }

    /// A request that names a resource: for the server that listed it, else for those of which a template fits, else
    /// for each that has resources, until one knows it.
    async fn resource(
        &self,
        method: &str,
        params: Value,
        pointer: &str,
        link: Link,
    ) -> Result<(usize, Value), ServerError> {
        let uri = text(&params, pointer).unwrap_or_default();
        let listed = self.routes().resources.get(&uri).copied();
        let mut candidates: Vec<usize> = listed.into_iter().collect();
        if candidates.is_empty() {
            let fits = |template: &str| template == uri || template::matches(template, &uri);
            candidates.extend(self.routes().templates.iter().filter(|(known, _)| fits(known)).map(|(_, at)| *at));
            candidates.extend(self.able(RESOURCES.capability).into_iter().map(|(at, _)| at));
            let mut seen = std::collections::HashSet::new();
            candidates.retain(|at| seen.insert(*at));
        }
        let candidates = candidates.into_iter().map(|at| (at, uri.clone())).collect();
        let none = rpc(-32602, format!("unknown resource `{uri}`"));
        self.first_that_knows(method, params, pointer, candidates, link, none).await
    }

    /// Asks one server after the other, each with its own name for the thing, while they say that they do not know it.
    async fn first_that_knows(
        &self,
        method: &str,
        params: Value,
        pointer: &str,
        candidates: Vec<(usize, String)>,
        link: Link,
        none: ServerError,
    ) -> Result<(usize, Value), ServerError> {
        let mut last = none;
        for (at, own_name) in candidates {
            let Some(mounted) = self.0.servers.get(at) else { continue };
            let mut params = params.clone();
            replace(&mut params, pointer, own_name);
            match mounted.server.request(method, params, link.clone()).await {
                Ok(answer) => return Ok((at, answer)),
                // Not found, bad parameters, no such method: another server may know.
                Err(ServerError::Rpc(error)) if matches!(error.code, -32002 | -32602 | -32601) => last = error.into(),
                Err(error @ ServerError::Unavailable { .. }) => last = error,
                Err(error @ (ServerError::Cancelled | ServerError::Lost { .. } | ServerError::Rpc(_))) => {
                    return Err(error);
                }
            }
        }
        Err(last)
    }

    async fn subscribe(&self, params: Value, link: Link) -> Result<Value, ServerError> {
        let uri = text(&params, "/uri").unwrap_or_default();
        let (at, answer) = self.resource("resources/subscribe", params, "/uri", link).await?;
        self.routes().subscribed.entry(uri).or_insert((at, 0)).1 += 1;
        Ok(answer)
    }

    /// The server hears of it when nobody is left who wants to know.
    async fn unsubscribe(&self, params: Value, link: Link) -> Result<Value, ServerError> {
        let uri = text(&params, "/uri").unwrap_or_default();
        let last = {
            let mut routes = self.routes();
            match routes.subscribed.get_mut(&uri) {
                Some((_, count)) if *count > 1 => {
                    *count -= 1;
                    None
                }
                Some(_) => routes.subscribed.remove(&uri),
                None => None,
            }
        };
        match last.and_then(|(at, _)| self.0.servers.get(at)) {
            Some(mounted) => mounted.server.request("resources/unsubscribe", params, link).await,
            None => Ok(json!({})),
        }
    }

    async fn set_level(&self, params: Value, link: &Link) -> Value {
        let told = self.able("logging").into_iter().map(|(_, mounted)| async {
            if let Err(error) = mounted.server.request("logging/setLevel", params.clone(), link.clone()).await {
                warn!(server = mounted.server.name(), %error, "the log level could not be set");
            }
        });
        join_all(told).await;
        Value::Object(Map::new())
    }

    /// The lock guards no code that can panic half-way.
    pub(super) fn routes(&self) -> MutexGuard<'_, Routes> {
        self.0.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All pages of one server's list: the items, and what is said beside them.
async fn list_one(
    mounted: &Mounted,
    listing: &Listing,
    link: &Link,
) -> Result<(Vec<Value>, Map<String, Value>), ServerError> {
    let (mut items, mut said) = (Vec::new(), Map::new());
    let mut params = Value::Object(Map::new());
    for _ in 0..MAX_PAGES {
        let mut page = mounted.server.request(listing.method, params, link.clone()).await?;
        if let Some(Value::Array(more)) = page.get_mut(listing.field).map(Value::take) {
            items.extend(more);
        }
        let cursor = page.as_object_mut().and_then(|page| page.shift_remove("nextCursor"));
        if let Value::Object(page) = page {
            add_page(&mut said, page);
        }
        match cursor {
            Some(cursor @ Value::String(_)) => params = object("cursor", cursor),
            _ => break,
        }
    }
    Ok((items, said))
}

/// Adds what another page says beside its items. What was said first stands, but a list lives no longer than any of
/// its pages.
fn add_page(all: &mut Map<String, Value>, page: Map<String, Value>) {
    let lives = |page: &Map<String, Value>| page.get("ttlMs").and_then(Value::as_f64);
    if let (Some(so_far), Some(this)) = (lives(all), lives(&page))
        && this < so_far
        && let Some(ttl) = page.get("ttlMs")
    {
        all.insert("ttlMs".to_owned(), ttl.clone());
    }
    for (key, value) in page {
        all.entry(key).or_insert(value);
    }
}

/// A page with its items.
fn with_items(mut page: Map<String, Value>, field: &str, items: Vec<Value>) -> Value {
    page.insert(field.to_owned(), items.into());
    Value::Object(page)
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

fn replace(value: &mut Value, pointer: &str, text: String) {
    if let Some(place) = value.pointer_mut(pointer) {
        *place = Value::String(text);
    }
}

fn rpc(code: i64, message: String) -> ServerError {
    RpcError { code, message, data: None }.into()
}
