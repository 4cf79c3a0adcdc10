//! A toolset that misbehaves as it is told, by its settings or by a call's argument `told`: for tests of what the host
//! does about it. It exports the interface itself, as the SDK would not let it say such things.

use interlock_fault_misdeeds::Misdeed;
use interlock_plugin::prelude::*;

/// What the operator writes. With none of them it offers one good tool.
#[derive(Clone, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What it does instead of running a tool.
    pub misdeed: Option<Misdeed>,
    /// Whether it does so when it is asked for its tools already.
    pub at_once: bool,
    /// The tools' names; one tool named `act` if there are none.
    pub names: Vec<String>,
    /// How many tools more it offers, each of the same name with a number.
    pub more: usize,
    /// The text that it gives as the schema of their arguments.
    pub schema: Option<String>,
    /// The text that it gives as structured content.
    pub structured: Option<String>,
    /// How much it has to say, in KiB.
    pub text_kib: usize,
    /// Milliseconds for which it waits, again and again, without end.
    pub wait_ms: Option<u32>,
    /// What it does to its store.
    pub store: Option<Abuse>,
}

/// Ways to strain a store.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Abuse {
    /// A key and a value that are too long, a counter that goes too far, one that is none; says what it was told.
    Overstep,
    /// Lists more than can be listed.
    ListAll,
}

#[cfg(target_arch = "wasm32")]
mod export {
    use interlock_plugin::bindings::toolset::interlock::plugin::{simulation, store};
    use interlock_plugin::bindings::{lifecycle, toolset};
    use interlock_plugin::guest::{Configured, manifest};
    use interlock_plugin::prelude::*;
    use interlock_plugin::{CallContext, Json, Manifest, ToolDefinition, ToolResult, serde_json};

    use super::{Abuse, Settings};

    struct Guest;

    static CONFIGURED: Configured<Settings> = Configured::new();

    impl lifecycle::exports::interlock::plugin::lifecycle::Guest for Guest {
        fn describe() -> Manifest {
            manifest::<Settings>("offers", env!("CARGO_PKG_VERSION"), "Offers what it is told to.", &[])
        }

        fn configure(settings: String) -> Result<(), Vec<Problem>> {
            CONFIGURED.configure(&settings, |settings: Settings| Ok(settings))
        }
    }

    impl toolset::exports::interlock::plugin::toolset::Guest for Guest {
        fn tools() -> Vec<ToolDefinition> {
            let Ok(settings) = CONFIGURED.get() else { return Vec::new() };
            if let Some(misdeed) = settings.misdeed.filter(|_| settings.at_once) {
                misdeed.commit();
            }
            let named = if settings.names.is_empty() { vec!["act".to_owned()] } else { settings.names.clone() };
            let more = (0..settings.more).map(|nth| format!("{}_{nth}", named[0]));
            named.iter().cloned().chain(more).map(|name| definition(settings, name)).collect()
        }

        fn call_tool(_: String, arguments: Json, _: CallContext) -> Result<ToolResult, Fault> {
            let arguments: Value =
                serde_json::from_str(&arguments).map_err(|error| Fault::new("told", error.to_string()))?;
            let settings: Settings = match arguments.get("told") {
                Some(told) => Settings::deserialize(told).map_err(|error| Fault::new("told", error.to_string()))?,
                None => CONFIGURED.get()?.clone(),
            };
            if let Some(misdeed) = settings.misdeed {
                misdeed.commit();
            }
            while let Some(milliseconds) = settings.wait_ms {
                simulation::delay(milliseconds);
            }
            let text = match settings.store {
                None => "x".repeat(settings.text_kib << 10),
                Some(Abuse::Overstep) => overstep(),
                Some(Abuse::ListAll) => store::list("", u32::MAX).len().to_string(),
            };
            Ok(ToolResult { text, structured: settings.structured, is_error: false })
        }
    }

    fn definition(settings: &Settings, name: String) -> ToolDefinition {
        ToolDefinition {
            name,
            title: String::new(),
            description: "x".repeat(settings.text_kib << 10),
            input_schema: settings.schema.clone().unwrap_or_else(|| "{\"type\": \"object\"}".to_owned()),
            output_schema: None,
            hints: vec!["nonsense".to_owned()],
        }
    }

    /// The code of each of the store's objections.
    fn overstep() -> String {
        let answers = [
            store::set(&"k".repeat(513), "v").err(),
            store::set("k", &"v".repeat((64 << 10) + 1)).err(),
            store::set("text", "no number").err(),
            store::increment("text", 1).err(),
            store::increment("far", i64::MAX).err(),
            store::increment("far", 1).err(),
        ];
        let said = |fault: &Option<Fault>| fault.as_ref().map_or("ok", |fault| fault.code.as_str()).to_owned();
        answers.iter().map(said).collect::<Vec<_>>().join(" ")
    }

    lifecycle::export_lifecycle!(Guest with_types_in lifecycle);
    toolset::export_toolset!(Guest with_types_in toolset);
}
