//! No refund above a limit without a ticket of the same customer: the interface's functions, and nothing else.

#[allow(missing_docs, clippy::all, reason = "generated code; the WIT files carry the documentation")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit/since_v0.1.0", world: "policy", generate_all });
}

use std::sync::OnceLock;

use bindings::exports::interlock::plugin::{judge, lifecycle};
use bindings::interlock::plugin::types::{Call, Fault, Manifest, Problem, Refusal, Unlock, Verdict};
use bindings::interlock::plugin::{arguments, history};
use serde_json::{Value, json};

/// The tool that the rule is about, and the one that unlocks it.
const REFUND: &str = "support/refund";
const TICKET: &str = "support/create_ticket";

/// Up to how much a refund needs no ticket. Kept in the snapshot that every call starts from.
static LIMIT: OnceLock<f64> = OnceLock::new();

struct RefundLimit;

impl lifecycle::Guest for RefundLimit {
    fn describe() -> Manifest {
        let schema = json!({
            "type": "object",
            "properties": {"limit": {"type": "number", "description": "Up to how much a refund needs no ticket."}},
            "required": ["limit"],
            "additionalProperties": false,
        });
        Manifest {
            name: "refund-limit".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "No refund above a limit without a ticket of the same customer.".to_owned(),
            settings_schema: schema.to_string(),
            codes: vec!["ticket_missing".to_owned()],
        }
    }

    fn configure(settings: String) -> Result<(), Vec<Problem>> {
        let problem =
            |pointer: &str, message: &str| Problem { pointer: pointer.to_owned(), message: message.to_owned() };
        let settings: Value = serde_json::from_str(&settings).map_err(|_| vec![problem("", "must be JSON")])?;
        let mut problems = Vec::new();
        for key in settings.as_object().into_iter().flatten().map(|(key, _)| key).filter(|key| *key != "limit") {
            let pointer = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
            problems.push(problem(&pointer, "is not a setting of this policy"));
        }
        match settings.get("limit").and_then(Value::as_f64) {
            Some(limit) if problems.is_empty() => {
                LIMIT.get_or_init(|| limit);
            }
            Some(_) => {}
            None => problems.push(problem("/limit", "must be a number")),
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

impl judge::Guest for RefundLimit {
    fn judge(call: Call) -> Result<Verdict, Fault> {
        if call.tool != REFUND || is_small() || has_ticket() {
            return Ok(Verdict::Allow);
        }
        let unlocks = vec![Unlock::Call(TICKET.to_owned())];
        Ok(Verdict::Refuse(Refusal { code: "ticket_missing".to_owned(), reason: rule(), unlocks, details: None }))
    }

    fn rules(tool: String) -> Vec<String> {
        if tool == REFUND { vec![rule()] } else { Vec::new() }
    }
}

fn limit() -> f64 {
    LIMIT.get().copied().unwrap_or_default()
}

fn rule() -> String {
    format!("Refunds above {} need a ticket of the same customer.", limit())
}

/// An amount that is no number is not small.
fn is_small() -> bool {
    let amount = arguments::get("/amount").and_then(|amount| amount.parse::<f64>().ok());
    amount.is_some_and(|amount| amount <= limit())
}

/// Whether a ticket was created for this call's customer.
fn has_ticket() -> bool {
    let Some(value) = arguments::get("/customer_id") else { return false };
    let same = [history::Equal { pointer: "/customer_id".to_owned(), value }];
    !history::matching(TICKET, Some("succeeded"), &same, 1).is_empty()
}

bindings::export!(RefundLimit with_types_in bindings);
