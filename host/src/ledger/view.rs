//! What one decision sees of history, and what it has looked at.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use interlock_glob::Glob;
use serde_json::Value;

use super::{
    Ledger,
    fold::Answer,
    question::{Asked, Question, Seen, Shape, Which},
};
use crate::{
    clock::Timestamp,
    journal::{Guard, JournalError, PastCall, Sequence},
    scope::{ScopeKey, canonical},
};

/// The most calls that one answer holds.
const MOST: u32 = 256;

/// History as one decision sees it. Notes every answer that it gives.
///
/// Each answer is true at the view's version or shortly after it. If the guard holds when the decision is committed,
/// all of them are still true there.
#[derive(Debug)]
pub struct View {
    ledger: Ledger,
    version: Sequence,
    asked: Arc<Mutex<Vec<Arc<Asked>>>>,
}

impl View {
    pub(super) fn new(ledger: Ledger, version: Sequence) -> Self {
        Self { ledger, version, asked: Arc::default() }
    }

    /// The last event that the view knows.
    pub fn version(&self) -> Sequence {
        self.version
    }

    /// The part of history that a policy sees.
    pub fn scope(&self, scope: ScopeKey) -> ScopeView {
        ScopeView { ledger: self.ledger.clone(), scope: Arc::new(scope), asked: Arc::clone(&self.asked) }
    }

    /// Holds as long as no answer that was given so far would be another. Calls that no answer has to do with never
    /// disturb it.
    pub fn guard(&self) -> Guard {
        let asked = lock(&self.asked).clone();
        Guard {
            since: self.version,
            disturbed_by: Box::new(move |event| asked.iter().any(|answer| answer.is_disturbed_by(event))),
        }
    }
}

/// One scope of a view. Clones note what they answer in the same place.
#[derive(Clone, Debug)]
pub struct ScopeView {
    ledger: Ledger,
    scope: Arc<ScopeKey>,
    asked: Arc<Mutex<Vec<Arc<Asked>>>>,
}

impl ScopeView {
    /// Which scope it is.
    pub fn key(&self) -> &ScopeKey {
        &self.scope
    }

    /// The call admitted last; with an outcome, among those that ended so (`running`: not ended).
    ///
    /// # Errors
    /// If the store cannot be read; so for all questions.
    pub async fn latest(&self, tool: &str, outcome: Option<&str>) -> Result<Option<Arc<PastCall>>, JournalError> {
        let newest = self.newest(tool, Which::of(outcome), Vec::new(), 1).await?;
        Ok(newest.into_iter().next())
    }

    /// All that are admitted and not finished, oldest first; those of unknown outcome that nobody has settled too.
    pub async fn running(&self, tool: &str) -> Result<Vec<Arc<PastCall>>, JournalError> {
        match self.ask(tool, Which::Open, Vec::new(), Shape::Open, Timestamp(0)).await? {
            Answer::Open(calls) => Ok(calls),
            Answer::Newest(_) | Answer::Counted(..) => Ok(Vec::new()),
        }
    }

    /// How many were admitted at `since` or later; with an outcome, of those that ended so.
    pub async fn count(&self, tool: &str, outcome: Option<&str>, since: Timestamp) -> Result<u64, JournalError> {
        Ok(self.counted(tool, Which::of(outcome), None, since).await?.0)
    }

    /// The calls admitted last, newest first, at most `limit`, at most 256.
    pub async fn recent(&self, tool: &str, limit: u32) -> Result<Vec<Arc<PastCall>>, JournalError> {
        self.newest(tool, Which::Any, Vec::new(), limit).await
    }

    /// As [`ScopeView::recent`], of those that have the outcome and whose arguments equal all that `same` names: JSON
    /// Pointers and values.
    pub async fn matching(
        &self,
        tool: &str,
        outcome: Option<&str>,
        same: &[(String, Value)],
        limit: u32,
    ) -> Result<Vec<Arc<PastCall>>, JournalError> {
        let same = same.iter().map(|(pointer, value)| (pointer.clone(), canonical(value))).collect();
        self.newest(tool, Which::of(outcome), same, limit).await
    }

    /// Sum of the numbers at a JSON Pointer into the arguments, over all admitted at `since` or later.
    pub async fn sum(&self, tool: &str, argument: &str, since: Timestamp) -> Result<f64, JournalError> {
        Ok(self.counted(tool, Which::Any, Some(argument.to_owned()), since).await?.1)
    }

    async fn newest(
        &self,
        tool: &str,
        which: Which,
        same: Vec<(String, String)>,
        limit: u32,
    ) -> Result<Vec<Arc<PastCall>>, JournalError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let limit = usize::try_from(limit.min(MOST)).unwrap_or(1);
        let shape = Shape::Newest { limit };
        let Answer::Newest(seqs) = self.ask(tool, which, same, shape, Timestamp(0)).await? else {
            return Ok(Vec::new());
        };
        self.ledger.calls(&seqs).await
    }

    async fn counted(
        &self,
        tool: &str,
        which: Which,
        number: Option<String>,
        since: Timestamp,
    ) -> Result<(u64, f64), JournalError> {
        let shape = if since == Timestamp(0) { Shape::Total { number } } else { Shape::Window { number } };
        match self.ask(tool, which, Vec::new(), shape, since).await? {
            Answer::Counted(count, sum) => Ok((count, sum)),
            Answer::Open(_) | Answer::Newest(_) => Ok((0, 0.0)),
        }
    }

    /// Answers, and notes the answer.
    async fn ask(
        &self,
        tool: &str,
        which: Which,
        same: Vec<(String, String)>,
        shape: Shape,
        since: Timestamp,
    ) -> Result<Answer, JournalError> {
        let question = Question { tools: Glob::new(tool), which, same, shape };
        let mut pointers = question.same.iter().map(|(pointer, _)| pointer.as_str()).chain(question.shape.number());
        if let Some(pointer) = pointers.find(|pointer| self.ledger.inner.journal.hides(&question.tools, pointer)) {
            // What is not there would count as nothing, and a limit as kept.
            return Err(JournalError::Redacted { tools: tool.to_owned(), pointer: pointer.to_owned() });
        }
        let (as_of, answer) = self.ledger.answer(&self.scope, &question, since).await?;
        let seen = match (&answer, &question.shape) {
            (Answer::Newest(calls), _) => Seen::These(calls.clone()),
            (Answer::Counted(..), Shape::Window { .. }) => Seen::Since(since),
            (Answer::Open(_) | Answer::Counted(..), _) => Seen::All,
        };
        lock(&self.asked).push(Arc::new(Asked { scope: self.scope.as_ref().clone(), question, as_of, seen }));
        Ok(answer)
    }
}

fn lock(asked: &Mutex<Vec<Arc<Asked>>>) -> MutexGuard<'_, Vec<Arc<Asked>>> {
    // A panic between two notes leaves the notes whole.
    asked.lock().unwrap_or_else(PoisonError::into_inner)
}
