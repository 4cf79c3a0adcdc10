//! Calls made by hand: the one to be judged and those of the past.

use serde_json::{Value, json};

use super::NOW;
use crate::{Approver, Call, Caller, GrantedApproval, PastCall};

/// A call to be judged, of `tool`, by `local` without roles, without arguments, at [`NOW`].
pub fn call(tool: &str) -> CallBuilder {
    CallBuilder(Call {
        id: "call".to_owned(),
        tool: tool.to_owned(),
        arguments: "{}".to_owned(),
        caller: caller("local", &[]),
        session: "session".to_owned(),
        received: NOW,
        hints: Vec::new(),
        approval: None,
    })
}

/// Makes a [`Call`]; it derefs to the call.
#[derive(Clone, Debug)]
pub struct CallBuilder(pub(super) Call);

impl CallBuilder {
    /// Sets the arguments, a JSON object.
    #[must_use]
    pub fn arguments(mut self, arguments: &Value) -> Self {
        self.0.arguments = arguments.to_string();
        self
    }

    /// Sets who calls.
    #[must_use]
    pub fn by(mut self, principal: &str, roles: &[&str]) -> Self {
        self.0.caller = caller(principal, roles);
        self
    }

    /// Sets when it was received, in milliseconds since the epoch.
    #[must_use]
    pub fn at(mut self, moment: u64) -> Self {
        self.0.received = moment;
        self
    }

    /// Sets the hints of the tool.
    #[must_use]
    pub fn hints(mut self, hints: &[&str]) -> Self {
        self.0.hints = hints.iter().map(|&hint| hint.to_owned()).collect();
        self
    }

    /// Adds one who said yes to the policy's question.
    #[must_use]
    pub fn approved_by(mut self, principal: &str, roles: &[&str]) -> Self {
        let granted = self.0.received;
        let none = || GrantedApproval { id: "approval".to_owned(), approvers: Vec::new(), granted };
        let approver = Approver { principal: principal.to_owned(), roles: caller("", roles).roles };
        self.0.approval.get_or_insert_with(none).approvers.push(approver);
        self
    }
}

impl std::ops::Deref for CallBuilder {
    type Target = Call;

    fn deref(&self) -> &Call {
        &self.0
    }
}

/// A call of the past, of `tool`, by `local`, that was admitted a minute before [`NOW`] and succeeded a second later.
pub fn past(tool: &str) -> PastBuilder {
    PastBuilder(PastCall {
        id: String::new(),
        tool: tool.to_owned(),
        arguments: "{}".to_owned(),
        outcome: "succeeded".to_owned(),
        result: Some(json!({ "content": [], "isError": false }).to_string()),
        admitted: NOW - 60_000,
        finished: Some(NOW - 59_000),
        caller: caller("local", &[]),
    })
}

/// Makes a [`PastCall`].
#[derive(Clone, Debug)]
pub struct PastBuilder(pub(super) PastCall);

impl PastBuilder {
    /// Sets the id; [`Ledger`](super::Ledger) numbers those without one.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        self.0.id = id.to_owned();
        self
    }

    /// Sets the arguments, a JSON object.
    #[must_use]
    pub fn arguments(mut self, arguments: &Value) -> Self {
        self.0.arguments = arguments.to_string();
        self
    }

    /// Sets how it ended.
    #[must_use]
    pub fn outcome(mut self, outcome: &str) -> Self {
        outcome.clone_into(&mut self.0.outcome);
        self
    }

    /// Has it still be running.
    #[must_use]
    pub fn running(mut self) -> Self {
        self.0.finished = None;
        self.0.result = None;
        self.outcome("running")
    }

    /// Sets what came back: the whole `CallToolResult`.
    #[must_use]
    pub fn result(mut self, result: &Value) -> Self {
        self.0.result = Some(result.to_string());
        self
    }

    /// Sets when it was admitted, in seconds before [`NOW`]. What has ended ends a second later.
    #[must_use]
    pub fn seconds_ago(self, seconds: u64) -> Self {
        self.at(NOW - seconds * 1000)
    }

    /// Sets when it was admitted, in milliseconds since the epoch. What has ended ends a second later.
    #[must_use]
    pub fn at(mut self, moment: u64) -> Self {
        self.0.admitted = moment;
        self.0.finished = self.0.finished.map(|_| moment + 1000);
        self
    }

    /// Sets who made it.
    #[must_use]
    pub fn by(mut self, principal: &str, roles: &[&str]) -> Self {
        self.0.caller = caller(principal, roles);
        self
    }
}

pub(super) fn caller(principal: &str, roles: &[&str]) -> Caller {
    Caller { principal: principal.to_owned(), roles: roles.iter().map(|&role| role.to_owned()).collect() }
}
