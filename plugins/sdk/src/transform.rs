//! The trait of a policy that rewrites arguments, and its export macro.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Call, Fault, Host, Problem};

/// A component that changes arguments before others judge them.
pub trait Transform: Sized {
    /// What the operator writes under `settings`. Derive `Deserialize` and `JsonSchema`, with `deny_unknown_fields`.
    type Settings: DeserializeOwned + JsonSchema;
    /// Lower case and hyphens.
    const NAME: &'static str;
    /// Usually `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str;
    /// One sentence.
    const SUMMARY: &'static str;

    /// Takes the settings, once.
    ///
    /// # Errors
    /// Everything that is wrong with the settings beyond what their schema says.
    fn configure(settings: Self::Settings) -> Result<Self, Vec<Problem>>;

    /// The new arguments (a JSON object), or none to leave them as they are.
    ///
    /// # Errors
    /// A fault if the arguments cannot be rewritten; the host treats it as a refusal.
    fn rewrite(&self, call: &Call, host: &dyn Host) -> Result<Option<Value>, Fault>;
}

/// Exports a type that implements [`Transform`] as this crate's component. Write it once.
#[macro_export]
macro_rules! export_transform {
    ($plugin:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Guest;
            static CONFIGURED: $crate::guest::Configured<$plugin> = $crate::guest::Configured::new();

            impl $crate::bindings::transform::exports::interlock::plugin::transform::Guest for Guest {
                fn rewrite(call: $crate::Call) -> Result<Option<String>, $crate::Fault> {
                    let new = $crate::Transform::rewrite(CONFIGURED.get()?, &call, &$crate::guest::Imports)?;
                    Ok(new.map(|arguments| arguments.to_string()))
                }
            }

            $crate::__export_lifecycle!(Guest, CONFIGURED, $plugin as $crate::Transform, &[]);
    $crate::bindings::transform::export_transform!(Guest with_types_in $crate::bindings::transform);
        };
    };
}
