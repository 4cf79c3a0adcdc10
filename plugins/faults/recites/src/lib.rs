//! A transformer and reviewer that answers word for word as it is told, JSON or not, by its settings or by the call's
//! argument `told`: for tests of what the host does about it. It exports both interfaces itself, as the SDK would not let
//! it say such things.

use interlock_fault_misdeeds::Misdeed;
use interlock_plugin::prelude::*;

/// What the operator writes. With none of them it leaves everything alone.
#[derive(Clone, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What it does instead of answering.
    pub misdeed: Option<Misdeed>,
    /// The text that it gives as new arguments.
    pub rewrite: Option<String>,
    /// The text that it gives as another result.
    pub redact: Option<String>,
    /// The text that it gives as details of a refusal.
    pub withhold: Option<String>,
    /// How often the text is said, in a row.
    pub times: Option<usize>,
}

#[cfg(target_arch = "wasm32")]
mod export {
    use interlock_plugin::bindings::{lifecycle, review, transform};
    use interlock_plugin::guest::{Configured, Imports, manifest};
    use interlock_plugin::prelude::*;
    use interlock_plugin::{Json, Manifest, serde_json};

    use super::Settings;

    struct Guest;

    static CONFIGURED: Configured<Settings> = Configured::new();

    impl lifecycle::exports::interlock::plugin::lifecycle::Guest for Guest {
        fn describe() -> Manifest {
            manifest::<Settings>("recites", env!("CARGO_PKG_VERSION"), "Says what it is told to.", &["told_to"])
        }

        fn configure(settings: String) -> Result<(), Vec<Problem>> {
            CONFIGURED.configure(&settings, |settings: Settings| Ok(settings))
        }
    }

    /// What it is told to do, if that is no misdeed.
    fn told() -> Result<Settings, Fault> {
        let told = match Imports.argument("/told") {
            Some(told) => serde_json::from_value(told).map_err(|error| Fault::new("told", error.to_string()))?,
            None => CONFIGURED.get()?.clone(),
        };
        match told.misdeed {
            Some(misdeed) => misdeed.commit(),
            None => Ok(told),
        }
    }

    fn say(told: &Settings, text: &str) -> String {
        text.repeat(told.times.unwrap_or(1))
    }

    impl transform::exports::interlock::plugin::transform::Guest for Guest {
        fn rewrite(_: Call) -> Result<Option<Json>, Fault> {
            let told = told()?;
            Ok(told.rewrite.as_ref().map(|text| say(&told, text)))
        }
    }

    impl review::exports::interlock::plugin::review::Guest for Guest {
        fn review(_: Call, _: String, _: Json) -> Result<Finding, Fault> {
            let told = told()?;
            if let Some(text) = &told.redact {
                return Ok(Finding::Redact(say(&told, text)));
            }
            let Some(text) = &told.withhold else { return Ok(Finding::Pass) };
            let refusal = Refusal { details: Some(say(&told, text)), ..Refusal::new("told_to", "It was told to.") };
            Ok(Finding::Withhold(refusal))
        }
    }

    lifecycle::export_lifecycle!(Guest with_types_in lifecycle);
    transform::export_transform!(Guest with_types_in transform);
    review::export_review!(Guest with_types_in review);
}
