//! The policy `condition`: a tool may be called only while something is true, for rules about arguments, earlier
//! results, roles and the time.

pub mod settings;
#[cfg(test)]
mod tests;

use interlock_plugin::predicate::Unmet;
use interlock_plugin::prelude::*;

use settings::{Rule, Settings};

/// The configured policy.
pub struct Condition {
    rules: Vec<Rule>,
}

impl Policy for Condition {
    type Settings = Settings;
    const NAME: &'static str = "condition";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Lets tools be called only while a condition holds.";
    const CODES: &'static [&'static str] = &["condition_unmet"];

    fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
        let problems = settings.problems();
        if problems.is_empty() { Ok(Self { rules: settings.rules }) } else { Err(problems) }
    }

    fn judge(&self, call: &Call, host: &dyn Host) -> Result<Verdict, Fault> {
        let unmet = self.rules.iter().filter_map(|rule| rule.unmet(call, host));
        let Some(unmet) = unmet.reduce(Unmet::and) else {
            return Ok(Verdict::Allow);
        };
        let refusal = Refusal::new("condition_unmet", unmet.why.join(" "));
        Ok(refusal.unlocks(unmet.unlocks.unwrap_or_default()).into())
    }

    fn rules(&self, tool: &str) -> Vec<String> {
        let rules = self.rules.iter().filter(|rule| rule.tools.matches(tool));
        let told = rules.map(|rule| match (&rule.reason, &rule.when) {
            (Some(reason), _) => reason.clone(),
            (None, Some(when)) => format!("Where {when}, requires that {}.", rule.require),
            (None, None) => format!("Requires that {}.", rule.require),
        });
        told.collect()
    }
}

impl Rule {
    /// Why a call does not satisfy the rule, in sentences; none if it does, or the rule is not about it.
    fn unmet(&self, call: &Call, host: &dyn Host) -> Option<Unmet> {
        if !self.tools.matches(&call.tool) || self.when.as_ref().is_some_and(|when| !when.holds(call, host)) {
            return None;
        }
        let unmet = self.require.unmet(call, host)?;
        let why = format!("{} is not allowed now: {}.", call.tool, unmet.why.join("; "));
        let sentences = self.reason.iter().cloned().chain([why]).collect();
        Some(Unmet { why: sentences, ..unmet })
    }
}

interlock_plugin::export_policy!(Condition);
