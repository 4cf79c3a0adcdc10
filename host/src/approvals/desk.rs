//! Asking and finding: the fold kept up to date with the journal.

use uuid::Uuid;

use super::{Approval, ApprovalsError, Book, Delegation, Escalation, Matter};
use crate::{
    call::{Call, CallId},
    clock::Timestamp,
    journal::{
        Committed, Draft, Event, Follower, Guard, Journal, Sequence,
        body::{self, InBatch, TakenOver},
        kind,
    },
    verdict::Question,
};

/// The questions of one journal. Clones share everything.
#[derive(Clone, Debug)]
pub struct Approvals(pub(super) Follower<Book>);

/// A question to be put about one call.
#[derive(Clone, Copy, Debug)]
pub struct Put<'a> {
    /// The policy that asks.
    pub policy: &'a str,
    /// What ties it to the call: [`binding`](super::binding).
    pub binding: &'a str,
    /// The same without the batch that the call is in; none: it is in none.
    pub alone: Option<&'a str>,
    /// What it asks.
    pub question: &'a Question,
    /// Who may answer as well after a while. A question keeps the terms that it was asked on.
    pub escalate: &'a [Escalation],
    /// The question with this binding that is over, if there was one.
    pub after: Option<&'a str>,
    /// Up to which position it was looked whether the same is asked already.
    pub since: Sequence,
}

impl Approvals {
    /// The questions in this journal.
    pub fn new(journal: Journal) -> Self {
        Self(Follower::new(journal))
    }

    /// The journal that they are in.
    pub fn journal(&self) -> &Journal {
        self.0.journal()
    }

    /// Brings the fold up to date and returns the position that it stands at.
    pub(super) async fn refresh(&self) -> Result<Sequence, ApprovalsError> {
        self.0.refresh().await?;
        Ok(self.0.look(|_, upto| upto))
    }

