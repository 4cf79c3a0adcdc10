//! A policy that cannot even say what it is: for tests of loading.

use interlock_plugin::prelude::*;

/// What the operator writes: nothing that could be read.
#[derive(Deserialize)]
pub struct Settings {}

impl JsonSchema for Settings {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Settings".into()
    }

    /// Part of `describe`.
    fn json_schema(_: &mut interlock_plugin::schemars::SchemaGenerator) -> interlock_plugin::schemars::Schema {
        panic!("it does not say")
    }
}

/// The policy.
pub struct Silent;

impl Policy for Silent {
    type Settings = Settings;
    const NAME: &'static str = "refuses-to-describe";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Says nothing.";
    const CODES: &'static [&'static str] = &[];

    fn configure(_: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self)
    }

    fn judge(&self, _: &Call, _: &dyn Host) -> Result<Verdict, Fault> {
        Ok(Verdict::Allow)
    }
}

interlock_plugin::export_policy!(Silent);
