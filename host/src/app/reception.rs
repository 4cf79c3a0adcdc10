//! What callers over HTTP are told of questions and of their own calls, and where their answers go.

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    approvals::{self, Approval, Approvals, ApprovalsError, Channel},
    call::{Caller, ToolName},
    gateway::{Answered, CallStatus, Desk, DeskError, Question, Reply},
    journal::{Event, Journal, JournalError, Query, kind},
    mediation::Mediator,
    policy::Policies,
};

/// Most questions that are listed at once.
const MOST_LISTED: usize = 200;

/// Approvals and the journal, as the gateway sees them: by the eyes of one caller at a time.
#[derive(Debug)]
pub struct Reception {
    journal: Journal,
    approvals: Approvals,
    mediators: watch::Receiver<Mediator>,
}

impl Reception {
    /// Over this journal, beside the line that calls take.
    pub fn new(journal: Journal, mediators: watch::Receiver<Mediator>) -> Self {
        let approvals = mediators.borrow().approvals().clone();
        Self { journal, approvals, mediators }
    }

    async fn told(&self, approval: &Approval, caller: &Caller) -> Result<Question, DeskError> {
        let may_answer = self.approvals.takes(&approval.id, &caller.principal, &caller.roles).await.map_err(failed)?;
        let now = self.approvals.now();
        let answered = approval.answers.iter().map(|answer| Answered {
            by: answer.by.clone(),
            approve: answer.approve,
            at: answer.at.to_string(),
            reason: answer.reason.clone(),
        });
        Ok(Question {
            id: approval.id.clone(),
            state: approval.state(now).word(),
            tool: approval.tool.to_string(),
            arguments: approval.arguments.clone(),
            policy: approval.policy.clone(),
            reason: approval.question.reason.clone(),
            preview: approval.question.preview.clone(),
            roles: approval.roles(now),
            quorum: approval.quorum(),
            call: approval.call.to_string(),
            caller: approval.caller.principal.clone(),
            asked: approval.asked.to_string(),
            expires: approval.deadline().to_string(),
            answers: answered.collect(),
            digest: approval.digest(),
            may_answer,
        })
    }

    /// Whether it is theirs to see: who made the call, and whoever may answer or has a role to answer in.
    async fn concerns(&self, approval: &Approval, caller: &Caller) -> Result<bool, DeskError> {
        let Caller { principal, roles, .. } = caller;
        Ok(self.approvals.concerns(approval, principal, roles)
            || self.approvals.takes(&approval.id, principal, roles).await.map_err(failed)?)
    }

    /// The question with this id, if it is any of the caller's business.
    async fn find(&self, id: &str, caller: &Caller) -> Result<Approval, DeskError> {
        let approval = self.approvals.get(id).await.map_err(failed)?;
        if self.concerns(&approval, caller).await? { Ok(approval) } else { Err(DeskError::Unknown) }
    }
}

#[async_trait]
impl Desk for Reception {
    async fn questions(&self, caller: &Caller) -> Result<Vec<Question>, DeskError> {
        let (all, now) = (self.approvals.list().await.map_err(failed)?, self.approvals.now());
        let mut theirs = Vec::new();
        for approval in all.iter().filter(|approval| approval.is_open(now)) {
            if theirs.len() < MOST_LISTED && self.concerns(approval, caller).await? {
                theirs.push(self.told(approval, caller).await?);
            }
        }
        Ok(theirs)
    }

    async fn question(&self, id: &str, caller: &Caller) -> Result<Question, DeskError> {
        self.told(&self.find(id, caller).await?, caller).await
    }

    async fn answer(&self, id: &str, caller: &Caller, reply: Reply) -> Result<Question, DeskError> {
        self.find(id, caller).await?;
        let Reply { approve, reason, seen } = reply;
        let (by, roles) = (caller.principal.clone(), caller.roles.clone());
        let reply = approvals::Reply { by, roles, approve, reason, channel: Channel::Rest, seen };
        let answered = self.approvals.answer(id, reply).await;
        self.told(&answered.map_err(failed)?, caller).await
    }

