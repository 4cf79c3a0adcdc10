//! What stands behind the imports of generation 0.1.0.

use std::sync::Arc;

use serde_json::Value;
use wasmtime::{
    Result,
    component::{HasSelf, Linker},
};

use super::{
    convert,
    policy::interlock::plugin::{arguments, history, log, types},
    tools::interlock::plugin::{simulation, store},
};
use crate::{
    call::PastCall,
    clock::Timestamp,
    sandbox::{
        facts::{FactsError, History},
        guest::Guest,
    },
    scope,
};

/// Imports of policies, transformers and reviewers.
pub(in crate::sandbox) fn for_policies(linker: &mut Linker<Guest>) -> Result<()> {
    types::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    arguments::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    history::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    log::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

/// Imports of toolsets.
pub(in crate::sandbox) fn for_toolsets(linker: &mut Linker<Guest>) -> Result<()> {
    types::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    log::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    simulation::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    store::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

impl types::Host for Guest {}

impl arguments::Host for Guest {
    fn get(&mut self, pointer: String) -> Result<Option<String>> {
        if pointer.is_empty() {
            return Ok(Some(serde_json::to_string(&*self.facts.arguments)?));
        }
        Ok(scope::argument(&self.facts.arguments, &pointer).map(Value::to_string))
    }
}

impl Guest {
    /// Takes a question about history, given its texts. The history, if this guest is shown one.
    fn ask(&mut self, texts: &[&str]) -> Result<Option<Arc<dyn History>>> {
        self.admit_question(texts.iter().map(|text| text.len()).sum())?;
        Ok(self.facts.history.clone())
    }
}

fn text(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or_default()
}

fn past(calls: Vec<PastCall>) -> Vec<types::PastCall> {
    calls.iter().map(convert::past_call).collect()
}

impl history::Host for Guest {
    async fn latest(&mut self, tool: String, outcome: Option<String>) -> Result<Option<types::PastCall>> {
        let Some(history) = self.ask(&[&tool, text(&outcome)])? else { return Ok(None) };
        Ok(history.latest(&tool, outcome.as_deref()).await?.map(|call| convert::past_call(&call)))
    }

    async fn running(&mut self, tool: String) -> Result<Vec<types::PastCall>> {
        let Some(history) = self.ask(&[&tool])? else { return Ok(Vec::new()) };
        Ok(past(history.running(&tool).await?))
    }

    async fn count(&mut self, tool: String, outcome: Option<String>, since: u64) -> Result<u64> {
        let Some(history) = self.ask(&[&tool, text(&outcome)])? else { return Ok(0) };
        Ok(history.count(&tool, outcome.as_deref(), Timestamp(since)).await?)
    }

    async fn recent(&mut self, tool: String, limit: u32) -> Result<Vec<types::PastCall>> {
        let Some(history) = self.ask(&[&tool])? else { return Ok(Vec::new()) };
        Ok(past(history.recent(&tool, limit).await?))
    }

    async fn matching(
        &mut self,
        tool: String,
        outcome: Option<String>,
        same: Vec<history::Equal>,
        limit: u32,
    ) -> Result<Vec<types::PastCall>> {
        let mut texts = vec![tool.as_str(), text(&outcome)];
        texts.extend(same.iter().flat_map(|equal| [equal.pointer.as_str(), equal.value.as_str()]));
        let Some(history) = self.ask(&texts)? else { return Ok(Vec::new()) };
        let same = same
            .into_iter()
            .map(|equal| match serde_json::from_str(&equal.value) {
                Ok(value) => Ok((equal.pointer, value)),
                Err(error) => Err(FactsError(format!("the value for `{}` is no JSON: {error}", equal.pointer))),
            })
            .collect::<std::result::Result<Vec<(String, Value)>, _>>()?;
        Ok(past(history.matching(&tool, outcome.as_deref(), &same, limit).await?))
    }

    async fn sum(&mut self, tool: String, argument: String, since: u64) -> Result<f64> {
        let Some(history) = self.ask(&[&tool, &argument])? else { return Ok(0.0) };
        Ok(history.sum(&tool, &argument, Timestamp(since)).await?)
    }
}

impl log::Host for Guest {
    fn write(&mut self, level: log::Level, message: String) -> Result<()> {
        let Some((plugin, line)) = self.admit_line(&message) else { return Ok(()) };
        match level {
            log::Level::Debug => tracing::debug!(target: "interlock::plugin", plugin, "{line}"),
            log::Level::Info => tracing::info!(target: "interlock::plugin", plugin, "{line}"),
            log::Level::Warn => tracing::warn!(target: "interlock::plugin", plugin, "{line}"),
            log::Level::Error => tracing::error!(target: "interlock::plugin", plugin, "{line}"),
        }
        Ok(())
    }
}

/// The guest's own fault, for what the store does not take.
fn over_limit(message: String) -> types::Fault {
    types::Fault { code: "store_limit".to_owned(), message }
}

impl store::Host for Guest {
    async fn get(&mut self, key: String) -> Result<Option<String>> {
        let Some(store) = self.facts.store.clone() else { return Ok(None) };
        Ok(store.get(&key).await?)
    }

    async fn set(&mut self, key: String, value: String) -> Result<std::result::Result<(), types::Fault>> {
        let Some(store) = self.facts.store.clone() else { return Ok(Ok(())) };
        Ok(store.set(&key, &value).await?.map_err(over_limit))
    }

    async fn list(&mut self, prefix: String, limit: u32) -> Result<Vec<String>> {
        let Some(store) = self.facts.store.clone() else { return Ok(Vec::new()) };
        Ok(store.list(&prefix, limit).await?)
    }

    async fn delete(&mut self, key: String) -> Result<bool> {
        let Some(store) = self.facts.store.clone() else { return Ok(false) };
        Ok(store.delete(&key).await?)
    }

    async fn increment(&mut self, key: String, by: i64) -> Result<std::result::Result<i64, types::Fault>> {
        let Some(store) = self.facts.store.clone() else { return Ok(Ok(by)) };
        Ok(store.increment(&key, by).await?.map_err(over_limit))
    }
}

impl simulation::Host for Guest {
    async fn delay(&mut self, milliseconds: u32) -> Result<()> {
        let wanted = std::time::Duration::from_millis(milliseconds.into());
        tokio::time::sleep(wanted.min(self.time_left())).await;
        Ok(())
    }
}
