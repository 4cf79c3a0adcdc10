//! The trait of a policy that looks at results, and its export macro.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Call, Fault, Finding, Problem, View};

/// A component that looks at what a tool gave back before the AI app sees it.
pub trait Review: Sized {
    /// What the operator writes under `settings`. Derive `Deserialize` and `JsonSchema`, with `deny_unknown_fields`.
    type Settings: DeserializeOwned + JsonSchema;
    /// Lower case and hyphens.
    const NAME: &'static str;
    /// Usually `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str;
    /// One sentence.
    const SUMMARY: &'static str;
    /// Every code with which it withholds.
    const CODES: &'static [&'static str];

    /// Takes the settings, once.
    ///
    /// # Errors
    /// Everything that is wrong with the settings beyond what their schema says.
    fn configure(settings: Self::Settings) -> Result<Self, Vec<Problem>>;

    /// Looks at the result (an MCP `CallToolResult`) of a call that ended with `outcome`.
    ///
    /// # Errors
    /// A fault if the plugin cannot tell; the host treats it as a refusal.
    fn review(&self, call: &Call, outcome: &str, result: &Value, view: &dyn View) -> Result<Finding, Fault>;
}

/// Exports a type that implements [`Review`] as this crate's component. Write it once.
#[macro_export]
macro_rules! export_review {
    ($plugin:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Guest;
            static CONFIGURED: $crate::guest::Configured<$plugin> = $crate::guest::Configured::new();

            impl $crate::bindings::review::exports::interlock::plugin::review::Guest for Guest {
                fn review(
                    call: $crate::Call,
                    outcome: String,
                    result: String,
                ) -> Result<$crate::Finding, $crate::Fault> {
                    let result = $crate::serde_json::from_str(&result)
                        .map_err(|error| $crate::Fault::new("result_not_json", error.to_string()))?;
                    $crate::Review::review(CONFIGURED.get()?, &call, &outcome, &result, &$crate::guest::Imports)
                }
            }

            $crate::__export_lifecycle!(
                Guest,
                CONFIGURED,
                $plugin as $crate::Review,
                <$plugin as $crate::Review>::CODES
            );
    $crate::bindings::review::export_review!(Guest with_types_in $crate::bindings::review);
        };
    };
}
