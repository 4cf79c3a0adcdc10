//! The approval gate: one question for exactly this call, and the wait for its answer.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Map;

use super::{ClientQuestion, Mediator, Refused, records, refusing::Turned, through_client, waiting::Waiting};
use crate::{
    approvals::{Approval, Put, State, binding, touching, unrefused},
    call::Call,
    journal::{Guard, Sequence},
    policy::Judgement,
    verdict::{Grant, Question, Refusal, Unlock},
};

/// What came of asking.
pub(super) enum Asked {
    /// Every question is answered with yes.
    Granted(Granted),
    /// One was answered with no, or not in time, or not yet.
    Turned(Vec<Refused>),
    /// Not yet, and the person at the AI app can answer these, if the client comes back with the answers.
    Client(Vec<Refused>, Vec<ClientQuestion>),
}

/// Proofs for exactly one call.
pub(super) struct Granted {
    /// By policy.
    pub(super) grants: BTreeMap<String, Grant>,
    /// Approvals that the admission must use up.
    pub(super) spends: Vec<String>,
    /// Holds as long as nothing happens to any of them.
    pub(super) guard: Guard,
}

impl Granted {
    /// Nothing was asked.
    pub(super) fn nothing() -> Self {
        Self { grants: BTreeMap::new(), spends: Vec::new(), guard: Guard::none() }
    }
}

/// How the questions of one call stand.
#[derive(Default)]
struct Standing {
    grants: BTreeMap<String, Grant>,
    spends: Vec<String>,
    refused: Vec<Refused>,
    open: Vec<Approval>,
    /// Whether all questions are there that are answered together with these.
    whole: bool,
    since: Sequence,
}

impl Mediator {
    /// Puts the questions, or finds them put already, and waits for answers as long as the client is held.
    pub(super) async fn ask(
        &self,
        call: &Call,
        questions: &[(String, Question)],
        judgement: &Judgement,
        waiting: &mut Waiting<'_>,
    ) -> Result<Asked, Turned> {
        let parts = self.parts();
        loop {
            let standing = self.standing(call, questions, judgement, waiting).await?;
            if !standing.refused.is_empty() {
                return Ok(Asked::Turned(standing.refused));
            }
            if standing.open.is_empty() {
                let guard = touching(standing.spends.clone(), standing.since).and(unrefused(standing.since));
                return Ok(Asked::Granted(Granted { grants: standing.grants, spends: standing.spends, guard }));
            }
            let ids: Vec<String> = standing.open.iter().map(|approval| approval.id.clone()).collect();
            if waiting.asked.is_empty() {
                parts.journal.append(vec![records::asked(call, &ids, judgement)?]).await?;
                tracing::info!(call.id = %call.id, tool = %call.tool, "call waits for approval");
            }
            waiting.asked.extend(ids.iter().filter(|id| !waiting.asked.contains(id)).cloned().collect::<Vec<_>>());
            if standing.open.iter().any(|approval| approval.unreachable.is_some()) || !standing.whole {
                // Nobody is there who could answer now, or not before the client has made its other calls.
                return Ok(Asked::Turned(standing.open.iter().map(pending).collect()));
            }
            let message = format!("Waiting for a human to answer approval {}.", ids.join(", "));
            let now = parts.approvals.now();
            let shortest =
                standing.open.iter().map(|approval| approval.deadline().since(now)).min().unwrap_or_default();
            let guard = touching(ids, standing.since);
            let mut through_client = self.for_client(call, &standing.open, waiting).await?;
            if !through_client.is_empty() && waiting.link.takes_input_required {
                return Ok(Asked::Client(standing.open.iter().map(pending).collect(), through_client));
            }
            if !through_client.is_empty() && parts.journal.disturbed(&guard) {
                // That it was asked is news of it as well: nobody is shown what may be over.
                continue;
            }
            if let Some(question) = through_client.pop() {
                let (link, id) = (waiting.link, question.approval.clone());
                let answered = tokio::select! {
                    answer = through_client::put(link, question) => Some(answer),
                    () = waiting.beside_client(parts, &guard, shortest + Duration::from_millis(1), &message) => None,
                };
                let taken = match answered {
                    Some(Some(answer)) => self.take_answers(call, &[answer], waiting).await?,
                    // The client cannot be asked after all.
                    Some(None) => false,
                    // Something has happened to it meanwhile, or the client is gone.
                    None => true,
                };
                if !taken {
                    waiting.put_off.push(id);
                }
                if link.cancel.is_cancelled() {
                    return Ok(Asked::Turned(standing.open.iter().map(pending).collect()));
                }
                continue;
            }
            if !waiting.for_answer(parts, &guard, shortest + Duration::from_millis(1), &message).await {
                return Ok(Asked::Turned(standing.open.iter().map(pending).collect()));
            }
        }
    }

