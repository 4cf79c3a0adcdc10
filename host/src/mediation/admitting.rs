//! Steps 2 to 6 of the line: view, judge, and then refuse, wait, ask or admit.

use std::sync::Arc;

use super::{
    ClientAnswer, Mediator, Refused,
    asking::{Asked, Granted},
    committing::{self, Vain},
    records,
    refusing::Turned,
    request::Identified,
    waiting::Waiting,
};
use crate::{
    call::Call,
    downstream::{Link, State},
    journal::{Draft, Permit},
    ledger::View,
    policy::{Judgement, Record},
    verdict::Decision,
};

/// Most calls of which one process puts down that a candidate judged them otherwise. The calls' own records have them all.
const MOST_DIVERGENCES: u64 = 100;

impl Mediator {
    /// Steps 2 to 6 of the line: view, judge, and then refuse, wait, ask or admit, until one of them is final.
    pub(super) async fn admit(
        &self,
        identified: &mut Identified,
        answers: &[ClientAnswer],
        link: &Link,
    ) -> Result<Permit, Turned> {
        let parts = self.parts();
        // What came of an earlier call that is the same is known whether or not this one could be made.
        drop(self.unrepeated(&identified.call, link).await?);
        if let State::Away { .. } = identified.server.status().state {
            let reason =
                format!("The server of {} is not available at the moment. Try again later.", identified.call.tool);
            let refused = Refused::by_host("server_unavailable", reason);
            return Err(self.turn_away(&identified.call, refused, &Judgement::none()).await?);
        }
        self.sighted(&identified.call).await?;
        let rewriting = self.rewrite(identified).await?;
        let call = &identified.call;
        let mut waiting = Waiting::new(call, link, parts.config.heartbeat);
        if !self.take_answers(call, answers, &mut waiting).await? {
            // The same request may have been quicker.
            drop(self.unrepeated(call, link).await?);
            return Err(Turned::Stale);
        }
        let mut granted = Granted::nothing();
        let mut vain = Vain::default();
        loop {
            if link.cancel.is_cancelled() {
                let reason = "The call was called off before anything was sent.";
                return Err(self.turn_away(call, Refused::by_host("cancelled", reason), &Judgement::none()).await?);
            }
            let first = self.unrepeated(call, link).await?;
            let turn = if vain.needs_a_turn() { Some(parts.journal.turn().await?) } else { None };
            let view = parts.ledger.view().await?;
            let unhindered = match self.unhindered(call).await? {
                Ok(unhindered) => unhindered,
                Err(refused) => {
                    drop(turn);
                    return Err(self.turn_away(call, refused, &Judgement::none()).await?);
                }
            };
            let mut judgement = parts.policies.judge(call, &granted.grants, &view).await;
            judgement.records.splice(0..0, rewriting.iter().cloned());
            match &judgement.decision {
                Decision::Refuse(refusals) => {
                    let refused = Refused::all(refusals);
                    let draft = records::refused(call, &refused, &judgement, view.version())?;
                    match committing::refusal(&parts.journal, turn, draft, view.guard()).await? {
                        Ok(()) => {
                            self.compare(call, &judgement).await;
                            return Err(Turned::Refused(refused));
                        }
                        Err(why) => vain.add(why),
                    }
                }
                Decision::Ask(questions) => {
                    drop(turn);
                    if let Some((policy, _)) = questions.iter().find(|(policy, _)| granted.grants.contains_key(policy))
                    {
                        let reason = format!("Policy {policy} asks again after its question was answered.");
                        return Err(self.turn_away(call, Refused::by_host("policy_fault", reason), &judgement).await?);
                    }
                    match self.ask(call, questions, &judgement, &mut waiting).await? {
                        Asked::Granted(all) => granted = all,
                        Asked::Turned(refused) => {
                            let draft = records::refused(call, &refused, &judgement, view.version())?;
                            parts.journal.append(vec![draft]).await?;
                            return Err(Turned::Refused(refused));
                        }
                        Asked::Client(refused, questions) => {
                            let draft = records::refused(call, &refused, &judgement, view.version())?;
                            parts.journal.append(vec![draft]).await?;
                            return Err(Turned::AsksClient(refused, questions));
                        }
                    }
                }
                Decision::Hold(holds) => {
                    if let Some(until) = waiting.time_for(holds) {
                        drop(turn);
                        waiting.for_room(parts, until, &view).await;
                        vain = Vain::default();
                        continue;
                    }
                    let refused = Refused::in_vain(holds);
                    let draft = records::refused(call, &refused, &judgement, view.version())?;
                    match committing::refusal(&parts.journal, turn, draft, view.guard()).await? {
                        Ok(()) => return Err(Turned::Refused(refused)),
                        Err(why) => vain.add(why),
                    }
                }
                Decision::Allow => {
                    let drafts = self.admission(identified, &judgement, &view, &granted.spends)?;
                    // Grants are looked up anew after a conflict: one of them may be what has changed.
                    let approved = std::mem::replace(&mut granted, Granted::nothing()).guard;
                    match committing::admission(
                        &parts.journal,
                        turn,
                        call,
                        drafts,
                        view.guard(),
                        approved.and(unhindered).and(first),
                    )
                    .await?
                    {
                        Ok(permit) => {
                            self.compare(call, &judgement).await;
                            return Ok(permit);
                        }
                        Err(why) => vain.add(why),
                    }
                }
            }
            if vain.is_hopeless() {
                return Err(self.turn_away(call, Refused::too_slow(&judgement), &judgement).await?);
            }
        }
    }

