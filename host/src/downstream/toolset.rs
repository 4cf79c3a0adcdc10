//! A Wasm toolset as a server: its tools run in this process, its state lies in the journal's database.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{Link, Offers, RpcError, ServerError, State, Status, ToolServer, offers};
use crate::{
    clock::Timestamp,
    journal::{self, Permit},
    sandbox::{Exports, FactsError, GuestTool, KeyValue, LoadError, Plugin},
};

/// A toolset that is loaded and configured.
#[derive(Debug)]
pub struct Toolset {
    name: String,
    plugin: Plugin,
    offers: Arc<Offers>,
    store: Arc<dyn KeyValue>,
    since: Timestamp,
}

impl std::fmt::Debug for dyn KeyValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyValue")
    }
}

impl Toolset {
    /// Lists the tools of a loaded component and stands ready.
    ///
    /// # Errors
    /// If the component is not a toolset or cannot tell its tools.
    pub async fn start(
        name: &str,
        prefix: &str,
        plugin: Plugin,
        store: journal::KeyValue,
        since: Timestamp,
    ) -> Result<Self, LoadError> {
        if plugin.exports() == (Exports { toolset: true, ..Exports::default() }) {
            let tools = plugin.tools().await.map_err(|fault| LoadError::Failed { during: "tools", fault })?;
            let offers = Arc::new(offered(name, prefix, &plugin, tools));
            Ok(Self { name: name.to_owned(), plugin, offers, store: Arc::new(Kept(store)), since })
        } else {
            Err(LoadError::Misplaced("policy"))
        }
    }
}

fn offered(server: &str, prefix: &str, plugin: &Plugin, tools: Vec<GuestTool>) -> Offers {
    let manifest = plugin.manifest();
    Offers {
        capabilities: json!({ "tools": {} }),
        server_info: json!({ "name": manifest.name, "version": manifest.version }),
        instructions: None,
        protocol: String::new(),
        tools: offers::tools(server, prefix, tools.into_iter().map(|tool| tool.definition).collect()),
    }
}

#[async_trait]
impl ToolServer for Toolset {
    fn name(&self) -> &str {
        &self.name
    }

    fn offers(&self) -> Arc<Offers> {
        self.offers.clone()
    }

    fn status(&self) -> Status {
        Status {
            name: self.name.clone(),
            kind: "toolset",
            state: State::Ready,
            protocol: String::new(),
            tools: self.offers.tools.len(),
            since: self.since,
            shadowed: Vec::new(),
        }
    }

    async fn call_tool(&self, permit: Permit, link: Link) -> Result<Value, ServerError> {
        if link.cancel.is_cancelled() {
            return Err(ServerError::Cancelled);
        }
        // Once begun it runs to its end, which is bounded: so its outcome is always known.
        match self.plugin.call_tool(permit.call(), self.store.clone()).await {
            Ok(answer) => {
                let mut result = json!({
                    "content": [{ "type": "text", "text": answer.text }],
                    "isError": answer.is_error,
                });
                if let (Some(structured), Some(fields)) = (answer.structured, result.as_object_mut()) {
                    fields.insert("structuredContent".to_owned(), structured);
                }
                Ok(result)
            }
            Err(fault) => {
                tracing::warn!(server = self.name, tool = %permit.call().tool, %fault, "a toolset failed");
                let text = format!("The tool failed: it {}.", fault.kind);
                Ok(json!({ "content": [{ "type": "text", "text": text }], "isError": true }))
            }
        }
    }

    async fn request(&self, method: &str, _: Value, _: Link) -> Result<Value, ServerError> {
        let message = format!("the toolset `{}` has no `{method}`", self.name);
        Err(RpcError { code: -32601, message, data: None }.into())
    }
}

/// The journal's key-value store as a guest's `store`.
struct Kept(journal::KeyValue);

fn told(error: journal::KeyValueError) -> FactsError {
    FactsError(error.to_string())
}

#[async_trait]
impl KeyValue for Kept {
    async fn get(&self, key: &str) -> Result<Option<String>, FactsError> {
        self.0.get(key).await.map_err(told)
    }

    async fn set(&self, key: &str, value: &str) -> Result<Result<(), String>, FactsError> {
        refused_or(self.0.set(key, value).await)
    }

    async fn list(&self, prefix: &str, limit: u32) -> Result<Vec<String>, FactsError> {
        self.0.list(prefix, usize::try_from(limit).unwrap_or(usize::MAX)).await.map_err(told)
    }

    async fn delete(&self, key: &str) -> Result<bool, FactsError> {
        self.0.delete(key).await.map_err(told)
    }

    async fn increment(&self, key: &str, by: i64) -> Result<Result<i64, String>, FactsError> {
        refused_or(self.0.increment(key, by).await)
    }
}

/// Parts what the guest did wrong, which it is told, from what the store could not do.
fn refused_or<T>(answer: Result<T, journal::KeyValueError>) -> Result<Result<T, String>, FactsError> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(error @ journal::KeyValueError::Store(_)) => Err(told(error)),
        Err(error) => Ok(Err(error.to_string())),
    }
}
