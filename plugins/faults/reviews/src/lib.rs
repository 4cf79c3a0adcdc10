//! A reviewer that redacts one value, withholds, or fails, as its settings say: for tests of the call path.

use interlock_plugin::prelude::*;

/// What the operator writes. With none of them it lets every result pass.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// JSON Pointer into `structuredContent`: the value there is replaced, and the text that may repeat it too.
    pub redact: Option<Pointer>,
    /// Reason for which every result is withheld.
    pub withhold: Option<String>,
    /// Whether it fails instead.
    pub fault: bool,
}

/// The reviewer.
pub struct Reviews(Settings);

impl Review for Reviews {
    type Settings = Settings;
    const NAME: &'static str = "reviews";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Redacts or withholds results.";
    const CODES: &'static [&'static str] = &["withheld"];

    fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self(settings))
    }

    fn review(&self, _: &Call, _: &str, result: &Value, _: &dyn View) -> Result<Finding, Fault> {
        if self.0.fault {
            return Err(Fault::new("told_to", "it was told to"));
        }
        if let Some(reason) = &self.0.withhold {
            return Ok(Finding::Withhold(Refusal::new("withheld", reason)));
        }
        let Some(pointer) = &self.0.redact else { return Ok(Finding::Pass) };
        let mut result = result.clone();
        let at = format!("/structuredContent{pointer}");
        let Some(value) = result.pointer_mut(&at) else { return Ok(Finding::Pass) };
        *value = json!("[redacted]");
        result["content"] = json!([{ "type": "text", "text": "Parts of this are redacted." }]);
        Ok(Finding::Redact(result.to_string()))
    }
}

interlock_plugin::export_review!(Reviews);