    /// Takes note of what candidates said of a call that is decided.
    async fn compare(&self, call: &Call, judgement: &Judgement) {
        for divergence in self.parts().policies.compare(judgement) {
            if divergence.before >= MOST_DIVERGENCES {
                continue;
            }
            let recorded = match records::diverged(call, &divergence) {
                Ok(draft) => self.parts().journal.append(vec![draft]).await.map(drop),
                Err(error) => Err(error),
            };
            if let Err(error) = recorded {
                tracing::error!(call.id = %call.id, %error, "that a candidate judged otherwise could not be recorded");
            }
        }
    }

    /// Lets the transforming policies change the arguments, before anyone judges. Returns what each of them did.
    async fn rewrite(&self, identified: &mut Identified) -> Result<Vec<Record>, Turned> {
        let parts = self.parts();
        let policies = &parts.policies;
        if !policies.iter().any(|policy| policy.plugin().exports().transform) {
            return Ok(Vec::new());
        }
        let view = parts.ledger.view().await?;
        let rewritten = policies.rewrite(&identified.call, &view).await;
        if !rewritten.refused.is_empty() {
            let refused = Refused::all(&rewritten.refused);
            let decision = Decision::Refuse(rewritten.refused);
            let set = policies.digest().clone();
            let judgement = Judgement { records: rewritten.records, decision, scopes: Vec::new(), set };
            let draft = records::refused(&identified.call, &refused, &judgement, view.version())?;
            parts.journal.append(vec![draft]).await?;
            return Err(Turned::Refused(refused));
        }
        if let Some(arguments) = rewritten.arguments {
            let before = std::mem::replace(&mut identified.call.arguments, Arc::new(arguments));
            identified.before = Some(before);
        }
        Ok(rewritten.records)
    }

    /// Records that a call goes no further for a reason of the host's own.
    pub(super) async fn turn_away(
        &self,
        call: &Call,
        refused: Refused,
        judgement: &Judgement,
    ) -> Result<Turned, Turned> {
        let refused = vec![refused];
        let draft = records::refused(call, &refused, judgement, self.parts().journal.head())?;
        self.parts().journal.append(vec![draft]).await?;
        Ok(Turned::Refused(refused))
    }

    fn admission(
        &self,
        identified: &Identified,
        judgement: &Judgement,
        view: &View,
        spends: &[String],
    ) -> Result<Vec<Draft>, Turned> {
        let parts = self.parts();
        let mut drafts =
            vec![records::admitted(identified, judgement, view.version(), spends, parts.journal.process())?];
        drafts.extend(parts.approvals.spend(spends, &identified.call.id)?);
        Ok(drafts)
    }
}
