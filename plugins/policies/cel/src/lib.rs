//! The policy `cel`: rules in the Common Expression Language, in the shape of a Kubernetes `ValidatingAdmissionPolicy`.
//!
//! ```json
//! {
//!   "facts": {"ticket": {"latest": "crm/create_ticket", "outcome": "succeeded", "same": ["/customer_id"]}},
//!   "matchConditions": [{"name": "refunds", "expression": "call.tool == 'payments/refund'"}],
//!   "variables": [{"name": "amount", "expression": "double(call.arguments.amount)"}],
//!   "validations": [
//!     {"expression": "variables.amount <= 100.0 || history.ticket != null",
//!      "message": "Refunds above 100 need a ticket of the same customer.",
//!      "code": "ticket_missing", "unlocks": [{"call": "crm/create_ticket"}]},
//!     {"expression": "variables.amount <= 1000.0", "message": "Large refunds are looked at.",
//!      "ask": {"roles": ["finance"], "preview": "Refund {/amount} to {/customer_id}"}}
//!   ]
//! }
//! ```
//! An expression has `call`, `caller`, `history` and `variables`: see `interlock_language`. Beside CEL's own functions
//! there are those of its extensions for strings, lists and math. There is no clock; `call.received` is now.
//!
//! A validation that is false refuses the call, or asks. An expression that cannot be evaluated (an argument that is not
//! there, a text where a number should be) is a fault of the policy, which refuses too: `has(call.arguments.amount)`
//! tells whether it is there.

mod expression;
pub mod settings;
#[cfg(test)]
mod tests;
mod value;

use std::sync::Arc;

use cel::{Context, Env, extensions};
use interlock_language::{Denial, Facts, Input, Obligation, Ruling, Tell, Text};
use interlock_plugin::prelude::*;
use interlock_plugin::{Code, Demand, Preview};

use expression::{Expression, Scope};
use settings::{Named, Settings, Validation};

/// The code of a refusal whose validation names none.
const INVALID: &str = "invalid";

/// The configured policy.
pub struct CelPolicy {
    env: Arc<Env>,
    /// All expressions, as written.
    text: String,
    conditions: Vec<(String, Expression)>,
    validations: Vec<Rule>,
    facts: Facts,
    tell: Vec<Tell>,
}

/// A validation, compiled.
struct Rule {
    holds: Expression,
    message: Message,
    code: Code,
    written: Validation,
    preview: Option<Preview>,
}

enum Message {
    Fixed(String),
    Made(Expression),
}

impl Policy for CelPolicy {
    type Settings = Settings;
    const NAME: &'static str = "cel";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Judges calls by expressions in CEL, the Common Expression Language.";
    const CODES: &'static [&'static str] = &[INVALID, "approval_unreachable"];

    fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
        let mut problems = settings.facts.problems("/facts");
        let text = settings.text();
        let env = Arc::new(environment().map_err(|error| vec![Problem::new("", error)])?);
        let mut scope = Scope::new(&env, &settings.facts);
        for (index, Named { name, expression }) in settings.variables.iter().enumerate() {
            let at = format!("/variables/{index}");
            problems.extend(unfit(name).map(|message| Problem::new(format!("{at}/name"), message)));
            match scope.compile(expression, &format!("{at}/expression")) {
                Ok(compiled) => scope.define(name, compiled),
                Err(mistakes) => problems.extend(mistakes),
            }
        }
        let mut conditions = Vec::new();
        for (index, Named { name, expression }) in settings.match_conditions.into_iter().enumerate() {
            match scope.compile(&expression, &format!("/matchConditions/{index}/expression")) {
                Ok(compiled) => conditions.push((name, compiled)),
                Err(mistakes) => problems.extend(mistakes),
            }
        }
        let mut validations = Vec::new();
        for (index, written) in settings.validations.into_iter().enumerate() {
            match Rule::compile(written, &scope, &format!("/validations/{index}")) {
                Ok(rule) => validations.push(rule),
                Err(mistakes) => problems.extend(mistakes),
            }
        }
        drop(scope);
        // What needs no history comes first.
        conditions.sort_by_key(|(_, condition)| condition.looks_at("history"));
        if !problems.is_empty() {
            return Err(problems);
        }
        let policy = Self { env, text, conditions, validations, facts: settings.facts, tell: settings.tell_models };
        Ok(interlock_language::rehearse(policy))
    }

    fn judge(&self, call: &Call, host: &dyn Host) -> Result<Verdict, Fault> {
        let input = Input::try_from(call)?;
        let mut context = Context::with_env(self.env.clone());
        context.add_variable_from_value("call", value::cel(&input.call));
        context.add_variable_from_value("caller", value::cel(&input.caller));
        let mut asked = false;
        for (name, condition) in &self.conditions {
            if !asked && condition.looks_at("history") {
                context.add_variable_from_value("history", value::cel(&self.facts.fetch(&self.text, call, host)?));
                asked = true;
            }
            if !condition.holds(&context).map_err(|error| fault(&format!("matchConditions, `{name}`"), &error))? {
                return Ok(Verdict::Allow);
            }
        }
        if !asked {
            context.add_variable_from_value("history", value::cel(&self.facts.fetch(&self.text, call, host)?));
        }
        let mut ruling = Ruling::default();
        for (index, rule) in self.validations.iter().enumerate() {
            let faulty = |error: String| fault(&format!("/validations/{index}"), &error);
            if !rule.holds.holds(&context).map_err(faulty)? {
                rule.add_to(&mut ruling, &context, host).map_err(faulty)?;
            }
        }
        Ok(ruling.verdict(call))
    }

    fn rules(&self, tool: &str) -> Vec<String> {
        Tell::of(&self.tell, tool)
    }
}