    async fn standing(
        &self,
        call: &Call,
        questions: &[(String, Question)],
        judgement: &Judgement,
        waiting: &Waiting<'_>,
    ) -> Result<Standing, Turned> {
        let approvals = &self.parts().approvals;
        let mut standing = Standing { since: Sequence(u64::MAX), whole: true, ..Standing::default() };
        for (policy, question) in questions {
            let Some(record) = judgement.records.iter().find(|record| record.policy == *policy) else { continue };
            let bound = binding(call, policy, &record.component, &record.settings);
            let (found, since) = approvals.find(&bound, call.continues.as_ref()).await?;
            standing.since = standing.since.min(since);
            let now = approvals.now();
            let alone = call
                .batch
                .as_ref()
                .map(|_| binding(&Call { batch: None, ..call.clone() }, policy, &record.component, &record.settings));
            // A no is to the call, whatever others it is made with, and whoever has said yes to it among others.
            if let Some(no) = approvals.refused(alone.as_ref().unwrap_or(&bound)) {
                standing.refused.push(refused(&no));
                continue;
            }
            let before = found.as_ref().map(|approval| approval.id.clone());
            let mut current = found;
            if let Some(approval) = &current {
                match approval.state(now) {
                    State::Open | State::Unreachable => {}
                    State::Granted => {
                        standing.spends.push(approval.id.clone());
                        standing.grants.extend(approval.grant().map(|grant| (policy.clone(), grant)));
                        continue;
                    }
                    // An earlier round of this very call used it up: a server had asked the client for input in between.
                    State::Spent if approval.spent_by.is_some() && approval.spent_by == call.continues => {
                        standing.grants.extend(approval.grant().map(|grant| (policy.clone(), grant)));
                        continue;
                    }
                    // A no stands for as long as the question would have.
                    State::Refused if now < approval.deadline() => {
                        standing.refused.push(refused(approval));
                        continue;
                    }
                    // Told once to whoever comes first, and to those who had waited for it; then it may be asked anew.
                    State::Expired if !approval.told_expired || waiting.asked.contains(&approval.id) => {
                        approvals.expire(&approval.id).await?;
                        standing.refused.push(expired(approval));
                        continue;
                    }
                    State::Spent | State::Refused | State::Expired => current = None,
                }
            }
            let open = match current {
                Some(open) => open,
                None => {
                    let mut question = question.clone();
                    if question.expires_in.is_zero() {
                        question.expires_in = self.parts().config.expire;
                    }
                    let escalate = &self.parts().config.escalate;
                    let (alone, after) = (alone.as_deref(), before.as_deref());
                    let put = Put { policy, binding: &bound, alone, question: &question, escalate, after, since };
                    approvals.ask(call, put).await?
                }
            };
            if open.batch.is_some() {
                standing.whole &= approvals.matter(&open.id).await?.is_whole();
            }
            standing.open.push(open);
        }
        Ok(standing)
    }
}

fn told(approval: &Approval, code: &str, reason: String, unlocks: Vec<Unlock>) -> Refused {
    let details = Map::from_iter([("approval".to_owned(), approval.answered_by().into())]);
    Refused { policy: approval.policy.clone(), refusal: Refusal { code: code.to_owned(), reason, unlocks, details } }
}

fn pending(approval: &Approval) -> Refused {
    if let Some(why) = &approval.unreachable {
        let reason = format!(
            "{} It needs a human's approval ({}), and nobody could be told of it: {why}. It stays open; have a human look \
             at it, then make exactly the same call again.",
            approval.question.reason,
            approval.answered_by()
        );
        let unlocks = vec![Unlock::Approval(approval.answered_by().to_owned())];
        return told(approval, "approval_unreachable", reason, unlocks);
    }
    if let Some(batch) = &approval.batch {
        let reason = format!(
            "{} A human is asked about the {} calls of batch `{}` together (approval {}), once all are made. Make exactly the \
             same call again once it is granted.",
            approval.question.reason, batch.size, batch.name, batch.id
        );
        return told(approval, "approval_pending", reason, vec![Unlock::Approval(batch.id.clone())]);
    }
    let reason = format!(
        "{} A human has been asked (approval {}) and has not answered yet. Make exactly the same call again once it is \
         granted.",
        approval.question.reason, approval.id
    );
    told(approval, "approval_pending", reason, vec![Unlock::Approval(approval.id.clone())])
}

fn refused(approval: &Approval) -> Refused {
    let no = approval.answers.iter().find(|answer| !answer.approve);
    let why = no.and_then(|answer| answer.reason.as_deref()).map(|why| format!(": {why}")).unwrap_or_default();
    told(approval, "approval_refused", format!("A human has refused this call{why}."), Vec::new())
}

fn expired(approval: &Approval) -> Refused {
    if let (Some(why), true) = (&approval.unreachable, approval.lapsed_in_silence()) {
        let reason = format!(
            "Nobody could be told of the question about this call in time: {why}. Make the call again to ask anew."
        );
        return told(approval, "approval_unreachable", reason, Vec::new());
    }
    let reason = if approval.lapsed_in_silence() {
        "Nobody answered the question about this call in time. Make the call again to ask anew."
    } else {
        "The approval of this call was not used in time. Make the call again to ask anew."
    };
    told(approval, "approval_expired", reason.to_owned(), Vec::new())
}
