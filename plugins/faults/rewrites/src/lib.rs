//! A transformer that sets or removes one argument, or fails, as its settings say: for tests of the call path.

use interlock_plugin::prelude::*;

/// What the operator writes. With none of them it leaves the arguments alone.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub struct Settings {
    /// Arguments to set, by name.
    pub set: Option<interlock_plugin::serde_json::Map<String, Value>>,
    /// Name of an argument to remove.
    pub remove: Option<String>,
    /// Whether it fails instead.
    pub fault: bool,
    /// Whether it answers with what is no object.
    pub nonsense: bool,
}

/// The transformer.
pub struct Rewrites(Settings);

impl Transform for Rewrites {
    type Settings = Settings;
    const NAME: &'static str = "rewrites";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Sets or removes one argument.";

    fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self(settings))
    }

    fn rewrite(&self, call: &Call, _: &dyn Host) -> Result<Option<Value>, Fault> {
        if self.0.fault {
            return Err(Fault::new("told_to", "it was told to"));
        }
        if self.0.nonsense {
            return Ok(Some(json!(["no", "object"])));
        }
        if self.0.set.is_none() && self.0.remove.is_none() {
            return Ok(None);
        }
        let mut arguments: Value = interlock_plugin::serde_json::from_str(&call.arguments)
            .map_err(|error| Fault::new("arguments", error.to_string()))?;
        if let Some(fields) = arguments.as_object_mut() {
            if let Some(removed) = &self.0.remove {
                fields.remove(removed);
            }
            fields.extend(self.0.set.clone().unwrap_or_default());
        }
        Ok(Some(arguments))
    }
}

interlock_plugin::export_transform!(Rewrites);
