//! The policy `{{name}}`: no amount above a limit.

use interlock_plugin::prelude::*;

/// What the operator writes under `settings`. The published JSON Schema comes from this.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The tools that it is about.
    tools: Patterns,
    /// Largest `amount` that may go through.
    most: f64,
}

/// The configured policy. Every call is judged by a fresh copy of it.
pub struct Limit {
    tools: Patterns,
    most: f64,
}

impl Policy for Limit {
    type Settings = Settings;
    const NAME: &'static str = "{{name}}";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "No amount above a limit.";
    const CODES: &'static [&'static str] = &["above_limit", "amount_missing"];

    fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
        if settings.most < 0.0 {
            return Err(vec![Problem::new("/most", "must not be negative")]);
        }
        Ok(Self { tools: settings.tools, most: settings.most })
    }

    // `host` also knows what has happened before: `host.latest("payments/check", Some("succeeded"))`, and more.
    fn judge(&self, call: &Call, host: &dyn Host) -> Result<Verdict, Fault> {
        if !self.tools.matches(&call.tool) {
            return Ok(Verdict::Allow);
        }
        let Some(amount) = host.argument("/amount").and_then(|amount| amount.as_f64()) else {
            return Ok(Refusal::new("amount_missing", format!("{} needs a number `amount`.", call.tool)).into());
        };
        if amount > self.most {
            let reason = format!("{amount} is too much for {}: at most {}.", call.tool, self.most);
            return Ok(Refusal::new("above_limit", reason).into());
        }
        Ok(Verdict::Allow)
    }

    fn rules(&self, tool: &str) -> Vec<String> {
        if self.tools.matches(tool) { vec![format!("Amounts up to {}.", self.most)] } else { Vec::new() }
    }
}

interlock_plugin::export_policy!(Limit);

#[cfg(test)]
mod tests {
    use super::*;
    use interlock_plugin::testing;

    #[test]
    fn the_cases_come_out_as_they_say() {
        testing::run_cases::<Limit>(include_str!("../cases.json"));
    }

    #[test]
    fn a_negative_limit_is_told_at_its_place() {
        assert_eq!(testing::problems::<Limit>(&json!({"tools": ["a/*"], "most": -1})), "/most must not be negative");
    }
}
