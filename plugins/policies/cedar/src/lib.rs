//! The policy `cedar`: policies in Cedar.
//!
//! ```json
//! {
//!   "facts": {"ticket": {"latest": "crm/create_ticket", "outcome": "succeeded", "same": ["/customer_id"]}},
//!   "policies": [
//!     "permit (principal, action, resource);",
//!     "",
//!     "@code(\"ticket_missing\")",
//!     "@reason(\"Refunds above 100 need a ticket of the same customer.\")",
//!     "@unlock_call(\"crm/create_ticket\")",
//!     "forbid (principal, action == Action::\"payments/refund\", resource)",
//!     "when { context.call.arguments.amount > 100 }",
//!     "unless { context.history has ticket };"
//!   ]
//! }
//! ```
//! The principal is `Caller::"ann"`, in `Role::"support"` for each of her roles, with the attributes `name` and `roles`. The
//! action is the tool, `Action::"payments/refund"`, in `Action::"payments"`. The resource is `Server::"payments"`, or what the
//! settings' `resources` make of an argument. The context is what `interlock_language` documents, without `caller`; what
//! would be null is not there (`context.history has ticket`), and lists are sets.
//!
//! As in Cedar, a call is refused that nothing permits (`not_permitted`), or that something forbids; then the annotations
//! `@reason`, `@code`, `@unlock_call("a/b, a/c")` and `@unlock_wait_seconds("60")` of each `forbid` that applies are told. A
//! policy with `@ask("finance, lead")` permits, or forbids, until people of one of these roles (`@ask("")`: anybody) have
//! said yes; `@quorum`, `@expire_minutes`, `@self_approval`, `@channel` and `@preview` say more. Every one that applies is
//! asked about, also beside a `permit` without.
//!
//! Unlike in Cedar, a policy that cannot be evaluated is not passed over: it is a fault, which refuses.

mod entities;
mod note;
mod policies;
mod scope;
pub mod settings;
#[cfg(test)]
mod tests;
mod value;

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Entities, EvaluationError, PolicySet, Request, Response,
};
use interlock_language::{Denial, Facts, Input, Obligation, Paths, Ruling, Tell, Text};
use interlock_plugin::prelude::*;
use interlock_plugin::{Code, Demand};

use entities::{Cast, Miscast, Resource, Types};
use note::{FORBIDDEN, Note};
use policies::Policies;
use settings::Settings;
use value::Maker;

/// The code of a refusal for want of a permit.
const NOT_PERMITTED: &str = "not_permitted";
/// The code of a refusal because the call does not say what it is about.
const RESOURCE_MISSING: &str = "resource_missing";
/// How the document is written.
const PATHS: Paths = Paths { root: "context", comment: "//", caller: false };

/// The configured policy.
pub struct CedarPolicy {
    authorizer: Authorizer,
    policies: Policies,
    text: Text,
    types: Types,
    entities: Entities,
    resources: Vec<Resource>,
    decimals: Vec<Pointer>,
    facts: Facts,
    tell: Vec<Tell>,
}

