//! Answering: who may, is looked up at the moment at which it counts.

use super::{
    Approval, Approvals, ApprovalsError, Channel, Matter, Reply,
    entitlement::{concerns, entitled},
    touching,
};
use crate::journal::{Committed, Draft, Event, Guard, Sequence, body, kind};

/// Most characters of a person's name.
const LONGEST_NAME: usize = 100;
/// Most characters of a reason.
const LONGEST_REASON: usize = 2000;

impl Approvals {
    /// Records one person's answer and returns the question as it stands then; of a batch, the one that was asked first.
    ///
    /// `id` is a question's, or that of a batch: its questions are answered with one commit, all or none.
    ///
    /// # Errors
    /// If there is no such question, it is no longer open, it is not what they were shown, or they may not answer it.
    pub async fn answer(&self, id: &str, reply: Reply) -> Result<Approval, ApprovalsError> {
        let by = named(&reply.by)?;
        loop {
            let since = self.refresh().await?;
            let matter = self.alone(id)?;
            let seen = matter.digest();
            let (mut drafts, mut looked_at) = (Vec::new(), Vec::new());
            // In the end an answer would be refused for this anyway; before, for what cannot be mended.
            for approval in &matter.approvals {
                let answered = self.answered(approval, by, &reply, &seen)?;
                looked_at.push(approval.id.clone());
                looked_at.extend(answered.on_behalf.iter().map(|behalf| behalf.delegation.clone()));
                drafts.extend(self.overdue(approval)?);
                let kind = if reply.approve { kind::APPROVAL_GRANTED } else { kind::APPROVAL_REFUSED };
                drafts.push(Draft::new(by, kind, &approval.id, &answered)?);
            }
            if let (Some((_, size)), false) = (matter.batch(), matter.is_whole()) {
                return Err(ApprovalsError::Incomplete { id: matter.id.clone(), here: matter.calls(), size });
            }
            if reply.seen.as_ref().is_some_and(|shown| *shown != seen) {
                return Err(ApprovalsError::NotWhatWasSeen { id: matter.id });
            }
            let first = matter.first().map(|first| first.id.clone()).unwrap_or_default();
            let guard = touching(looked_at, since).and(nobody_joins(&matter.id, since));
            match self.journal().commit(drafts, guard).await? {
                Committed::At(_) => return self.get(&first).await,
                Committed::Conflict => {}
            }
        }
    }

    /// Whether somebody could answer now, as far as who they are goes.
    ///
    /// # Errors
    /// Why they may not.
    pub async fn may_answer(&self, matter: &Matter, by: &str, roles: &[String]) -> Result<(), ApprovalsError> {
        self.refresh().await?;
        let now = self.now();
        let each = |approval| self.0.look(|book, _| entitled(approval, book.delegations(), by, roles, now)).map(drop);
        matter.approvals.iter().try_for_each(each)
    }

    /// Whether a question is theirs to see, as of the last look at the journal: they made the call, or hold a role to answer it in,
    /// or have been delegated one.
    pub fn concerns(&self, matter: &Matter, by: &str, roles: &[String]) -> bool {
        let now = self.now();
        self.0.look(|book, _| matter.approvals.iter().any(|one| concerns(one, book.delegations(), by, roles, now)))
    }

    /// What is answered by this id and no other.
    fn alone(&self, id: &str) -> Result<Matter, ApprovalsError> {
        self.0.look(|book, _| match book.get(id).and_then(|one| one.batch.as_ref()) {
            Some(batch) => Err(ApprovalsError::InBatch { id: id.to_owned(), batch: batch.id.clone() }),
            None => book.matter(id).ok_or_else(|| ApprovalsError::NotFound(id.to_owned())),
        })
    }

    fn answered(
        &self,
        approval: &Approval,
        by: &str,
        reply: &Reply,
        seen: &str,
    ) -> Result<body::ApprovalAnswered, ApprovalsError> {
        if reply.channel == Channel::Client && approval.question.channel != Channel::Client.word() {
            return Err(ApprovalsError::NotThisWay { id: approval.id.clone() });
        }
        let now = self.now();
        let entitled = self.0.look(|book, _| entitled(approval, book.delegations(), by, &reply.roles, now))?;
        Ok(body::ApprovalAnswered {
            by: by.to_owned(),
            roles: reply.roles.clone(),
            answers_for: entitled.answers_for,
            on_behalf: entitled.on_behalf,
            reason: reply.reason.as_deref().and_then(reason),
            channel: reply.channel.word().to_owned(),
            seen: Some(seen.to_owned()),
        })
    }

    /// The records of those steps of its escalation that are due and that nobody has taken note of.
    pub(super) fn overdue(&self, approval: &Approval) -> Result<Vec<Draft>, ApprovalsError> {
        let noted =
            |from: &str, to: &str| approval.told_escalated.iter().any(|step| step.from == from && step.to == to);
        let due = approval.escalated(self.now()).filter(|step| !noted(&step.from, &step.to));
        due.map(|step| {
            let body = body::ApprovalEscalated { from: step.from.clone(), to: step.to.clone() };
            Ok(Draft::new("interlock", kind::APPROVAL_ESCALATED, &approval.id, &body)?)
        })
        .collect()
    }

    /// Takes note, once, of the questions that have been open for so long that others may answer them too.
    ///
    /// # Errors
    /// If the journal cannot be read or written.
    pub async fn note_escalations(&self) -> Result<(), ApprovalsError> {
        let since = self.refresh().await?;
        let now = self.now();
        let is_due = |one: &&Approval| one.is_open(now) && one.escalated(now).count() > one.told_escalated.len();
        let all = self.0.look(|book, _| book.iter().filter(is_due).cloned().collect::<Vec<_>>());
        for approval in all {
            let drafts = self.overdue(&approval)?;
            if !drafts.is_empty() {
                // On a conflict another process did, or the question was answered: it is looked at again with the next look.
                let _: Committed = self.commit(drafts, &approval.id, since).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn commit(
        &self,
        drafts: Vec<Draft>,
        id: &str,
        since: Sequence,
    ) -> Result<Committed, ApprovalsError> {
        Ok(self.journal().commit(drafts, touching(vec![id.to_owned()], since)).await?)
    }
}

/// A guard that another question disturbs that comes into the batch of this id: whoever answers it has not seen that one.
fn nobody_joins(batch: &str, since: Sequence) -> Guard {
    let batch = batch.to_owned();
    Guard {
        since,
        disturbed_by: Box::new(move |event: &Event| {
            let joined = || event.body.pointer("/batch/id").and_then(serde_json::Value::as_str);
            event.kind == kind::APPROVAL_ASKED && joined() == Some(&batch)
        }),
    }
}

/// The name of a person, without blanks around it.
pub(super) fn named(name: &str) -> Result<&str, ApprovalsError> {
    let name = name.trim();
    let fits = !name.is_empty() && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
    fits.then_some(name).ok_or(ApprovalsError::NoName)
}

/// A reason in somebody's words, if there are any; what is longer than anyone reads is cut.
pub(super) fn reason(text: &str) -> Option<String> {
    let text = text.trim();
    match text.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => Some(format!("{}…", text.get(..end).unwrap_or_default())),
        None => (!text.is_empty()).then(|| text.to_owned()),
    }
}
