//! What all servers offer together, under the names that AI apps see. For the gateway, the mediator and the operator.
//!
//! Nothing here is kept up to date by a task: the index of tools is made anew when a server's offers are others than
//! those it was made of.

mod routes;
mod template;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use arc_swap::ArcSwap;
use serde_json::{Map, Value, json};
use tokio::sync::broadcast;
use tracing::warn;

use self::routes::Routes;
use super::{Announcement, Announcements, Offers, State, Status, TASKS, Tool, ToolServer};
use crate::call::ToolName;

/// The first revision in which each request tells whether its client takes tasks.
const TASKS_SINCE: &str = "2026-07-28";

/// Two tools that AI apps would see under one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{kept}` and `{shadowed}` would both be seen as `{exposed}`")]
pub struct Clash {
    /// The name that AI apps see.
    pub exposed: String,
    /// The tool that has it: the first in configuration order.
    pub kept: ToolName,
    /// The tool that is seen under no name.
    pub shadowed: ToolName,
}

/// The servers in configuration order, and what they offer. Clones share everything.
#[derive(Clone, Debug)]
pub struct Catalogue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    servers: Vec<Mounted>,
    announcements: Announcements,
    index: ArcSwap<Index>,
    routes: Mutex<Routes>,
}

/// A server under its prefix.
#[derive(Debug)]
struct Mounted {
    server: Arc<dyn ToolServer>,
    prefix: String,
}

/// The tools by name, made of these offers.
#[derive(Debug, Default)]
struct Index {
    made_of: Vec<Arc<Offers>>,
    tools: Arc<[Tool]>,
    exposed: HashMap<String, usize>,
    named: HashMap<String, Found>,
    clashes: Vec<Clash>,
}

#[derive(Clone, Debug)]
struct Found {
    server: usize,
    tool: Tool,
}

impl Catalogue {
    /// Over servers and their prefixes, in configuration order. The announcements are those that the servers were
    /// given.
    pub fn new(servers: Vec<(Arc<dyn ToolServer>, String)>, announcements: Announcements) -> Self {
        let servers = servers.into_iter().map(|(server, prefix)| Mounted { server, prefix }).collect();
        Self(Arc::new(Inner { servers, announcements, index: ArcSwap::default(), routes: Mutex::default() }))
    }

    /// Over other servers. Of those that stay, it remembers which prompts and resources are theirs, and who is subscribed.
    pub fn succeeded_by(&self, servers: Vec<(Arc<dyn ToolServer>, String)>) -> Self {
        let next = Self::new(servers, self.0.announcements.clone());
        let place = |at: usize| {
            let before = self.0.servers.get(at)?;
            next.0.servers.iter().position(|mounted| Arc::ptr_eq(&mounted.server, &before.server))
        };
        *next.routes() = self.routes().moved(place);
        next
    }

    /// Every tool that AI apps see, by server in configuration order, then in the server's own order.
    pub fn tools(&self) -> Arc<[Tool]> {
        self.index().tools.clone()
    }

    /// Every tool of every server, those included that AI apps do not see because another one has their name.
    pub fn every_tool(&self) -> Vec<Tool> {
        self.index().made_of.iter().flat_map(|offers| offers.tools.iter().cloned()).collect()
    }

    /// The tool with this exposed name or `server/tool` name, and its server.
    pub fn find(&self, name: &str) -> Option<(Arc<dyn ToolServer>, Tool)> {
        let index = self.index();
        let exposed = index.exposed.get(name).and_then(|at| index.tools.get(*at)).map(|tool| tool.name.as_str());
        let found = index.named.get(exposed.unwrap_or(name))?;
        Some((self.0.servers.get(found.server)?.server.clone(), found.tool.clone()))
    }

    /// What a tool of a server is called by this name which has not said yet what tools it has.
    pub fn awaited(&self, name: &str) -> Option<ToolName> {
        self.0.servers.iter().find_map(|Mounted { server, prefix }| {
            let prefixed = name.strip_prefix(prefix.as_str()).filter(|_| !prefix.is_empty());
            let named = || name.split_once('/').filter(|(named, _)| *named == server.name()).map(|(_, tool)| tool);
            let tool = prefixed.or_else(named)?;
            let silent = !matches!(server.status().state, State::Ready) && server.offers().tools.is_empty();
            silent.then(|| ToolName::new(server.name(), tool))
        })
    }