    /// The latest question with this binding, or the one that `continues` used up, and the position as of which.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn find(
        &self,
        binding: &str,
        continues: Option<&CallId>,
    ) -> Result<(Option<Approval>, Sequence), ApprovalsError> {
        self.0.refresh().await?;
        Ok(self.0.look(|book, upto| {
            let spent = continues.and_then(|call| book.spent(binding, call));
            (spent.or_else(|| book.bound(binding)).cloned(), upto)
        }))
    }

    /// A question about the call that is bound so when it is asked about alone, in whatever company, that was answered with no
    /// and would still be open. As of when the journal was last looked at.
    pub fn refused(&self, alone: &str) -> Option<Approval> {
        let now = self.now();
        self.0.look(|book, _| book.refused(alone, now).cloned())
    }

    /// All questions that still matter, oldest first.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn list(&self) -> Result<Vec<Approval>, ApprovalsError> {
        self.0.refresh().await?;
        Ok(self.0.look(|book, _| book.iter().cloned().collect()))
    }

    /// The same, as what gets one answer: questions alone, and batches.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn matters(&self) -> Result<Vec<Matter>, ApprovalsError> {
        self.0.refresh().await?;
        Ok(self.0.look(|book, _| book.matters()))
    }

    /// What is answered by this id; of a question in a batch, the batch.
    ///
    /// # Errors
    /// If there is none, or the journal cannot be read.
    pub async fn matter(&self, id: &str) -> Result<Matter, ApprovalsError> {
        self.0.refresh().await?;
        let found = self.0.look(|book, _| {
            let batch = book.get(id).and_then(|one| one.batch.as_ref()).map(|batch| batch.id.as_str());
            book.matter(batch.unwrap_or(id))
        });
        found.ok_or_else(|| ApprovalsError::NotFound(id.to_owned()))
    }

    /// One question by its id.
    ///
    /// # Errors
    /// If there is none, or the journal cannot be read.
    pub async fn get(&self, id: &str) -> Result<Approval, ApprovalsError> {
        self.0.refresh().await?;
        self.0.look(|book, _| book.get(id).cloned()).ok_or_else(|| ApprovalsError::NotFound(id.to_owned()))
    }

    /// All delegations of the last day, oldest first.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn delegations(&self) -> Result<Vec<Delegation>, ApprovalsError> {
        self.0.refresh().await?;
        Ok(self.0.look(|book, _| book.delegations().cloned().collect()))
    }

    /// The time by which states are told.
    pub fn now(&self) -> Timestamp {
        self.0.journal().now()
    }

    /// Puts a question about `call`, unless the same question was put since it was looked for. Returns whichever stands.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn ask(&self, call: &Call, put: Put<'_>) -> Result<Approval, ApprovalsError> {
        let Put { policy, binding, alone, question, escalate, after, mut since } = put;
        loop {
            let id = Uuid::now_v7().to_string();
            let now = self.now();
            let due = |step: &Escalation| TakenOver {
                from: step.from.clone(),
                to: step.to.clone(),
                at: now.plus(step.after),
            };
            let concerns = |step: &&Escalation| question.roles.contains(&step.from);
            let asked = body::ApprovalAsked {
                binding: binding.to_owned(),
                alone: alone.map(str::to_owned),
                call: call.id.clone(),
                policy: policy.to_owned(),
                question: question.clone(),
                tool: call.tool.clone(),
                arguments: serde_json::Value::Object((*call.arguments).clone()),
                beside: (*call.beside).clone(),
                caller: call.caller.clone(),
                session: call.session.clone(),
                expires: now.plus(question.expires_in),
                escalate: escalate.iter().filter(concerns).map(due).collect(),
                batch: self.batch(call),
            };
            let draft = Draft::new(&call.caller.principal, kind::APPROVAL_ASKED, &id, &asked)?;
            let committed = self.0.journal().commit(vec![draft], unasked(call, binding, since)).await?;
            let (found, upto) = self.find(binding, None).await?;
            match (committed, found) {
                (Committed::At(_), found) => return found.ok_or(ApprovalsError::NotFound(id)),
                // Somebody else asked the same meanwhile: theirs stands.
                (Committed::Conflict, Some(found)) if Some(&*found.id) != after => return Ok(found),
                // Or something has happened to its batch.
                (Committed::Conflict, _) => since = upto,
            }
        }
    }

    /// Whether somebody with these roles may answer a question now, or the batch that it is in.
    ///
    /// # Errors
    /// If there is none, or the journal cannot be read.
    pub async fn takes(&self, id: &str, by: &str, roles: &[String]) -> Result<bool, ApprovalsError> {
        match self.may_answer(&self.matter(id).await?, by, roles).await {
            Ok(()) => Ok(true),
            Err(ApprovalsError::Journal(error)) => Err(error.into()),
            Err(_) => Ok(false),
        }
    }

    /// The batch that a question about this call comes into: one that others of it are in and that has room, or a new one.
    fn batch(&self, call: &Call) -> Option<InBatch> {
        let (wanted, now) = (call.batch.as_ref()?, self.now());
        let open = self.0.look(|book, _| book.batch(&call.caller.principal, &call.session, wanted));
        let with_room = open.filter(|matter| {
            let same = |one: &Approval| {
                one.tool == call.tool
                    && one.beside == *call.beside
                    && one.arguments.as_object() == Some(&*call.arguments)
            };
            let has_room = !matter.is_whole() || matter.approvals.iter().any(same);
            has_room && matter.approvals.iter().all(|one| one.is_open(now) && one.answers.is_empty())
        });
        let id = with_room.map_or_else(|| Uuid::now_v7().to_string(), |matter| matter.id);
        Some(InBatch { id, name: wanted.name.clone(), size: wanted.size })
    }

    /// Records that nobody answered in time. Whoever notices first, once.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn expire(&self, id: &str) -> Result<(), ApprovalsError> {
        let since = self.refresh().await?;
        let draft = Draft::new("interlock", kind::APPROVAL_EXPIRED, id, &body::ApprovalExpired::default())?;
        match self.0.journal().commit(vec![draft], touching(vec![id.to_owned()], since)).await? {
            Committed::At(_) | Committed::Conflict => Ok(()),
        }
    }

    /// The record that an admission uses these approvals up, to be committed with it.
    ///
    /// # Errors
    /// If a draft cannot be written as JSON.
    pub fn spend(&self, ids: &[String], call: &CallId) -> Result<Vec<Draft>, ApprovalsError> {
        let spent = body::ApprovalSpent { call: call.clone() };
        ids.iter().map(|id| Ok(Draft::new("interlock", kind::APPROVAL_SPENT, id, &spent)?)).collect()
    }
}

/// A guard that the same question disturbs, and whatever happens to the batch that it is for.
fn unasked(call: &Call, binding: &str, since: Sequence) -> Guard {
    let (binding, session, batch) = (binding.to_owned(), call.session.clone(), call.batch.clone());
    Guard {
        since,
        disturbed_by: Box::new(move |event: &Event| {
            let says = |pointer: &str| event.body.pointer(pointer).and_then(serde_json::Value::as_str);
            match (event.kind.as_str(), &batch) {
                (kind::APPROVAL_ASKED, _) if says("/binding") == Some(&binding) => true,
                (kind::APPROVAL_ASKED, Some(batch)) => {
                    says("/session") == Some(&session) && says("/batch/name") == Some(&batch.name)
                }
                // Which batch it happened to is not in the event: it is looked up again.
                (kind::APPROVAL_GRANTED | kind::APPROVAL_REFUSED | kind::APPROVAL_EXPIRED, Some(_)) => true,
                (_, _) => false,
            }
        }),
    }
}

/// A guard that any no disturbs: which calls it is to, is looked up again.
pub fn unrefused(since: Sequence) -> Guard {
    Guard { since, disturbed_by: Box::new(|event: &Event| event.kind == kind::APPROVAL_REFUSED) }
}

/// A guard that any event about one of these approvals or delegations disturbs: so each approval is spent once, and no answer is
/// overlooked. That people were told of it changes nothing.
pub fn touching(ids: Vec<String>, since: Sequence) -> Guard {
    Guard {
        since,
        disturbed_by: Box::new(move |event: &Event| {
            event.kind.starts_with("approval.") && event.kind != kind::APPROVAL_TOLD && ids.contains(&event.subject)
        }),
    }
}