    async fn call(&self, id: &str, caller: &Caller) -> Result<CallStatus, DeskError> {
        let policies = self.mediators.borrow().policies().clone();
        let read = async || {
            let query = Query {
                subject: Some(id.to_owned()),
                kinds: vec!["call.*".to_owned()],
                principal: Some(caller.principal.clone()),
                ..Query::default()
            };
            Ok::<_, JournalError>(status(&self.journal.read(&query).await?, &policies))
        };
        let told = async {
            let told = read().await?;
            if told.as_ref().is_none_or(|told| !["waiting", "running"].contains(&told.state.as_str())) {
                return Ok(told);
            }
            // Its end may have been told to the caller already, and be on its way to the journal.
            self.journal.flush().await?;
            read().await
        };
        let told: Result<Option<CallStatus>, JournalError> = told.await;
        told.map_err(|error| unavailable(&error))?.ok_or(DeskError::Unknown)
    }
}

/// What the events about one call come to; none if there are none.
fn status(events: &[Event], policies: &Policies) -> Option<CallStatus> {
    let last = |kinds: &[&str]| events.iter().rev().find(|event| kinds.contains(&event.kind.as_str()));
    let admitted = last(&[kind::CALL_ADMITTED]);
    let begun = admitted.or_else(|| last(&[kind::CALL_REFUSED, kind::CALL_ASKED]))?;
    let text = |event: &Event, key: &str| event.body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let tool = text(begun, "tool");
    let (state, at) = match (admitted, last(&[kind::CALL_FINISHED, kind::CALL_SETTLED])) {
        (Some(_), Some(end)) => (text(end, "outcome"), end.at),
        (Some(admitted), None) => ("running".to_owned(), admitted.at),
        (None, _) if begun.kind == kind::CALL_REFUSED => ("refused".to_owned(), begun.at),
        (None, _) => ("waiting".to_owned(), begun.at),
    };
    let shown = last(&[kind::CALL_REVIEWED]).is_none() && !is_reviewed(policies, &tool);
    let finished = last(&[kind::CALL_FINISHED]).filter(|_| shown);
    let approvals = last(&[kind::CALL_ASKED]).or(admitted).and_then(|event| event.body.get("approvals"));
    let approvals = approvals.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    Some(CallStatus {
        call: begun.subject.clone(),
        tool,
        state,
        arguments: begun.body.get("arguments").cloned().unwrap_or_default(),
        session: text(begun, "session"),
        at: at.to_string(),
        approvals: approvals.map(str::to_owned).collect(),
        result: finished.and_then(|finished| finished.body.get("result")).cloned(),
        refused: begun.body.get("refused").cloned(),
    })
}

/// Whether a policy looks at this tool's results before callers do: what the journal has is what was there before it.
fn is_reviewed(policies: &Policies, tool: &str) -> bool {
    let Ok(tool) = tool.parse::<ToolName>() else { return true };
    policies.iter().any(|policy| {
        let globs = &policy.matches().tools;
        policy.plugin().exports().review && (globs.is_empty() || globs.iter().any(|glob| glob.matches(tool.as_str())))
    })
}

fn failed(error: ApprovalsError) -> DeskError {
    match error {
        ApprovalsError::NotFound(_) => DeskError::Unknown,
        error @ (ApprovalsError::NotEntitled { .. }
        | ApprovalsError::OwnCall { .. }
        | ApprovalsError::NotThisWay { .. }
        | ApprovalsError::NoName
        // Delegations are made elsewhere; whatever is wrong with one gives nobody a right.
        | ApprovalsError::NoDelegation(_)
        | ApprovalsError::DelegationOver(_)
        | ApprovalsError::ToThemself(_)
        | ApprovalsError::NoRoles
        | ApprovalsError::NoSuchTime
        | ApprovalsError::Chain { .. }) => DeskError::Denied(error.to_string()),
        error @ (ApprovalsError::NotOpen { .. }
        | ApprovalsError::Answered { .. }
        | ApprovalsError::InBatch { .. }
        | ApprovalsError::Incomplete { .. }
        | ApprovalsError::NotWhatWasSeen { .. }) => DeskError::Over(error.to_string()),
        ApprovalsError::Journal(error) => unavailable(&error),
    }
}

fn unavailable(error: &JournalError) -> DeskError {
    tracing::error!(%error, "the journal cannot be used for what a caller asks after");
    DeskError::Unavailable
}