impl Policy for CedarPolicy {
    type Settings = Settings;
    const NAME: &'static str = "cedar";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Judges calls by policies in Cedar.";
    const CODES: &'static [&'static str] = &[FORBIDDEN, NOT_PERMITTED, RESOURCE_MISSING, "approval_unreachable"];

    fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
        let Settings { policies: text, entities, resources, decimals, facts, tell_models: tell } = settings;
        let mut problems = facts.problems("/facts");
        let entities = Entities::from_json_value(Value::Array(entities), None).unwrap_or_else(|error| {
            problems.push(Problem::new("/entities", chain(&error)));
            Entities::empty()
        });
        let resources = resources.into_iter().enumerate().map(|(index, resource)| {
            Resource::new(resource, &format!("/resources/{index}")).map_err(|problem| problems.push(problem)).ok()
        });
        let resources: Vec<Resource> = resources.flatten().collect();
        let astray = PATHS.astray(text.as_str(), &facts);
        problems.extend(astray.iter().map(|(at, message)| text.problem_at("/policies", *at, message)));
        let policies = Policies::read(&text, &entities, &resources.iter().map(Resource::kind).collect::<Vec<_>>());
        match (policies, Types::new()) {
            (Ok(policies), Some(types)) if problems.is_empty() => {
                let authorizer = Authorizer::new();
                let policy = Self { authorizer, policies, text, types, entities, resources, decimals, facts, tell };
                value::rehearse();
                Ok(interlock_language::rehearse(policy))
            }
            (policies, _) => {
                problems.extend(policies.err().into_iter().flatten());
                Err(problems)
            }
        }
    }

    fn judge(&self, call: &Call, host: &dyn Host) -> Result<Verdict, Fault> {
        let cast = match Cast::of(call, &self.types, &self.resources, &self.entities, host) {
            Ok(cast) => cast,
            Err(Miscast::Unfit) => return Err(fault("the entities do not fit together")),
            Err(Miscast::Nothing(at)) => {
                let reason = format!("{} says what it is about in the argument {at}: a text or a number.", call.tool);
                return Ok(Refusal::new(RESOURCE_MISSING, reason).into());
            }
        };
        let context = self.context(call, host)?;
        let request = Request::new(cast.principal, cast.action, cast.resource, context, None);
        let request = request.map_err(|_| fault("there is no such request"))?;
        let decided = self.decide(&request, &self.policies.deciding, &cast.entities)?;
        let determining = self.policies.notes(decided.diagnostics().reason());
        let mut ruling = Ruling::default();
        if decided.decision() == Decision::Deny {
            ruling.denials = determining.iter().map(|note| denial(note, call)).collect();
            if ruling.denials.is_empty() {
                let code = Code::parse(NOT_PERMITTED).map_err(|message| fault(&message))?;
                let reason = format!("No policy permits {} to {}.", call.tool, call.caller.principal);
                ruling.denials.push(Denial { code, reason, unlocks: Vec::new(), details: Default::default() });
            }
            return Ok(ruling.verdict(call));
        }
        let forbidding = self.decide(&request, &self.policies.asking, &cast.entities)?;
        let forbidding = self.policies.notes(forbidding.diagnostics().reason());
        let mut asking: Vec<_> = determining.into_iter().chain(forbidding).collect();
        asking.sort_by_key(|note| note.place);
        ruling.obligations = asking.into_iter().filter_map(|note| obligation(note, host)).collect();
        Ok(ruling.verdict(call))
    }

    fn rules(&self, tool: &str) -> Vec<String> {
        Tell::of(&self.tell, tool)
    }
}

impl CedarPolicy {
    fn context(&self, call: &Call, host: &dyn Host) -> Result<Context, Fault> {
        let maker = Maker { decimals: &self.decimals };
        let parts =
            [("call", Input::try_from(call)?.call), ("history", self.facts.fetch(self.text.as_str(), call, host)?)];
        let pairs =
            parts.iter().filter_map(|(key, part)| Some(((*key).to_owned(), maker.value(part, &format!("/{key}"))?)));
        Context::from_pairs(pairs).map_err(|_| fault("the context cannot be made"))
    }

    /// # Errors
    /// A policy could not be evaluated. Cedar would pass it over: a call that it forbids would go through.
    fn decide(&self, request: &Request, policies: &PolicySet, entities: &Entities) -> Result<Response, Fault> {
        let response = self.authorizer.is_authorized(request, policies, entities);
        let Some(AuthorizationError::PolicyEvaluationError(error)) = response.diagnostics().errors().next() else {
            return Ok(response);
        };
        let what = told(error.inner());
        Err(match policies::offset(error.inner()) {
            Some(offset) => fault(&self.text.problem_at("", offset, what).message),
            None => fault(what),
        })
    }
}

fn denial(note: &Note, call: &Call) -> Denial {
    let reason = note.reason.clone().unwrap_or_else(|| format!("{} is forbidden.", call.tool));
    Denial { code: note.code.clone(), reason, unlocks: note.unlocks.clone(), details: Default::default() }
}

fn obligation(note: &Note, host: &dyn Host) -> Option<Obligation> {
    let (ask, preview) = note.ask.as_ref()?;
    let preview = preview.as_ref().map(|preview| preview.fill(host));
    Some(Obligation { demand: Demand::from(ask), reason: note.reason.clone(), preview })
}

/// What went wrong, without the values: the operator's log must not have a call's arguments in it.
fn told(error: &EvaluationError) -> &'static str {
    match error {
        EvaluationError::EntityDoesNotExist(_) => "there is no such entity",
        EvaluationError::EntityAttrDoesNotExist(_) | EvaluationError::RecordAttrDoesNotExist(_) => {
            "there is no such attribute: `has` tells whether it is there"
        }
        EvaluationError::TypeError(_) => "a value is of another type",
        EvaluationError::IntegerOverflow(_) => "a number leaves the range of `Long`",
        EvaluationError::RecursionLimit(_) => "it is nested too deeply",
        EvaluationError::FailedExtensionFunctionLookup(_)
        | EvaluationError::FailedExtensionFunctionExecution(_)
        | EvaluationError::WrongNumArguments(_) => "a function does not take what it is given",
        EvaluationError::UnlinkedSlot(_) | EvaluationError::NonValue(_) => "it cannot be evaluated",
    }
}

/// An error and its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn fault(message: &str) -> Fault {
    Fault::new("evaluation_failed", message)
}

interlock_plugin::export_policy!(CedarPolicy);
