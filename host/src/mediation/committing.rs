//! Making a decision final: it is recorded if it still stands, or it was in vain and the call is judged again.

use super::refusing::Turned;
use crate::{
    call::Call,
    journal::{Admission, Committed, Draft, Guard, Journal, JournalError, Permit, Turn},
};

/// Conflicts after which a call is judged inside the writer's turn, where there can be none.
const MAX_CONFLICTS: u32 = 3;
/// Turns that may be lost because the policies took longer than a turn lasts.
const MAX_LOST_TURNS: u32 = 2;

/// Why a decision was in vain. Nothing of it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InVain {
    /// Something that was looked at has changed.
    Conflict,
    /// The turn was over before the policies had judged.
    TurnLost,
}

/// How often one call was judged in vain.
#[derive(Debug, Default)]
pub(super) struct Vain {
    conflicts: u32,
    lost: u32,
}

impl Vain {
    pub(super) fn add(&mut self, why: InVain) {
        match why {
            InVain::Conflict => self.conflicts += 1,
            // It is tried without a turn again: a policy that is so slow must not keep everyone else waiting.
            InVain::TurnLost => (self.conflicts, self.lost) = (0, self.lost + 1),
        }
    }

    /// Whether nothing but the writer's turn will do.
    pub(super) fn needs_a_turn(&self) -> bool {
        self.conflicts >= MAX_CONFLICTS
    }

    /// Whether even turns do not help.
    pub(super) fn is_hopeless(&self) -> bool {
        self.lost >= MAX_LOST_TURNS
    }
}

/// Records a refusal if it still stands.
pub(super) async fn refusal(
    journal: &Journal,
    turn: Option<Turn>,
    draft: Draft,
    viewed: Guard,
) -> Result<Result<(), InVain>, Turned> {
    let committed = match turn {
        Some(turn) => turn.commit(vec![draft]).await.map(Committed::At),
        None => journal.commit(vec![draft], viewed).await,
    };
    match committed {
        Ok(Committed::At(_)) => Ok(Ok(())),
        Ok(Committed::Conflict) => Ok(Err(InVain::Conflict)),
        Err(JournalError::TurnOver) => Ok(Err(InVain::TurnLost)),
        Err(error) => Err(error.into()),
    }
}

/// Admits a call if nothing that was looked at has changed.
pub(super) async fn admission(
    journal: &Journal,
    turn: Option<Turn>,
    call: &Call,
    drafts: Vec<Draft>,
    viewed: Guard,
    approved: Guard,
) -> Result<Result<Permit, InVain>, Turned> {
    let admission = match turn {
        // What was viewed was viewed within the turn; the approvals were looked up before it, and a call that was found
        // pinned within it is still so.
        Some(_) if journal.disturbed(&approved) => Ok(Admission::Conflict),
        Some(turn) => turn.admit(call.clone(), drafts).await.map(Admission::Admitted),
        None => journal.admit(call.clone(), drafts, viewed.and(approved)).await,
    };
    match admission {
        Ok(Admission::Admitted(permit)) => Ok(Ok(permit)),
        Ok(Admission::Conflict) => Ok(Err(InVain::Conflict)),
        Err(JournalError::TurnOver) => Ok(Err(InVain::TurnLost)),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::{
        clock::{ManualClock, Timestamp},
        journal::{Config, Durability, Query},
        tasks::Tasks,
    };

    #[tokio::test]
    async fn a_decision_that_comes_after_its_turn_is_in_vain_and_no_fault_of_the_journal() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            path: folder.path().join("interlock.db"),
            mirror_dir: None,
            redact: Vec::new(),
            max_body_bytes: 65_536,
            durability: Durability::BeforeCall,
        };
        let journal = Journal::open(config, Arc::new(ManualClock::new(Timestamp(1))), Tasks::new()).await.unwrap();
        let note = |subject: &str| Draft {
            actor: "test".to_owned(),
            kind: "test.note".to_owned(),
            subject: subject.to_owned(),
            body: json!({}),
        };
        let turn = journal.turn().await.unwrap();
        // Nobody else can append until the turn is taken back.
        journal.append(vec![note("other")]).await.unwrap();
        let late = refusal(&journal, Some(turn), note("late"), Guard::none()).await;
        assert!(matches!(late, Ok(Err(InVain::TurnLost))), "{late:?}");
        assert_eq!(journal.read(&Query::default()).await.unwrap().len(), 1, "nothing of it is recorded");
    }

    #[test]
    fn a_call_that_loses_its_turns_is_tried_without_and_given_up_in_the_end() {
        let mut vain = Vain::default();
        for lost in 1..=MAX_LOST_TURNS {
            for _ in 0..MAX_CONFLICTS {
                assert!(!vain.needs_a_turn() && !vain.is_hopeless());
                vain.add(InVain::Conflict);
            }
            assert!(vain.needs_a_turn());
            vain.add(InVain::TurnLost);
            assert_eq!((vain.needs_a_turn(), vain.is_hopeless()), (false, lost == MAX_LOST_TURNS));
        }
    }
}
