//! What a policy is given to look at, as one document.

use interlock_plugin::Caller;
use interlock_plugin::prelude::*;

/// The keys of `call`.
pub const CALL: [&str; 9] = ["id", "tool", "server", "name", "arguments", "hints", "session", "received", "approval"];
/// The keys of `caller`.
pub const CALLER: [&str; 2] = ["principal", "roles"];

/// What is known of the call without asking the host.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// The call at hand.
    pub call: Value,
    /// Who makes it.
    pub caller: Value,
}

impl TryFrom<&Call> for Input {
    type Error = Fault;

    /// # Errors
    /// The arguments cannot be read. Taken for nothing, they would keep rules from applying.
    fn try_from(call: &Call) -> Result<Self, Fault> {
        let arguments: Value = interlock_plugin::serde_json::from_str(&call.arguments)
            .map_err(|_| Fault::new("arguments_unreadable", "the arguments are no JSON, or nested too deeply"))?;
        let (server, name) = call.tool.split_once('/').unwrap_or(("", &call.tool));
        let approval = call.approval.as_ref().map(|approval| {
            let by = |approver: &interlock_plugin::Approver| {
                json!({ "principal": approver.principal, "roles": approver.roles })
            };
            json!({
                "id": approval.id,
                "granted": approval.granted,
                "approvers": approval.approvers.iter().map(by).collect::<Value>(),
            })
        });
        Ok(Self {
            call: json!({
                "id": call.id,
                "tool": call.tool,
                "server": server,
                "name": name,
                "arguments": arguments,
                "hints": call.hints,
                "session": call.session,
                "received": call.received,
                "approval": approval,
            }),
            caller: caller(&call.caller),
        })
    }
}

impl Input {
    /// All that a policy is given, as one object.
    pub fn document(self, history: Value) -> Value {
        let parts = [("call", self.call), ("caller", self.caller), ("history", history)];
        parts.into_iter().map(|(key, part)| (key.to_owned(), part)).collect()
    }
}

/// An earlier call.
pub(crate) fn past_call(past: &PastCall) -> Value {
    let result = past.result_value();
    json!({
        "id": past.id,
        "tool": past.tool,
        "arguments": past.arguments_value(),
        "outcome": past.outcome,
        "structured": result.as_ref().and_then(structured),
        "result": result,
        "admitted": past.admitted,
        "finished": past.finished,
        "caller": caller(&past.caller),
    })
}

/// The data in a `CallToolResult`.
fn structured(result: &Value) -> Option<Value> {
    let text = || interlock_plugin::serde_json::from_str(result.pointer("/content/0/text")?.as_str()?).ok();
    result.get("structuredContent").cloned().or_else(text)
}

fn caller(caller: &Caller) -> Value {
    json!({ "principal": caller.principal, "roles": caller.roles })
}

#[cfg(test)]
mod tests {
    use interlock_plugin::testing::{Ledger, call, past};

    use super::*;

    #[test]
    fn the_document_is_as_it_is_documented() {
        let call = call("payments/refund")
            .arguments(&json!({"amount": 5}))
            .by("ann", &["support"])
            .hints(&["destructive"])
            .approved_by("bob", &["finance"]);
        assert_eq!(
            Input::try_from(&*call).unwrap().document(json!({})),
            json!({
                "call": {
                    "id": "call", "tool": "payments/refund", "server": "payments", "name": "refund",
                    "arguments": {"amount": 5}, "hints": ["destructive"], "session": "session",
                    "received": 1_767_603_600_000_u64,
                    "approval": {"id": "approval", "granted": 1_767_603_600_000_u64,
                                 "approvers": [{"principal": "bob", "roles": ["finance"]}]},
                },
                "caller": {"principal": "ann", "roles": ["support"]},
                "history": {},
            })
        );
    }

    #[test]
    fn arguments_that_cannot_be_read_are_a_fault_and_not_nothing() {
        let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
        let with = |depth: usize| Input::try_from(&*call("a/b").arguments(&json!({ "deep": nested(depth) })));
        assert!(with(100).is_ok());
        assert_eq!(with(200).unwrap_err().code, "arguments_unreadable");
    }

    #[test]
    fn its_keys_are_those_that_policies_are_checked_by() {
        let input = Input::try_from(&*call("a/b")).unwrap();
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(
            (keys(&input.call), keys(&input.caller)),
            (CALL.map(Into::into).into(), CALLER.map(Into::into).into())
        );
    }

    #[test]
    fn the_data_in_a_result_is_its_structured_content_or_else_a_text_that_is_json() {
        let data =
            |result: Value| past_call(&Ledger::from([past("a/b").result(&result)]).latest())["structured"].clone();
        let text = json!([{"type": "text", "text": "[1]"}]);
        assert_eq!(data(json!({"structuredContent": {"a": 1}, "content": text})), json!({"a": 1}));
        assert_eq!(data(json!({"content": text})), json!([1]));
        assert_eq!(data(json!({"content": [{"type": "text", "text": "done"}]})), Value::Null);
        assert_eq!(data(json!({"content": []})), Value::Null);
    }

    trait OnlyOne {
        fn latest(&self) -> PastCall;
    }

    impl OnlyOne for Ledger {
        fn latest(&self) -> PastCall {
            let now = call("x/y");
            self.facing(&now).latest("a/b", None).unwrap()
        }
    }
}
