//! The policy `sequence`: a tool may be called only after others have been, for operators who know the right order.
//!
//! Every rule whose `tools` fit the call must be satisfied. A prerequisite counts from the moment at which it ended.

mod prerequisite;
pub mod settings;
#[cfg(test)]
mod tests;

use interlock_plugin::prelude::*;

use settings::{Need, Rule, Settings};

/// The configured policy.
pub struct Sequence {
    rules: Vec<Rule>,
}

impl Policy for Sequence {
    type Settings = Settings;
    const NAME: &'static str = "sequence";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Requires that tools are called in order: some only after others.";
    const CODES: &'static [&'static str] = &["sequence_unmet"];

    fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
        let problems = settings.problems();
        if problems.is_empty() { Ok(Self { rules: settings.rules }) } else { Err(problems) }
    }

    fn judge(&self, call: &Call, host: &dyn Host) -> Result<Verdict, Fault> {
        let (mut sentences, mut unlocks) = (Vec::new(), Some(Vec::new()));
        for rule in self.rules.iter().filter(|rule| rule.tools.matches(&call.tool)) {
            let unmet = rule.prerequisites().filter_map(|before| before.unmet(&rule.tools, call, host));
            let unmet: Vec<_> = unmet.collect();
            if unmet.is_empty() || (rule.need == Need::Any && unmet.len() < rule.after.len()) {
                continue;
            }
            let clauses: Vec<_> = unmet.iter().map(|unmet| unmet.clause.as_str()).collect();
            sentences.push(format!("{} requires {}.", call.tool, clauses.join(rule.need.joint())));
            let mut needed = unmet.into_iter().map(|unmet| unmet.unlock);
            let needed = match rule.need {
                Need::All => needed.collect::<Option<Vec<_>>>(),
                Need::Any => needed.find_map(|unlock| unlock).map(|unlock| vec![unlock]),
            };
            unlocks = unlocks.zip(needed).map(|(mut all, needed)| {
                all.extend(needed.into_iter().filter(|unlock| !all.contains(unlock)).collect::<Vec<_>>());
                all
            });
        }
        if sentences.is_empty() {
            return Ok(Verdict::Allow);
        }
        let refusal = Refusal::new("sequence_unmet", sentences.join(" "));
        Ok(refusal.unlocks(unlocks.unwrap_or_default()).into())
    }

    fn rules(&self, tool: &str) -> Vec<String> {
        let rules = self.rules.iter().filter(|rule| rule.tools.matches(tool));
        let told = rules.map(|rule| {
            let each: Vec<_> = rule.prerequisites().map(|before| before.asked()).collect();
            format!("Requires {}.", each.join(rule.need.joint()))
        });
        told.collect()
    }
}

interlock_plugin::export_policy!(Sequence);
