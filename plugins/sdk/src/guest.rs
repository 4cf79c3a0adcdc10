//! The guest's side of the export macros: the real imports, the configured value, the panic hook.

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bindings::lifecycle::interlock::plugin::{arguments, history, log};
use crate::bindings::toolset::interlock::plugin::{simulation, store};
pub use crate::toolset::run as run_tool;
use crate::{Equal, Fault, Host, Level, Manifest, PastCall, Problem, ToolHost, View, settings};

/// Longest line of the operator's log, in bytes.
const MAX_LINE_BYTES: usize = 4096;

/// The host itself. Works in a component only.
pub struct Imports;

impl View for Imports {
    fn argument(&self, pointer: &str) -> Option<Value> {
        serde_json::from_str(&arguments::get(pointer)?).ok()
    }

    fn log(&self, level: Level, message: &str) {
        log::write(level, message);
    }
}

impl Host for Imports {
    fn latest(&self, tool: &str, outcome: Option<&str>) -> Option<PastCall> {
        history::latest(tool, outcome)
    }

    fn running(&self, tool: &str) -> Vec<PastCall> {
        history::running(tool)
    }

    fn count(&self, tool: &str, outcome: Option<&str>, since: u64) -> u64 {
        history::count(tool, outcome, since)
    }

    fn recent(&self, tool: &str, limit: u32) -> Vec<PastCall> {
        history::recent(tool, limit)
    }

    fn matching(&self, tool: &str, outcome: Option<&str>, same: &[Equal], limit: u32) -> Vec<PastCall> {
        history::matching(tool, outcome, same, limit)
    }

    fn sum(&self, tool: &str, argument: &str, since: u64) -> f64 {
        history::sum(tool, argument, since)
    }
}

impl ToolHost for Imports {
    fn get(&self, key: &str) -> Option<String> {
        store::get(key)
    }

    fn set(&self, key: &str, value: &str) -> Result<(), Fault> {
        store::set(key, value)
    }

    fn list(&self, prefix: &str, limit: u32) -> Vec<String> {
        store::list(prefix, limit)
    }

    fn delete(&self, key: &str) -> bool {
        store::delete(key)
    }

    fn increment(&self, key: &str, by: i64) -> Result<i64, Fault> {
        store::increment(key, by)
    }

    fn delay(&self, milliseconds: u32) {
        simulation::delay(milliseconds);
    }

    fn log(&self, level: Level, message: &str) {
        log::write(level, message);
    }
}

/// The configured plugin, in a static of the guest: part of the memory that the host snapshots.
pub struct Configured<P>(OnceLock<P>);

impl<P> Configured<P> {
    /// Not configured yet.
    #[expect(clippy::new_without_default, reason = "made in a static")]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Reads the settings and keeps what `configure` makes of them.
    pub fn configure<S>(&self, text: &str, configure: fn(S) -> Result<P, Vec<Problem>>) -> Result<(), Vec<Problem>>
    where
        S: DeserializeOwned + JsonSchema,
    {
        forward_panics();
        let plugin = configure(settings::read(text)?)?;
        self.0.set(plugin).map_err(|_| vec![Problem::new("", "the component is already configured")])
    }

    /// The configured plugin.
    pub fn get(&self) -> Result<&P, Fault> {
        self.0.get().ok_or_else(|| Fault::new("not_configured", "the host has not called `configure`"))
    }
}

/// Sends the message of a panic to the operator's log; the trap that follows carries none.
///
/// Set when the component is described or configured, the hook is part of the snapshot that every call starts from.
fn forward_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.to_string();
        // More than the host takes at once would be a fault of another kind.
        log::write(Level::Error, &message[..message.floor_char_boundary(MAX_LINE_BYTES)]);
    }));
}

/// What a component says of itself.
pub fn manifest<S: JsonSchema>(name: &str, version: &str, summary: &str, codes: &[&str]) -> Manifest {
    forward_panics();
    Manifest {
        name: name.to_owned(),
        version: version.to_owned(),
        summary: summary.to_owned(),
        settings_schema: settings::schema::<S>().to_string(),
        codes: codes.iter().map(|&code| code.to_owned()).collect(),
    }
}

/// Exports `lifecycle` for a type that implements one of this crate's traits. The other export macros use it.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_lifecycle {
    ($guest:ident, $configured:ident, $plugin:ty as $kind:path, $codes:expr) => {
        impl $crate::bindings::lifecycle::exports::interlock::plugin::lifecycle::Guest for $guest {
            fn describe() -> $crate::Manifest {
                $crate::guest::manifest::<<$plugin as $kind>::Settings>(
                    <$plugin as $kind>::NAME,
                    <$plugin as $kind>::VERSION,
                    <$plugin as $kind>::SUMMARY,
                    $codes,
                )
            }

            fn configure(settings: String) -> Result<(), Vec<$crate::Problem>> {
                $configured.configure(&settings, <$plugin as $kind>::configure)
            }
        }
        $crate::bindings::lifecycle::export_lifecycle!($guest with_types_in $crate::bindings::lifecycle);
    };
}
