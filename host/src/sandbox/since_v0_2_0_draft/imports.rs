//! What stands behind the imports of this generation: what stands behind those of 0.1.0.

use wasmtime::{
    Result,
    component::{HasSelf, Linker},
};

use super::policy::interlock::plugin::{arguments, history, log};
use crate::sandbox::{
    guest::Guest,
    since_v0_1_0::{earlier, types},
};

/// Imports of policies.
pub(in crate::sandbox) fn for_policies(linker: &mut Linker<Guest>) -> Result<()> {
    // Types alone, and those are the earlier ones; but the import has a name of its own.
    linker.instance("interlock:plugin/types@0.2.0-draft")?;
    arguments::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    history::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    log::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

impl arguments::Host for Guest {
    fn get(&mut self, pointer: String) -> Result<Option<String>> {
        earlier::arguments::Host::get(self, pointer)
    }
}

impl history::Host for Guest {
    async fn latest(&mut self, tool: String, outcome: Option<String>) -> Result<Option<types::PastCall>> {
        earlier::history::Host::latest(self, tool, outcome).await
    }

    async fn running(&mut self, tool: String) -> Result<Vec<types::PastCall>> {
        earlier::history::Host::running(self, tool).await
    }

    async fn count(&mut self, tool: String, outcome: Option<String>, since: u64) -> Result<u64> {
        earlier::history::Host::count(self, tool, outcome, since).await
    }

    async fn recent(&mut self, tool: String, limit: u32) -> Result<Vec<types::PastCall>> {
        earlier::history::Host::recent(self, tool, limit).await
    }

    async fn matching(
        &mut self,
        tool: String,
        outcome: Option<String>,
        same: Vec<history::Equal>,
        limit: u32,
    ) -> Result<Vec<types::PastCall>> {
        let same = same.into_iter().map(|history::Equal { pointer, value }| earlier::history::Equal { pointer, value });
        earlier::history::Host::matching(self, tool, outcome, same.collect(), limit).await
    }

    async fn sum(&mut self, tool: String, argument: String, since: u64) -> Result<f64> {
        earlier::history::Host::sum(self, tool, argument, since).await
    }
}

impl log::Host for Guest {
    fn write(&mut self, level: log::Level, message: String) -> Result<()> {
        let level = match level {
            log::Level::Debug => earlier::log::Level::Debug,
            log::Level::Info => earlier::log::Level::Info,
            log::Level::Warn => earlier::log::Level::Warn,
            log::Level::Error => earlier::log::Level::Error,
        };
        earlier::log::Host::write(self, level, message)
    }
}
