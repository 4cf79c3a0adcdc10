//! The fold of all `approval.*` events. Pure.

use std::collections::{BTreeMap, HashMap};

use super::{Answer, Approval, Delegation, Matter, State, Together};
use crate::{
    call::{Batch, CallId},
    clock::Timestamp,
    journal::{Event, Fold, JournalError, body, kind},
};

/// How long a question that is settled one way or the other is remembered in memory. The journal keeps it for ever.
const REMEMBERED_MS: u64 = 24 * 60 * 60 * 1000;

/// Every question that still matters, as the events so far tell it.
#[derive(Clone, Debug, Default)]
pub struct Book {
    by_id: BTreeMap<String, Approval>,
    /// The latest question with that binding.
    by_binding: HashMap<String, String>,
    delegations: BTreeMap<String, Delegation>,
}

impl Fold for Book {
    const KINDS: &'static str = "approval.*";

    fn apply(&mut self, event: &Event) -> Result<(), JournalError> {
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
            kind::APPROVAL_ESCALATED => {
                let body::ApprovalEscalated { from, to } = event.read()?;
                if let Some(approval) = self.by_id.get_mut(&event.subject) {
                    approval.told_escalated.push(body::TakenOver { from, to, at: event.at });
                }
            }
            kind::APPROVAL_TOLD => {
                let body::ApprovalTold { channel, news } = event.read()?;
                if let Some(approval) = self.by_id.get_mut(&event.subject) {
                    approval.unreachable = None;
                    approval.told.push((channel, news));
                }
            }
            kind::APPROVAL_UNREACHABLE => {
                let body::ApprovalUnreachable { channel: _, reason } = event.read()?;
                if let Some(approval) = self.by_id.get_mut(&event.subject) {
                    approval.unreachable = Some(reason);
                }
            }
            kind::APPROVAL_DELEGATED => {
                let delegation = Delegation::told(&event.subject, &event.actor, event.at, event.read()?);
                self.delegations.retain(|_, old| old.ends.0.saturating_add(REMEMBERED_MS) >= event.at.0);
                self.delegations.insert(event.subject.clone(), delegation);
            }
            kind::APPROVAL_DELEGATION_ENDED => {
                if let Some(delegation) = self.delegations.get_mut(&event.subject) {
                    delegation.ended.get_or_insert(event.at);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Book {
    fn asked(&mut self, event: &Event, asked: body::ApprovalAsked) {
        let id = event.subject.clone();
        self.by_binding.insert(asked.binding.clone(), id.clone());
        let (quorum, expires) = (asked.question.quorum, asked.expires);
        let batch = asked.batch.map(|body::InBatch { id, name, size }| {
            // What holds for one holds for all.
            let others = self.by_id.values().filter_map(|other| other.batch.as_ref()).filter(|batch| batch.id == id);
            let quorum = others.clone().map(|batch| batch.quorum).max().unwrap_or_default().max(quorum);
            let expires = others.map(|batch| batch.expires).min().map_or(expires, |earliest| earliest.min(expires));
            Together { id, name, size, quorum, expires }
        });
        if let Some(batch) = &batch {
            for other in self.by_id.values_mut().filter_map(|other| other.batch.as_mut()) {
                if other.id == batch.id {
                    other.clone_from(batch);
                }
            }
        }
        let approval = Approval {
            id: id.clone(),
            binding: asked.binding,
            alone: asked.alone,
            policy: asked.policy,
            question: asked.question,
            call: asked.call,
            tool: asked.tool,
            arguments: asked.arguments,
            beside: asked.beside,
            caller: asked.caller,
            session: asked.session,
            asked: event.at,
            expires: asked.expires,
            escalate: asked.escalate,
            told_escalated: Vec::new(),
            batch,
            told: Vec::new(),
            unreachable: None,
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
            answers_for: answered.answers_for,
            on_behalf: answered.on_behalf,
            approve,
            at: event.at,
            reason: answered.reason,
            seen: answered.seen,
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

    /// A question about the call that is bound so when it is asked about alone, in whatever company, that was answered with no
    /// and would still be open.
    pub fn refused(&self, alone: &str, now: Timestamp) -> Option<&Approval> {
        let is_it = |one: &&Approval| {
            one.alone.as_ref().unwrap_or(&one.binding) == alone
                && one.state(now) == State::Refused
                && now < one.deadline()
        };
        self.by_id.values().rfind(is_it)
    }

    /// The question with this id.
    pub fn get(&self, id: &str) -> Option<&Approval> {
        self.by_id.get(id)
    }

    /// All questions, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Approval> {
        self.by_id.values()
    }

    /// What gets one answer, oldest first: questions alone, and batches.
    pub fn matters(&self) -> Vec<Matter> {
        let mut matters: Vec<Matter> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for approval in self.by_id.values() {
            let id = approval.answered_by();
            let place = *places.entry(id).or_insert(matters.len());
            match matters.get_mut(place) {
                Some(matter) => matter.approvals.push(approval.clone()),
                None => matters.push(Matter { id: id.to_owned(), approvals: vec![approval.clone()] }),
            }
        }
        matters
    }

    /// What is answered by this id.
    pub fn matter(&self, id: &str) -> Option<Matter> {
        if let Some(alone) = self.by_id.get(id).filter(|approval| approval.batch.is_none()) {
            return Some(Matter { id: id.to_owned(), approvals: vec![alone.clone()] });
        }
        let together = self.by_id.values().filter(|one| one.batch.as_ref().is_some_and(|batch| batch.id == id));
        let approvals: Vec<Approval> = together.cloned().collect();
        (!approvals.is_empty()).then(|| Matter { id: id.to_owned(), approvals })
    }

    /// The latest batch that a caller calls so in a session.
    pub fn batch(&self, principal: &str, session: &str, batch: &Batch) -> Option<Matter> {
        let is_it = |one: &&Approval| {
            let named = one.batch.as_ref().is_some_and(|its| its.name == batch.name && its.size == batch.size);
            named && one.caller.principal == principal && one.session == session
        };
        let last = self.by_id.values().rfind(is_it)?;
        self.matter(&last.batch.as_ref()?.id)
    }

    /// All delegations, oldest first.
    pub fn delegations(&self) -> impl Iterator<Item = &Delegation> {
        self.delegations.values()
    }

    /// The question that this call used up with this binding.
    pub fn spent(&self, binding: &str, call: &CallId) -> Option<&Approval> {
        self.by_id.values().find(|approval| approval.binding == binding && approval.spent_by.as_ref() == Some(call))
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        approvals::State,
        call::Caller,
        journal::{Hash, Sequence},
        verdict::Question,
    };

    /// Something that happens to one of three questions, or by one of three people.
    #[derive(Clone, Debug)]
    enum Step {
        Asked { id: u8, binding: u8, quorum: u32, expires_in: u64 },
        Answered { id: u8, by: u8, approve: bool },
        Expired { id: u8 },
        Spent { id: u8 },
    }

    fn steps() -> impl Strategy<Value = Vec<(Step, u64)>> {
        let step = prop_oneof![
            3 => (0..3_u8, 0..2_u8, 1..3_u32, 1..60_u64)
                .prop_map(|(id, binding, quorum, expires_in)| Step::Asked { id, binding, quorum, expires_in }),
            6 => (0..3_u8, 0..3_u8, prop::bool::weighted(0.8)).prop_map(|(id, by, approve)| Step::Answered { id, by, approve }),
            1 => (0..3_u8).prop_map(|id| Step::Expired { id }),
            2 => (0..3_u8).prop_map(|id| Step::Spent { id }),
        ];
        prop::collection::vec((step, 0..20_u64), 0..30)
    }

    fn event(step: &Step, nth: u64, at: u64) -> Event {
        let (kind, id, body) = match step {
            Step::Asked { id, binding, quorum, expires_in } => {
                let question = Question {
                    reason: String::new(),
                    preview: String::new(),
                    roles: Vec::new(),
                    quorum: *quorum,
                    expires_in: Duration::from_millis(*expires_in),
                    self_approval: false,
                    channel: "desk".to_owned(),
                };
                let body = body::ApprovalAsked {
                    binding: format!("b{binding}"),
                    alone: None,
                    call: CallId::from("c"),
                    policy: "p".to_owned(),
                    question,
                    tool: "a/b".parse().unwrap(),
                    arguments: json!({}),
                    beside: serde_json::Map::new(),
                    caller: Caller { principal: "alice".to_owned(), roles: Vec::new(), client: None },
                    session: "s".to_owned(),
                    expires: Timestamp(at + expires_in),
                    escalate: Vec::new(),
                    batch: None,
                };
                (kind::APPROVAL_ASKED, id, serde_json::to_value(body).unwrap())
            }
            Step::Answered { id, by, approve } => {
                let body = body::ApprovalAnswered {
                    by: format!("p{by}"),
                    roles: Vec::new(),
                    answers_for: Vec::new(),
                    on_behalf: None,
                    reason: None,
                    channel: "desk".to_owned(),
                    seen: None,
                };
                let kind = if *approve { kind::APPROVAL_GRANTED } else { kind::APPROVAL_REFUSED };
                (kind, id, serde_json::to_value(body).unwrap())
            }
            Step::Expired { id } => (kind::APPROVAL_EXPIRED, id, json!({})),
            Step::Spent { id } => (kind::APPROVAL_SPENT, id, json!({"call": "c"})),
        };
        Event {
            seq: Sequence(nth + 1),
            at: Timestamp(at),
            actor: String::new(),
            kind: kind.to_owned(),
            subject: format!("a{id}"),
            body: Arc::<Value>::new(body),
            prev: Hash::default(),
            hash: Hash::default(),
            change: None,
        }
    }

    /// The state of one question, told by going over everything that happened to it since it was last asked.
    fn reference(steps: &[(Step, u64)], wanted: u8, now: u64) -> Option<State> {
        let begin = steps.iter().rposition(|(step, _)| matches!(step, Step::Asked { id, .. } if *id == wanted))?;
        let (Step::Asked { quorum, expires_in, .. }, asked) = &steps[begin] else { return None };
        let (mut yes, mut completed, mut no, mut expired, mut spent) = (Vec::new(), None, false, false, false);
        for (step, at) in &steps[begin..] {
            match step {
                Step::Answered { id, by, approve: true } if *id == wanted && !yes.contains(by) => {
                    yes.push(*by);
                    if yes.len() == *quorum as usize {
                        completed = Some(*at);
                    }
                }
                Step::Answered { id, approve: false, .. } if *id == wanted => no = true,
                Step::Expired { id } if *id == wanted => expired = true,
                Step::Spent { id } if *id == wanted => spent = true,
                Step::Asked { .. } | Step::Answered { .. } | Step::Expired { .. } | Step::Spent { .. } => {}
            }
        }
        let over = expired || now >= completed.unwrap_or(*asked) + expires_in;
        Some(match (spent, no, over, completed) {
            (true, ..) => State::Spent,
            (_, true, ..) => State::Refused,
            (_, _, true, _) => State::Expired,
            (_, _, _, Some(_)) => State::Granted,
            (_, _, _, None) => State::Open,
        })
    }

    #[test]
    fn what_was_written_before_answers_had_a_digest_can_still_be_read() {
        let asked = event(&Step::Asked { id: 0, binding: 0, quorum: 1, expires_in: 50 }, 0, 0);
        let body = json!({"by": "p1", "roles": ["lead"]});
        let answered = event(&Step::Answered { id: 0, by: 1, approve: true }, 1, 10);
        let answered = Event { body: Arc::new(body), ..answered };
        let mut book = Book::default();
        book.apply(&asked).unwrap();
        book.apply(&answered).unwrap();
        let approval = book.get("a0").unwrap();
        assert_eq!((approval.state(Timestamp(20)), &approval.answers[0].seen), (State::Granted, &None));
    }

    proptest! {
        #[test]
        fn answers_that_are_given_at_one_time_may_come_in_any_order(
            quorum in 1..4_u32,
            answers in prop::collection::vec((0..4_u8, prop::bool::weighted(0.85)), 0..6).prop_shuffle(),
            order in any::<prop::sample::Index>(),
            later in 0..80_u64,
        ) {
            let state = |answers: &[(u8, bool)]| {
                let mut book = Book::default();
                book.apply(&event(&Step::Asked { id: 0, binding: 0, quorum, expires_in: 50 }, 0, 0)).unwrap();
                for (by, approve) in answers {
                    book.apply(&event(&Step::Answered { id: 0, by: *by, approve: *approve }, 1, 10)).unwrap();
                }
                book.get("a0").unwrap().state(Timestamp(10 + later))
            };
            let mut turned = answers.clone();
            turned.rotate_left(order.index(answers.len().max(1)));
            let mut reversed = answers.clone();
            reversed.reverse();
            prop_assert_eq!(state(&turned), state(&answers));
            prop_assert_eq!(state(&reversed), state(&answers));
        }

        #[test]
        fn the_fold_says_of_each_question_what_its_history_says(steps in steps(), later in 0..80_u64) {
            let (mut book, mut at) = (Book::default(), 0);
            let timed: Vec<(Step, u64)> = steps
                .into_iter()
                .map(|(step, after)| {
                    at += after;
                    (step, at)
                })
                .collect();
            for (nth, (step, at)) in timed.iter().enumerate() {
                book.apply(&event(step, nth as u64, *at)).unwrap();
            }
            let now = at + later;
            for id in 0..3 {
                let found = book.get(&format!("a{id}")).map(|approval| approval.state(Timestamp(now)));
                prop_assert_eq!(found, reference(&timed, id, now), "question {}", id);
            }
            for wanted in 0..2 {
                let last = timed.iter().rev().find_map(|(step, _)| match step {
                    Step::Asked { id, binding, .. } if *binding == wanted => Some(format!("a{id}")),
                    _ => None,
                });
                prop_assert_eq!(book.bound(&format!("b{wanted}")).map(|approval| approval.id.clone()), last);
            }
        }
    }
}
