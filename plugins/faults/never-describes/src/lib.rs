//! A policy that is asked what it is and never answers: for tests of loading.

use interlock_fault_misdeeds::Misdeed;
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
        Misdeed::Spin.commit()
    }
}

/// The policy.
pub struct Absent;

impl Policy for Absent {
    type Settings = Settings;
    const NAME: &'static str = "never-describes";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Never comes to this.";
    const CODES: &'static [&'static str] = &[];

    fn configure(_: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self)
    }

    fn judge(&self, _: &Call, _: &dyn Host) -> Result<Verdict, Fault> {
        Ok(Verdict::Allow)
    }
}

interlock_plugin::export_policy!(Absent);
