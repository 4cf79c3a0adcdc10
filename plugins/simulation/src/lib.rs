//! What the simulated toolsets have in common: settings, delays, failures, numbered records, repeatable figures.

mod records;
#[cfg(test)]
mod tests;
#[cfg(not(target_arch = "wasm32"))]
pub mod trial;

use interlock_plugin::prelude::*;

pub use records::Records;

/// Counts the calls to a set, so that which of them fail can be told beforehand.
const CALLS: &str = "simulation/calls";

/// The settings of every simulated toolset.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How long each call takes, in milliseconds.
    pub latency_ms: u32,
    /// Share of the calls that fail, from 0 (none) to 1 (all).
    #[schemars(range(min = 0.0, max = 1.0))]
    pub failure_rate: f64,
    /// Decides which calls fail: the same seed, the same calls.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { latency_ms: 0, failure_rate: 0.0, seed: 1 }
    }
}

/// Delays and fails calls as the settings say.
pub struct Simulation {
    settings: Settings,
}

impl Simulation {
    /// Takes the settings.
    ///
    /// # Errors
    /// The failure rate is no share.
    pub fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
        if (0.0..=1.0).contains(&settings.failure_rate) {
            Ok(Self { settings })
        } else {
            Err(vec![Problem::new("/failure_rate", "must be from 0 to 1")])
        }
    }

    /// What happens before each call's own work: the delay, and perhaps the end of it.
    ///
    /// # Errors
    /// The call is one of those that fail.
    pub fn before(&self, tool: &str, context: &Context<'_>) -> Result<(), ToolError> {
        if self.settings.latency_ms > 0 {
            context.delay(self.settings.latency_ms);
        }
        if self.settings.failure_rate > 0.0 {
            let number = context.increment(CALLS, 1)?;
            if share(self.settings.seed, number) < self.settings.failure_rate {
                return Err(ToolError::failed(format!("{tool} is out of order (simulated failure); try again later.")));
            }
        }
        Ok(())
    }
}

/// A number from 0 up to 1 that looks random and depends on nothing but what is passed in (SplitMix64).
fn share(seed: u64, number: i64) -> f64 {
    let mut bits = seed.wrapping_add(number.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// A figure that is the same for the same text, everywhere (FNV-1a): for made-up counts and scores.
pub fn figure(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Checksum of a JSON value, in 16 hexadecimal digits. Tells contents apart; it is no protection.
pub fn checksum(data: &Value) -> String {
    format!("{:016x}", figure(&data.to_string()))
}

/// A tool error about one argument.
pub fn bad_argument(field: &str, problem: &str) -> ToolError {
    ToolError::failed(format!("Bad arguments. /{field}: {problem}"))
}

/// Makes a toolset of a struct around a [`Simulation`]: its settings, `configure` and `before`. The tools are its own.
#[macro_export]
macro_rules! simulated_toolset {
    ($set:ident, $name:literal, $summary:literal, $tools:expr) => {
        #[doc = $summary]
        pub struct $set($crate::Simulation);

        impl ::interlock_plugin::Toolset for $set {
            type Settings = $crate::Settings;
            const NAME: &'static str = $name;
            const VERSION: &'static str = env!("CARGO_PKG_VERSION");
            const SUMMARY: &'static str = $summary;

            fn configure(settings: $crate::Settings) -> Result<Self, Vec<::interlock_plugin::Problem>> {
                $crate::Simulation::configure(settings).map(Self)
            }

            fn tools(&self) -> Vec<::interlock_plugin::Tool<Self>> {
                $tools
            }

            fn before(
                &self,
                tool: &str,
                context: &::interlock_plugin::Context<'_>,
            ) -> Result<(), ::interlock_plugin::ToolError> {
                self.0.before(tool, context)
            }
        }

        ::interlock_plugin::export_toolset!($set);
    };
}
