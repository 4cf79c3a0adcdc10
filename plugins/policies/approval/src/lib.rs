//! The policy `approval`: a human looks at a call before it goes through, for what must not happen unseen.
//!
//! Where several rules fit a call, one question satisfies them all: the roles that they have in common, the most
//! approvers, the shortest time, the caller's own yes only if each rule takes it, and the client only if each takes it.
//! Rules without a role in common cannot be satisfied together: the call is refused as `approval_unreachable`.

mod demand;
mod preview;
pub mod settings;
#[cfg(test)]
mod tests;

use interlock_plugin::json;
use interlock_plugin::prelude::*;

use demand::Demand;
use preview::Preview;
use settings::{Rule, Settings};

/// How long the arguments may be in a preview that nobody has written, in characters.
const LONGEST_PREVIEW: usize = 500;

/// The configured policy.
pub struct Approval {
    rules: Vec<(Rule, Option<Preview>)>,
}

impl Policy for Approval {
    type Settings = Settings;
    const NAME: &'static str = "approval";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Has a human approve calls before they go through.";
    const CODES: &'static [&'static str] =
        &["approval_pending", "approval_refused", "approval_expired", "approval_unreachable"];

    fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
        let (mut rules, mut problems) = (Vec::new(), Vec::new());
        for (index, rule) in settings.rules.into_iter().enumerate() {
            problems.extend(rule.when.iter().flat_map(|when| when.problems(&format!("/rules/{index}/when"))));
            let preview = rule.preview.as_deref().map(Preview::parse).transpose().unwrap_or_else(|message| {
                problems.push(Problem::new(format!("/rules/{index}/preview"), message));
                None
            });
            rules.push((rule, preview));
        }
        if problems.is_empty() { Ok(Self { rules }) } else { Err(problems) }
    }

    fn judge(&self, call: &Call, host: &dyn Host) -> Result<Verdict, Fault> {
        let fits = |rule: &Rule| {
            rule.tools.matches(&call.tool) && rule.when.as_ref().is_none_or(|when| when.holds(call, host))
        };
        let fitting: Vec<_> = self.rules.iter().filter(|(rule, _)| fits(rule)).collect();
        let Some(demand) = fitting.iter().map(|(rule, _)| Demand::from(rule)).reduce(Demand::and) else {
            return Ok(Verdict::Allow);
        };
        if demand.roles.as_ref().is_some_and(Vec::is_empty) {
            let reason = format!(
                "{} needs approval under several rules that have no role in common, so nobody can give it.",
                call.tool
            );
            return Ok(Refusal::new("approval_unreachable", reason).into());
        }
        if call.approval.as_ref().is_some_and(|approval| demand.is_met_by(approval, &call.caller)) {
            return Ok(Verdict::Allow);
        }
        let mut previews: Vec<_> =
            fitting.iter().filter_map(|(_, preview)| preview.as_ref()).map(|preview| preview.fill(host)).collect();
        previews.dedup();
        if previews.is_empty() {
            previews.push(format!("Run {} with {}", call.tool, json::cut(&call.arguments, LONGEST_PREVIEW)));
        }
        let reason = format!("{} needs approval {}.", call.tool, demand.by_whom());
        Ok(Verdict::Ask(demand.question(reason, previews.join("; "))))
    }

    fn rules(&self, tool: &str) -> Vec<String> {
        let rules = self.rules.iter().map(|(rule, _)| rule).filter(|rule| rule.tools.matches(tool));
        let told = rules.map(|rule| {
            let by = Demand::from(rule).by_whom();
            match &rule.when {
                None => format!("Needs approval {by}."),
                Some(when) => format!("Needs approval {by} where {when}."),
            }
        });
        told.collect()
    }
}

interlock_plugin::export_policy!(Approval);
