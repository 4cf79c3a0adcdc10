//! What callers over HTTP are told of questions and of their own calls, and where their answers go.

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    approvals::{self, Answer, Approval, Approvals, ApprovalsError, Channel, Matter},
    call::{Caller, ToolName},
    gateway::{Answered, AskedCall, BatchName, CallStatus, Desk, DeskError, Question, Reply},
    journal::{Event, Journal, JournalError, Query, are_cut, kind},
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

    async fn told(&self, matter: &Matter, caller: &Caller) -> Question {
        let (now, first) = (self.approvals.now(), matter.first());
        let answered = |answer: &Answer| Answered {
            by: answer.by.clone(),
            on_behalf_of: answer.on_behalf.as_ref().map(|behalf| behalf.of.clone()),
            approve: answer.approve,
            at: answer.at.to_string(),
            reason: answer.reason.clone(),
        };
        let asked = |approval: &Approval| AskedCall {
            call: approval.call.to_string(),
            tool: approval.tool.to_string(),
            arguments: approval.arguments.clone(),
            arguments_cut: are_cut(&approval.arguments),
            policy: approval.policy.clone(),
            reason: approval.question.reason.clone(),
            preview: approval.question.preview.clone(),
            roles: approval.roles(now),
            quorum: approval.quorum(),
        };
        Question {
            id: matter.id.clone(),
            state: matter.state(now).word(),
            calls: matter.approvals.iter().map(asked).collect(),
            batch: matter.batch().map(|(name, size)| BatchName { name: name.to_owned(), size }),
            caller: first.map(|first| first.caller.principal.clone()).unwrap_or_default(),
            asked: first.map(|first| first.asked.to_string()).unwrap_or_default(),
            expires: matter.deadline().to_string(),
            answers: first.iter().flat_map(|first| &first.answers).map(answered).collect(),
            digest: matter.digest(),
            may_answer: matter.is_whole()
                && self.approvals.may_answer(matter, &caller.principal, &caller.roles).await.is_ok(),
        }
    }

    /// What is answered by this id, if it is any of the caller's business.
    async fn find(&self, id: &str, caller: &Caller) -> Result<Matter, DeskError> {
        let matter = self.approvals.matter(id).await.map_err(failed)?;
        match self.approvals.concerns(&matter, &caller.principal, &caller.roles) {
            true => Ok(matter),
            false => Err(DeskError::Unknown),
        }
    }
}

#[async_trait]
impl Desk for Reception {
    async fn questions(&self, caller: &Caller) -> Result<Vec<Question>, DeskError> {
        let (all, now) = (self.approvals.matters().await.map_err(failed)?, self.approvals.now());
        let is_open = |matter: &&Matter| matter.approvals.iter().any(|approval| approval.is_open(now));
        let concerns = |matter: &&Matter| self.approvals.concerns(matter, &caller.principal, &caller.roles);
        let mut told = Vec::new();
        for matter in all.iter().filter(is_open).filter(concerns).take(MOST_LISTED) {
            told.push(self.told(matter, caller).await);
        }
        Ok(told)
    }

    async fn question(&self, id: &str, caller: &Caller) -> Result<Question, DeskError> {
        let matter = self.find(id, caller).await?;
        Ok(self.told(&matter, caller).await)
    }

    async fn answer(&self, id: &str, caller: &Caller, reply: Reply) -> Result<Question, DeskError> {
        self.find(id, caller).await?;
        let Reply { approve, reason, seen } = reply;
        let (by, roles) = (caller.principal.clone(), caller.roles.clone());
        let reply = approvals::Reply { by, roles, approve, reason, channel: Channel::Rest, seen };
        self.approvals.answer(id, reply).await.map_err(failed)?;
        self.question(id, caller).await
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
        // Of delegations, which are not made here.
        | ApprovalsError::NoRoles
        | ApprovalsError::NoDelegation(_)
        | ApprovalsError::DelegationOver(_)
        | ApprovalsError::Chain { .. }
        | ApprovalsError::ToThemself(_)
        | ApprovalsError::NoSuchTime) => DeskError::Denied(error.to_string()),
        error @ (ApprovalsError::NotOpen { .. }
        | ApprovalsError::Answered { .. }
        | ApprovalsError::NotWhatWasSeen { .. }
        | ApprovalsError::InBatch { .. }
        | ApprovalsError::Incomplete { .. }) => DeskError::Over(error.to_string()),
        ApprovalsError::Journal(error) => unavailable(&error),
    }
}

fn unavailable(error: &JournalError) -> DeskError {
    tracing::error!(%error, "the journal cannot be used for what a caller asks after");
    DeskError::Unavailable
}
