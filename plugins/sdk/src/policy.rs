//! The trait of a policy that judges calls, and its export macro.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Call, Fault, Host, Problem, Verdict};

/// A component that allows, refuses, asks or holds.
pub trait Policy: Sized {
    /// What the operator writes under `settings`. Derive `Deserialize` and `JsonSchema`, with `deny_unknown_fields`.
    type Settings: DeserializeOwned + JsonSchema;
    /// Lower case and hyphens: `rate-limit`.
    const NAME: &'static str;
    /// Usually `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str;
    /// One sentence.
    const SUMMARY: &'static str;
    /// Every code that its refusals can have.
    const CODES: &'static [&'static str];

    /// Takes the settings, once. What it returns starts every later call, so compile here whatever can be.
    ///
    /// # Errors
    /// Everything that is wrong with the settings beyond what their schema says.
    fn configure(settings: Self::Settings) -> Result<Self, Vec<Problem>>;

    /// Decides one call. Runs on a fresh copy of what `configure` returned.
    ///
    /// # Errors
    /// A fault if the policy cannot decide; the host treats it as a refusal.
    fn judge(&self, call: &Call, host: &dyn Host) -> Result<Verdict, Fault>;

    /// What this policy asks of callers of `tool`, a short sentence each, for the tool's description.
    fn rules(&self, _tool: &str) -> Vec<String> {
        Vec::new()
    }
}

/// Exports a type that implements [`Policy`] as this crate's component. Write it once.
#[macro_export]
macro_rules! export_policy {
    ($policy:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Guest;
            static CONFIGURED: $crate::guest::Configured<$policy> = $crate::guest::Configured::new();

            impl $crate::bindings::judge::exports::interlock::plugin::judge::Guest for Guest {
                fn judge(call: $crate::Call) -> Result<$crate::Verdict, $crate::Fault> {
                    $crate::Policy::judge(CONFIGURED.get()?, &call, &$crate::guest::Imports)
                }

                fn rules(tool: String) -> Vec<String> {
                    CONFIGURED.get().map(|policy| $crate::Policy::rules(policy, &tool)).unwrap_or_default()
                }
            }

            $crate::__export_lifecycle!(
                Guest,
                CONFIGURED,
                $policy as $crate::Policy,
                <$policy as $crate::Policy>::CODES
            );
    $crate::bindings::judge::export_judge!(Guest with_types_in $crate::bindings::judge);
        };
    };
}
