//! The policy `rego`: rules in Rego, as users of Open Policy Agent write them.
//!
//! ```json
//! {
//!   "facts": {"ticket": {"latest": "crm/create_ticket", "outcome": "succeeded", "same": ["/customer_id"]}},
//!   "policy": [
//!     "package interlock",
//!     "",
//!     "deny contains {\"msg\": msg, \"code\": \"ticket_missing\", \"unlocks\": [{\"call\": \"crm/create_ticket\"}]} if {",
//!     "  input.call.tool == \"payments/refund\"",
//!     "  input.call.arguments.amount > 100",
//!     "  input.history.ticket == null",
//!     "  msg := \"Refunds above 100 need a ticket of the same customer.\"",
//!     "}"
//!   ]
//! }
//! ```
//! `input` is what `interlock_language` documents. Three rules count, each of which may be left out:
//! - `deny`: a set of texts or of `{"msg", "code", "unlocks"}`; each member denies the call.
//! - `ask`: a set of texts or of `{"msg", "roles", "quorum", "expire_minutes", "self_approval", "channel", "preview"}`; each
//!   member must be approved by people.
//! - `allow`: where there is such a rule, a call for which it is not true is refused.
//!
//! What Rego leaves undefined (an argument that is not there) makes a rule not hold, as in OPA: where it matters, `allow`
//! is the safer rule to write. Errors of built-in functions are faults, which refuse. There are no built-ins for time,
//! randomness, HTTP, JSON Schema or globs; `input.call.received` is now.

mod said;
pub mod settings;
#[cfg(test)]
mod tests;

use interlock_language::{Denial, Facts, Input, Paths, Ruling, Tell, Text};
use interlock_plugin::prelude::*;
use interlock_plugin::{Code, serde_json};
use regorus::Engine;

use settings::Settings;

/// The name under which errors tell of the policy.
const FILE: &str = "policy";
/// How the document is written.
const PATHS: Paths = Paths { root: "input", comment: "#", caller: true };
/// The code of a refusal for want of `allow`.
const NOT_ALLOWED: &str = "not_allowed";

/// The configured policy.
pub struct Rego {
    /// Parsed and analysed; each call evaluates in a clone.
    engine: Engine,
    text: Text,
    rules: Rules,
    facts: Facts,
    tell: Vec<Tell>,
}

/// Which rules the policy has.
struct Rules {
    deny: bool,
    ask: bool,
    allow: bool,
}

impl Policy for Rego {
    type Settings = Settings;
    const NAME: &'static str = "rego";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Judges calls by rules in Rego, the language of Open Policy Agent.";
    const CODES: &'static [&'static str] = &[said::DENIED, NOT_ALLOWED, "approval_unreachable"];

    fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
        let mut problems = settings.facts.problems("/facts");
        match compile(&settings) {
            Ok((engine, rules)) if problems.is_empty() => {
                let policy =
                    Self { engine, text: settings.policy, rules, facts: settings.facts, tell: settings.tell_models };
                Ok(interlock_language::rehearse(policy))
            }
            Ok(_) => Err(problems),
            Err(more) => {
                problems.extend(more);
                Err(problems)
            }
        }
    }

    fn judge(&self, call: &Call, host: &dyn Host) -> Result<Verdict, Fault> {
        let document = Input::try_from(call)?.document(self.facts.fetch(self.text.as_str(), call, host)?);
        // Undefined, which `into` would make of what it cannot convert, would deny nothing.
        let input = serde_json::from_value(document).map_err(|_| fault("input", "it cannot be converted"))?;
        let mut engine = self.engine.clone();
        engine.set_input(input);
        let ruling = self.evaluate(&mut engine, call);
        for line in engine.take_prints().unwrap_or_default() {
            host.log(Level::Debug, &line);
        }
        ruling.map(|ruling| ruling.verdict(call))
    }

    fn rules(&self, tool: &str) -> Vec<String> {
        Tell::of(&self.tell, tool)
    }
}

