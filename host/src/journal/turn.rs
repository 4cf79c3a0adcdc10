//! The writer's turn, lent to one judge: while it is held nothing else can be appended, so what is judged is certain
//! to stand.

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot};

use super::{
    Committed, Draft, JournalError, Permit, Sequence,
    handle::admits,
    prepare::{Keeping, Prepared},
    unsent::Waiting,
    writer::Request,
};
use crate::call::Call;

/// How long a turn may be held.
pub(super) const LONGEST_TURN: Duration = Duration::from_secs(2);

/// What the writer is told at the end of a turn.
#[derive(Debug)]
pub(super) struct LastWord {
    pub(super) drafts: Vec<Prepared>,
    pub(super) reply: oneshot::Sender<Result<Committed, JournalError>>,
}

/// What a turn, or whoever waits for an admission, needs of the journal.
#[derive(Clone, Debug)]
pub(super) struct Lender {
    pub(super) keeping: Arc<Keeping>,
    pub(super) process: Arc<str>,
    pub(super) requests: mpsc::Sender<Request>,
}

/// The writer's turn. Nobody else, in any process, can append until it ends: by being used, dropped, or taken back
/// after two seconds.
#[derive(Debug)]
pub struct Turn {
    pub(super) head: Sequence,
    pub(super) lender: Lender,
    pub(super) end: oneshot::Sender<LastWord>,
}

impl Turn {
    /// The last event; no other can come after it during this turn.
    pub fn head(&self) -> Sequence {
        self.head
    }

    /// Appends, and ends the turn. Returns the position of the last event.
    ///
    /// # Errors
    /// [`JournalError::TurnOver`] if the turn was taken back; otherwise what the store says. Nothing is recorded then.
    pub async fn commit(self, drafts: Vec<Draft>) -> Result<Sequence, JournalError> {
        let head = self.head;
        let (_, answer) = self.end(drafts)?;
        match answer.await.map_err(|_| JournalError::TurnOver)?? {
            Committed::At(seq) => Ok(seq),
            // Nothing can come between.
            Committed::Conflict => Ok(head),
        }
    }

    /// Admits a call, and ends the turn.
    ///
    /// # Errors
    /// As for [`Turn::commit`]; [`JournalError::Malformed`] if the first draft does not admit this very call.
    pub async fn admit(self, call: Call, drafts: Vec<Draft>) -> Result<Permit, JournalError> {
        let others = admits(&call, &drafts, &self.lender.process)?;
        let (lender, answer) = self.end(drafts)?;
        match (Waiting { call: &call, answer, lender: &lender }).answer().await {
            Ok(Committed::At(last)) => Ok(Permit::new(call, last.back(others))),
            // Unanswered: it was taken back while this was on its way.
            Ok(Committed::Conflict) | Err(JournalError::Closed) => Err(JournalError::TurnOver),
            Err(error) => Err(error),
        }
    }

    fn end(self, drafts: Vec<Draft>) -> Result<(Lender, Answer), JournalError> {
        let drafts = drafts.into_iter().map(|draft| self.lender.keeping.prepare(draft)).collect();
        let (reply, answer) = oneshot::channel();
        self.end.send(LastWord { drafts, reply }).map_err(|_| JournalError::TurnOver)?;
        Ok((self.lender, answer))
    }
}

type Answer = oneshot::Receiver<Result<Committed, JournalError>>;
