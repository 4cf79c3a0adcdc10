//! What has happened, per scope: a fold of the journal that policies look at.
//!
//! A question about history *is* a fold: its answer is loaded from the store once and then kept up to date by every
//! event, so that the cost of a decision does not grow with what has happened. Start with `ledger/view.rs`.

mod bodies;
mod fold;
mod folds;
mod question;
mod total;
mod view;
mod window;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fold::{Answer, Fold};
use folds::Folds;
use question::{Question, Shape};

pub use view::{ScopeView, View};

use crate::{
    call::{Call, Idempotency},
    clock::Timestamp,
    journal::{CallFilter, Change, Event, Guard, Journal, JournalError, PastCall, Sequence},
    scope::ScopeKey,
};

/// The ledger of one process. Clones share everything.
#[derive(Clone, Debug)]
pub struct Ledger {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    journal: Journal,
    folds: Mutex<Folds>,
}

impl Ledger {
    /// A ledger over a journal.
    pub fn new(journal: Journal) -> Self {
        let folds = Mutex::new(Folds::new(journal.head()));
        Self { inner: Arc::new(Inner { journal, folds }) }
    }

    /// Everything that has been recorded by now, by any process.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn view(&self) -> Result<View, JournalError> {
        let version = self.inner.journal.refresh().await?;
        Ok(View::new(self.clone(), version))
    }

    /// The call that was admitted last of those that are the same as this one; and a guard that holds until another is.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn same(
        &self,
        call: &Call,
        idempotency: &Idempotency,
    ) -> Result<(Option<PastCall>, Guard), JournalError> {
        let (principal, tool, noted) = (call.caller.principal.clone(), call.tool.clone(), idempotency.noted());
        let (since, found) = self.inner.journal.store().same(&principal, tool.as_str(), &noted).await?;
        self.inner.journal.reach(since).await?;
        let same = move |event: &Event| match &event.change {
            Some(Change { call, from: None }) => {
                call.tool == tool
                    && call.caller.principal == principal
                    && call.idempotency.as_ref().is_some_and(|other| other.noted() == noted)
            }
            Some(Change { from: Some(_), .. }) | None => false,
        };
        Ok((found, Guard { since, disturbed_by: Box::new(same) }))
    }

    /// Answers a question about a scope, and says of which position the answer is true.
    async fn answer(
        &self,
        scope: &ScopeKey,
        question: &Question,
        since: Timestamp,
    ) -> Result<(Sequence, Answer), JournalError> {
        if let Some(answer) = self.folds().answer(scope, question, since) {
            return Ok(answer);
        }
        let (as_of, mut fold) = self.load(scope, question, since).await?;
        let answer = fold.answer(since).unwrap_or_else(|| fold.nothing());
        self.inner.journal.reach(as_of).await?;
        self.folds().keep(self.inner.journal.recent(), scope, question, as_of, fold);
        Ok((as_of, answer))
    }

    /// Answers a question from the store.
    async fn load(
        &self,
        scope: &ScopeKey,
        question: &Question,
        since: Timestamp,
    ) -> Result<(Sequence, Fold), JournalError> {
        let journal = &self.inner.journal;
        let filter = || CallFilter {
            scope: scope.clone(),
            tools: question.tools.clone(),
            statuses: question.which.statuses(),
            same: question.same.clone(),
        };
        let nothing = question.which.fits_nothing();
        for pointer in question.pointers(scope) {
            journal.store().index(pointer).await?;
        }
        match &question.shape {
            _ if nothing => Ok((journal.head(), Fold::empty(&question.shape, since))),
            Shape::Open => {
                let (as_of, calls) =
                    journal.recent().open_calls(|call| question.is_about(call) && belongs(scope, call));
                Ok((as_of, Fold::open(calls)))
            }
            Shape::Newest { limit } => {
                let (as_of, calls) = journal.store().newest(&filter(), *limit).await?;
                Ok((as_of, Fold::newest(calls, *limit)))
            }
            Shape::Window { number } => {
                let (as_of, calls) = journal.store().window(&filter(), since, number.as_deref()).await?;
                Ok((as_of, Fold::window(calls, since)))
            }
            Shape::Total { number } => {
                let (as_of, calls) = journal.store().window(&filter(), Timestamp(0), number.as_deref()).await?;
                Ok((as_of, Fold::total(&calls)))
            }
        }
    }

    /// The calls admitted at these positions, in this order.
    async fn calls(&self, seqs: &[Sequence]) -> Result<Vec<Arc<PastCall>>, JournalError> {
        let (mut found, missing) = self.folds().calls(seqs);
        if !missing.is_empty() {
            let (as_of, calls) = self.inner.journal.store().past(&missing).await?;
            let calls: Vec<_> = calls.into_iter().map(Arc::new).collect();
            self.inner.journal.reach(as_of).await?;
            self.folds().keep_calls(self.inner.journal.recent(), as_of, &calls);
            found.extend(calls);
            let place = |call: &Arc<PastCall>| seqs.iter().position(|seq| *seq == call.seq);
            found.sort_by_key(place);
        }
        Ok(found)
    }

    /// The folds, up to date with what this process knows.
    fn folds(&self) -> MutexGuard<'_, Folds> {
        // Nothing is kept half-way: a fold that a panic interrupted is still one that was fed whole events.
        let mut folds = self.inner.folds.lock().unwrap_or_else(PoisonError::into_inner);
        folds.advance(self.inner.journal.recent());
        folds
    }
}

/// Whether a call lies in a scope.
fn belongs(scope: &ScopeKey, call: &PastCall) -> bool {
    scope.holds(&call.caller.principal, &call.session, &call.arguments)
}
