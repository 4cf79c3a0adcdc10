//! The policy `allow-list`: who may call what, for operators who know what each agent is for.
//!
//! The first rule that fits both the tool and the caller decides; where none fits, `default` does.

pub mod settings;
#[cfg(test)]
mod tests;

use interlock_plugin::prelude::*;
use interlock_plugin::{Caller, Glob};

use settings::{Effect, Rule, Settings};

/// The configured policy.
pub struct AllowList {
    rules: Vec<Rule>,
    default: Effect,
}

impl Policy for AllowList {
    type Settings = Settings;
    const NAME: &'static str = "allow-list";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Says who may call which tools.";
    const CODES: &'static [&'static str] = &["not_allowed"];

    fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self { rules: settings.rules, default: settings.default })
    }

    fn judge(&self, call: &Call, _: &dyn Host) -> Result<Verdict, Fault> {
        let first = self.rules.iter().find(|rule| rule.tools.matches(&call.tool) && rule.is_about(&call.caller));
        let why = match (first.map(|rule| rule.effect), self.default) {
            (Some(Effect::Allow), _) | (None, Effect::Allow) => return Ok(Verdict::Allow),
            (Some(Effect::Refuse), _) => "a rule refuses it",
            (None, Effect::Refuse) => "no rule allows it",
        };
        let Caller { principal, roles } = &call.caller;
        let roles = if roles.is_empty() { "no roles".to_owned() } else { format!("the roles {}", roles.join(", ")) };
        let reason = format!("{} may not be called by {principal}, who has {roles}: {why}.", call.tool);
        Ok(Refusal::new("not_allowed", reason).into())
    }

    fn rules(&self, tool: &str) -> Vec<String> {
        let mut told = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.tools.matches(tool)) {
            match (rule.effect, rule.for_whom()) {
                (Effect::Allow, Some(whom)) => told.push(format!("Allowed for {whom}.")),
                (Effect::Refuse, Some(whom)) => told.push(format!("Not allowed for {whom}.")),
                // Decides for everyone who is left: nothing after it matters.
                (effect, None) => return self.and_the_rest(told, effect),
            }
        }
        self.and_the_rest(told, self.default)
    }
}

impl AllowList {
    fn and_the_rest(&self, mut told: Vec<String>, effect: Effect) -> Vec<String> {
        match (effect, told.is_empty()) {
            (Effect::Refuse, true) => told.push("Not allowed for anyone.".to_owned()),
            (Effect::Refuse, false) => told.push("Not allowed for others.".to_owned()),
            (Effect::Allow, _) => {}
        }
        told
    }
}

impl Rule {
    fn is_about(&self, caller: &Caller) -> bool {
        let role = |roles: &Vec<String>| roles.iter().any(|role| caller.roles.contains(role));
        let principal = |globs: &Vec<String>| globs.iter().any(|glob| fits(glob, &caller.principal));
        self.roles.as_ref().is_none_or(role) && self.principals.as_ref().is_none_or(principal)
    }

    /// Whom it is about, if not everyone.
    fn for_whom(&self) -> Option<String> {
        let roles = self.roles.as_ref().map(|roles| format!("the role {}", roles.join(" or ")));
        let principals = self.principals.as_ref().filter(|globs| !globs.iter().any(|glob| glob == "*" || glob == "**"));
        let principals = principals.map(|principals| principals.join(" or "));
        match (roles, principals) {
            (Some(roles), Some(principals)) => Some(format!("{roles} as {principals}")),
            (roles, principals) => roles.or(principals),
        }
    }
}

/// `*` alone is everyone, also a principal whose name has a `/`.
fn fits(glob: &str, principal: &str) -> bool {
    glob == "*" || Glob::new(glob).matches(principal)
}

interlock_plugin::export_policy!(AllowList);