    /// The server of this name.
    pub fn server(&self, name: &str) -> Option<Arc<dyn ToolServer>> {
        self.0.servers.iter().find(|mounted| mounted.server.name() == name).map(|mounted| mounted.server.clone())
    }

    /// Tools that would be seen under one name. At start that is an error of the configuration; later the first is
    /// kept.
    pub fn clashes(&self) -> Vec<Clash> {
        self.index().clashes.clone()
    }

    /// Everything that servers announce from now on.
    pub fn announcements(&self) -> broadcast::Receiver<Announcement> {
        self.0.announcements.listen()
    }

    /// How each server is, in configuration order.
    pub fn status(&self) -> Vec<Status> {
        let index = self.index();
        let mut all: Vec<_> = self.0.servers.iter().map(|mounted| mounted.server.status()).collect();
        for status in &mut all {
            let shadowed = index.clashes.iter().filter(|clash| clash.shadowed.server() == status.name);
            status.shadowed = shadowed.map(|clash| clash.shadowed.tool().to_owned()).collect();
        }
        all
    }

    /// What the servers can do together (MCP `ServerCapabilities`): what any of them declares. Tools are always there.
    pub fn capabilities(&self) -> Value {
        let mut all = json!({"tools": {"listChanged": true}});
        for mounted in &self.0.servers {
            let offers = mounted.server.offers();
            let mut capabilities = offers.capabilities.clone();
            if let Some(extensions) = capabilities.get_mut("extensions").and_then(Value::as_object_mut)
                && offers.protocol.as_str() < TASKS_SINCE
            {
                // It would not learn whose client takes tasks.
                extensions.remove(TASKS);
            }
            unite(&mut all, &capabilities);
        }
        all
    }

    /// The servers' instructions, each under its server's name; none if no server has any.
    pub fn instructions(&self) -> Option<String> {
        let offers: Vec<_> = self.0.servers.iter().map(|mounted| (mounted, mounted.server.offers())).collect();
        let given: Vec<_> = offers
            .iter()
            .filter_map(|(mounted, offers)| Some((mounted.server.name(), offers.instructions.as_deref()?)))
            .collect();
        match given.as_slice() {
            [] => None,
            [(_, only)] if self.0.servers.len() == 1 => Some((*only).to_owned()),
            many => Some(many.iter().map(|(name, text)| format!("## {name}\n{text}")).collect::<Vec<_>>().join("\n\n")),
        }
    }

    fn index(&self) -> Arc<Index> {
        let current = self.0.index.load_full();
        let offers: Vec<_> = self.0.servers.iter().map(|mounted| mounted.server.offers()).collect();
        let same = offers.len() == current.made_of.len()
            && offers.iter().zip(&current.made_of).all(|(new, old)| Arc::ptr_eq(new, old));
        if same {
            return current;
        }
        let index = Arc::new(Index::new(offers));
        for clash in index.clashes.iter().filter(|clash| !current.clashes.contains(clash)) {
            warn!(%clash, "a tool is not shown");
        }
        self.0.index.store(index.clone());
        index
    }
}

impl Index {
    fn new(made_of: Vec<Arc<Offers>>) -> Self {
        let mut index = Self::default();
        let mut tools: Vec<Tool> = Vec::new();
        for (server, tool) in
            made_of.iter().enumerate().flat_map(|(at, offers)| offers.tools.iter().map(move |t| (at, t)))
        {
            index.named.insert(tool.name.as_str().to_owned(), Found { server, tool: tool.clone() });
            match index.exposed.get(&tool.exposed).and_then(|at| tools.get(*at)) {
                Some(kept) => index.clashes.push(Clash {
                    exposed: tool.exposed.clone(),
                    kept: kept.name.clone(),
                    shadowed: tool.name.clone(),
                }),
                None => {
                    index.exposed.insert(tool.exposed.clone(), tools.len());
                    tools.push(tool.clone());
                }
            }
        }
        Self { made_of, tools: tools.into(), ..index }
    }
}

/// Adds what `more` declares to `all`: objects key by key, and of two flags the one that is set.
fn unite(all: &mut Value, more: &Value) {
    match (all, more) {
        (Value::Object(all), Value::Object(more)) => {
            for (key, value) in more {
                unite(all.entry(key.as_str()).or_insert(Value::Null), value);
            }
        }
        (Value::Bool(all), Value::Bool(more)) => *all |= more,
        (all @ Value::Null, more) => *all = more.clone(),
        _ => {}
    }
}

/// An object of one key.
fn object(key: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value)]))
}
