//! The fold of all `approval.*` events. Pure.

use std::collections::{BTreeMap, HashMap};

use super::{Answer, Approval};
use crate::{
    call::CallId,
    clock::Timestamp,
    journal::{Event, JournalError, body, kind},
};

/// How long a question that is settled one way or the other is remembered in memory. The journal keeps it for ever.
const REMEMBERED_MS: u64 = 24 * 60 * 60 * 1000;

/// Every question that still matters, as the events so far tell it.
#[derive(Clone, Debug, Default)]
pub struct Book {
    by_id: BTreeMap<String, Approval>,
    /// The latest question with that binding.
    by_binding: HashMap<String, String>,
}

impl Book {
    /// Takes in the next event. Events of other kinds, and about questions that are not known, change nothing.
    ///
    /// # Errors
    /// If the event does not have the shape of its kind.
    pub fn apply(&mut self, event: &Event) -> Result<(), JournalError> {
        match event.kind.as_str() {
            kind::APPROVAL_ASKED => self.asked(event, event.read()?),
            kind::APPROVAL_GRANTED => self.answered(event, event.read()?, true),
            kind::APPROVAL_REFUSED => self.answered(event, event.read()?, false),
            kind::APPROVAL_EXPIRED => {
                if let Some(approval) = self.by_id.get_mut(&event.subject) {
                    approval.told_expired = true;
                }
            }
            kind::APPROVAL_SPENT => {
                let spent: body::ApprovalSpent = event.read()?;
                if let Some(approval) = self.by_id.get_mut(&event.subject) {
                    approval.spent_by = Some(spent.call);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn asked(&mut self, event: &Event, asked: body::ApprovalAsked) {
        let id = event.subject.clone();
        self.by_binding.insert(asked.binding.clone(), id.clone());
        let approval = Approval {
            id: id.clone(),
            binding: asked.binding,
            policy: asked.policy,
            question: asked.question,
            call: asked.call,
            tool: asked.tool,
            arguments: asked.arguments,
            caller: asked.caller,
            session: asked.session,
            asked: event.at,
            expires: asked.expires,
            answers: Vec::new(),
            told_expired: false,
            spent_by: None,
        };
        self.by_id.insert(id, approval);
        self.forget(event.at);
    }

    fn answered(&mut self, event: &Event, answered: body::ApprovalAnswered, approve: bool) {
        let Some(approval) = self.by_id.get_mut(&event.subject) else { return };
        // One voice each, however often it is raised.
        if approval.answers.iter().any(|answer| answer.by == answered.by && answer.approve == approve) {
            return;
        }
        approval.answers.push(Answer {
            by: answered.by,
            roles: answered.roles,
            approve,
            at: event.at,
            reason: answered.reason,
        });
    }

    /// Drops questions that have been over for a day.
    fn forget(&mut self, now: Timestamp) {
        let over = |approval: &Approval| approval.expires.0.saturating_add(REMEMBERED_MS) < now.0;
        if self.by_id.len().is_power_of_two() {
            self.by_id.retain(|_, approval| !over(approval));
            let by_id = &self.by_id;
            self.by_binding.retain(|_, id| by_id.contains_key(id));
        }
    }

    /// The latest question with this binding.
    pub fn bound(&self, binding: &str) -> Option<&Approval> {
        self.by_id.get(self.by_binding.get(binding)?)
    }

    /// The question with this id.
    pub fn get(&self, id: &str) -> Option<&Approval> {
        self.by_id.get(id)
    }

    /// All questions, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Approval> {
        self.by_id.values()
    }

    /// The question that this call used up with this binding.
    pub fn spent(&self, binding: &str, call: &CallId) -> Option<&Approval> {
        self.by_id.values().find(|approval| approval.binding == binding && approval.spent_by.as_ref() == Some(call))
    }
}