impl Rego {
    fn evaluate(&self, engine: &mut Engine, call: &Call) -> Result<Ruling, Fault> {
        let mut ruling = Ruling::default();
        if self.rules.deny {
            let said = rule(engine, "deny")?;
            ruling.denials = said::denials(said, call).map_err(|error| fault("deny", &error))?;
        }
        if self.rules.ask {
            ruling.obligations = said::obligations(rule(engine, "ask")?).map_err(|error| fault("ask", &error))?;
        }
        if self.rules.allow && ruling.denials.is_empty() {
            match rule(engine, "allow")? {
                Value::Bool(true) => {}
                Value::Bool(false) => {
                    let code = Code::parse(NOT_ALLOWED).map_err(|error| fault("allow", &error))?;
                    let reason = format!("Nothing allows {} to {}.", call.tool, call.caller.principal);
                    ruling.denials.push(Denial { code, reason, unlocks: Vec::new(), details: Default::default() });
                }
                _ => return Err(fault("allow", "it is neither true nor false")),
            }
        }
        Ok(ruling)
    }
}

/// What a rule says; false if it is undefined.
fn rule(engine: &mut Engine, name: &str) -> Result<Value, Fault> {
    let said = engine.eval_rule(path(name)).map_err(|error| fault(name, &place(&error.to_string())))?;
    match said {
        regorus::Value::Undefined => Ok(Value::Bool(false)),
        said => serde_json::to_value(&said).map_err(|_| fault(name, "it is no JSON")),
    }
}

fn path(rule: &str) -> String {
    format!("data.interlock.{rule}")
}

fn compile(settings: &Settings) -> Result<(Engine, Rules), Vec<Problem>> {
    let text = &settings.policy;
    let mut engine = Engine::new();
    engine.set_rego_v0(settings.v0_compatible);
    engine.set_strict_builtin_errors(true);
    engine.set_gather_prints(true);
    let package = engine.add_policy(FILE.to_owned(), text.as_str().to_owned());
    let package = package.map_err(|error| vec![mistake(text, &error.to_string())])?;
    if package != "data.interlock" {
        let at = text.as_str().find("package").unwrap_or(0);
        let message = format!("the package must be `interlock`, but is `{}`", package.trim_start_matches("data."));
        return Err(vec![text.problem_at("/policy", at, &message)]);
    }
    let mistakes = PATHS.astray(text.as_str(), &settings.facts);
    let mut problems: Vec<_> = mistakes.iter().map(|(at, message)| text.problem_at("/policy", *at, message)).collect();
    let has = |rule: &str| {
        let found = engine.has_declared_rule_rooted_at(FILE, rule);
        found.map_err(|error| vec![mistake(text, &error.to_string())])
    };
    let rules = Rules { deny: has("deny")?, ask: has("ask")?, allow: has("allow")? };
    if !(rules.deny || rules.ask || rules.allow) {
        problems.push(text.problem("/policy", 1, 1, "it says nothing: there is no rule `deny`, `ask` or `allow`"));
    }
    let data = serde_json::from_value(Value::Object(settings.data.clone()));
    if let Err(error) = data
        .map_err(|error| error.to_string())
        .and_then(|data| engine.add_data(data).map_err(|error| error.to_string()))
    {
        problems.push(Problem::new("/data", error));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let first = if rules.deny {
        "deny"
    } else if rules.ask {
        "ask"
    } else {
        "allow"
    };
    // Analyses the whole policy, once: what comes of it stays in the engine.
    engine.compile_with_entrypoint(&path(first).into()).map_err(|error| vec![mistake(text, &error.to_string())])?;
    Ok((engine, rules))
}

/// An error of regorus: where, and what. It shows the line between the two.
fn located(error: &str) -> Option<(usize, usize, &str)> {
    let (_, after) = error.split_once(&format!("--> {FILE}:"))?;
    let (place, rest) = after.split_once('\n')?;
    let (line, column) = place.split_once(':')?;
    let message = rest.split_once("error: ").map_or(rest, |(_, message)| message);
    Some((line.parse().ok()?, column.parse().ok()?, message.trim()))
}

fn mistake(text: &Text, error: &str) -> Problem {
    match located(error) {
        Some((line, column, message)) => text.problem("/policy", line, column, message),
        None => Problem::new("/policy", error.trim()),
    }
}

/// Where an evaluation failed. What regorus says beside that has values in it, and the operator's log must not.
fn place(error: &str) -> String {
    match located(error) {
        Some((line, column, _)) => format!("it cannot be evaluated: line {line}, column {column}"),
        None => "it cannot be evaluated".to_owned(),
    }
}

fn fault(rule: &str, error: &str) -> Fault {
    Fault::new("evaluation_failed", format!("`{rule}`: {error}"))
}

interlock_plugin::export_policy!(Rego);