impl Rule {
    fn compile(written: Validation, scope: &Scope<'_>, at: &str) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut compiled = |text: &Text, key: &str| {
            scope.compile(text, &format!("{at}/{key}")).map_err(|mistakes| problems.extend(mistakes)).ok()
        };
        let holds = compiled(&written.expression, "expression");
        let made = written.message_expression.as_ref().map(|text| compiled(text, "messageExpression"));
        let preview = written.ask.as_ref().and_then(|ask| ask.preview.as_deref()).map(Preview::parse).transpose();
        let preview = preview.unwrap_or_else(|message| {
            problems.push(Problem::new(format!("{at}/ask/preview"), message));
            None
        });
        let code = written.code.clone().map_or_else(|| Code::parse(INVALID), Ok);
        match (holds, made, code, problems.is_empty()) {
            (Some(holds), made, Ok(code), true) => {
                let message = match (made.flatten(), &written.message) {
                    (Some(made), _) => Message::Made(made),
                    (None, Some(message)) => Message::Fixed(message.clone()),
                    (None, None) => Message::Fixed(format!("It must hold that {}.", holds.written())),
                };
                Ok(Self { holds, message, code, written, preview })
            }
            _ => Err(problems),
        }
    }

    /// Says why the call may not go through, or who is to be asked.
    fn add_to(&self, ruling: &mut Ruling, context: &Context<'_, '_>, host: &dyn Host) -> Result<(), String> {
        let reason = match &self.message {
            Message::Fixed(message) => message.clone(),
            Message::Made(made) => made.text(context)?,
        };
        match &self.written.ask {
            Some(ask) => {
                let preview = self.preview.as_ref().map(|preview| preview.fill(host));
                ruling.obligations.push(Obligation { demand: Demand::from(ask), reason: Some(reason), preview });
            }
            None => ruling.denials.push(Denial {
                code: self.code.clone(),
                reason,
                unlocks: self.written.unlocks.clone(),
                details: Default::default(),
            }),
        }
        Ok(())
    }
}

/// CEL's standard library, and the extensions that need nothing else.
fn environment() -> Result<Env, String> {
    let mut env = Env::stdlib();
    for extension in [extensions::strings, extensions::lists, extensions::math] {
        env.add_extension(extension).map_err(|error| error.to_string())?;
    }
    Ok(env)
}

/// What is wrong with the name of a variable, if anything.
fn unfit(name: &str) -> Option<&'static str> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let right = name.starts_with(|letter: char| !letter.is_ascii_digit()) && name.chars().all(fits);
    (!right).then_some("is no name: write letters, digits and underscores")
}

fn fault(place: &str, error: &str) -> Fault {
    Fault::new("evaluation_failed", format!("{place}: {error}"))
}

interlock_plugin::export_policy!(CelPolicy);
