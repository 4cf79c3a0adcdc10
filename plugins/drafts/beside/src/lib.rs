//! A policy of the draft of generation 0.2.0: refuses calls with a parameter beside their arguments that is not known.
//!
//! On the bindings alone: the SDK is of the generation that is released.

#[allow(missing_docs, clippy::all, reason = "generated code; the WIT files carry the documentation")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit/0.2.0-draft", world: "policy", generate_all });
}

use std::sync::OnceLock;

use bindings::exports::interlock::plugin::{judge, lifecycle};
use bindings::interlock::plugin::types::{Call, Fault, Manifest, Problem, Refusal, Verdict};
use bindings::interlock::plugin::{arguments, history, log};
use serde_json::{Map, Value, json};

/// The parameters that are known, as the settings list them.
static KNOWN: OnceLock<Vec<Value>> = OnceLock::new();

struct Beside;

impl lifecycle::Guest for Beside {
    fn describe() -> Manifest {
        let schema = json!({"type": "object", "properties": {"known": {"type": "array"}}, "required": ["known"]});
        Manifest {
            name: "beside".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Refuses calls with a parameter that is not known.".to_owned(),
            settings_schema: schema.to_string(),
            codes: vec!["parameter_unknown".to_owned()],
        }
    }

    fn configure(settings: String) -> Result<(), Vec<Problem>> {
        let problem = |message: &str| vec![Problem { pointer: "/known".to_owned(), message: message.to_owned() }];
        let settings: Value = serde_json::from_str(&settings).map_err(|_| problem("is not JSON"))?;
        let known = settings["known"].as_array().cloned().ok_or_else(|| problem("must be an array"))?;
        KNOWN.set(known).map_err(|_| problem("is known already"))
    }
}

impl judge::Guest for Beside {
    fn judge(call: Call, beside: String) -> Result<Verdict, Fault> {
        let not_json = |_| Fault { code: "not_json".to_owned(), message: "`beside` is no object".to_owned() };
        let beside: Map<String, Value> = serde_json::from_str(&beside).map_err(not_json)?;
        let known = KNOWN.get().map(Vec::as_slice).unwrap_or_default();
        let Some(unknown) = beside.keys().find(|key| !known.contains(&json!(key))) else { return Ok(Verdict::Allow) };
        log::write(log::Level::Debug, unknown);
        let earlier = history::matching(&call.tool, Some("succeeded"), &[], 8).len();
        let amount = arguments::get("/amount").unwrap_or_default();
        Ok(Verdict::Refuse(Refusal {
            code: "parameter_unknown".to_owned(),
            reason: format!("`{unknown}` is not known (amount {amount}, {earlier} earlier)."),
            unlocks: Vec::new(),
            details: None,
        }))
    }

    fn rules(_: String) -> Vec<String> {
        vec![format!("Takes no parameters but {}.", json!(KNOWN.get()))]
    }
}

bindings::export!(Beside with_types_in bindings);
