//! All folds of one process, bounded, each fed every event exactly once.

use std::{collections::HashSet, sync::Arc};

use lru::LruCache;

use super::{
    bodies::Bodies,
    fold::{Answer, Fold},
    question::Question,
};
use crate::{
    clock::Timestamp,
    journal::{Change, Event, PastCall, Recent, Sequence},
    scope::{ScopeKey, argument, canonical},
};

/// How many scopes, questions about each, and calls in one answer are kept. Beyond that the store is asked again.
const MOST_SCOPES: usize = 4096;
const MOST_QUESTIONS: usize = 128;
const MOST_CALLS: usize = 1_000_000;

/// Answers that are kept, as of one position.
#[derive(Debug)]
pub(super) struct Folds {
    applied: Sequence,
    scopes: LruCache<ScopeKey, LruCache<Question, Fold>>,
    // By which arguments scopes are told apart: as many as the configuration names.
    pointers: HashSet<String>,
    bodies: Bodies,
}

impl Folds {
    /// Nothing kept, as of `applied`.
    pub(super) fn new(applied: Sequence) -> Self {
        Self { applied, scopes: LruCache::unbounded(), pointers: HashSet::new(), bodies: Bodies::new() }
    }

    /// Takes in all events that are known and were not taken in yet.
    pub(super) fn advance(&mut self, recent: &Recent) {
        match recent.since(self.applied) {
            Some(events) => events.iter().for_each(|event| self.apply(event)),
            // Too far behind: begin anew. The head is read first, so that nothing can be missed.
            None => *self = Self::new(recent.head().seq),
        }
    }

    fn apply(&mut self, event: &Event) {
        self.applied = event.seq;
        let Some(change) = &event.change else { return };
        self.bodies.update(&change.call);
        for scope in self.scopes_of(&change.call) {
            // Peeked at, not used: what happens in a scope does not keep it here, what is asked about it does.
            let Some(folds) = self.scopes.peek_mut(&scope) else { continue };
            let stale: Vec<_> = folds
                .iter_mut()
                .filter_map(|(question, fold)| (!fold.apply(question, change)).then(|| question.clone()))
                .collect();
            for question in stale {
                folds.pop(&question);
            }
        }
    }

    fn scopes_of(&self, call: &PastCall) -> Vec<ScopeKey> {
        let principal = &call.caller.principal;
        let mut scopes = vec![
            ScopeKey::Session { principal: principal.clone(), session: call.session.clone() },
            ScopeKey::Caller { principal: principal.clone() },
            ScopeKey::Global,
        ];
        scopes.extend(self.pointers.iter().filter_map(|pointer| {
            let value = canonical(argument(&call.arguments, pointer)?);
            Some(ScopeKey::Argument { pointer: pointer.clone(), value })
        }));
        scopes
    }

    /// The answer, if it is kept, and the position of which it is true.
    pub(super) fn answer(
        &mut self,
        scope: &ScopeKey,
        question: &Question,
        since: Timestamp,
    ) -> Option<(Sequence, Answer)> {
        let answer = self.scopes.get_mut(scope)?.get_mut(question)?.answer(since)?;
        Some((self.applied, answer))
    }

    /// Keeps a fold that is true of an earlier or the same position, once it has caught up.
    pub(super) fn keep(
        &mut self,
        recent: &Recent,
        scope: &ScopeKey,
        question: &Question,
        as_of: Sequence,
        mut fold: Fold,
    ) {
        let Some(changes) = self.changes_since(recent, as_of) else { return };
        let fed = changes.iter().filter(|change| super::belongs(scope, &change.call));
        if !fed.into_iter().all(|change| fold.apply(question, change)) || fold.len() > MOST_CALLS {
            return;
        }
        if let ScopeKey::Argument { pointer, .. } = scope {
            self.pointers.insert(pointer.clone());
        }
        let folds = self.scopes.get_or_insert_mut(scope.clone(), LruCache::unbounded);
        folds.put(question.clone(), fold);
        if folds.len() > MOST_QUESTIONS {
            folds.pop_lru();
        }
        if self.scopes.len() > MOST_SCOPES {
            self.scopes.pop_lru();
        }
    }

    /// The calls that are kept, and the positions of those that are not.
    pub(super) fn calls(&mut self, seqs: &[Sequence]) -> (Vec<Arc<PastCall>>, Vec<Sequence>) {
        let (mut found, mut missing) = (Vec::with_capacity(seqs.len()), Vec::new());
        for seq in seqs {
            match self.bodies.get(*seq) {
                Some(call) => found.push(call),
                None => missing.push(*seq),
            }
        }
        (found, missing)
    }

    /// Keeps calls that are true of an earlier or the same position, once they have caught up.
    pub(super) fn keep_calls(&mut self, recent: &Recent, as_of: Sequence, calls: &[Arc<PastCall>]) {
        let Some(changes) = self.changes_since(recent, as_of) else { return };
        for call in calls {
            let last = changes.iter().rev().find(|change| change.call.seq == call.seq);
            self.bodies.put(Arc::clone(last.map_or(call, |change| &change.call)));
        }
    }

    /// What has changed from a position up to what was taken in; none if it is no longer at hand, or not yet.
    fn changes_since(&self, recent: &Recent, as_of: Sequence) -> Option<Vec<Change>> {
        if as_of > self.applied {
            return None;
        }
        let events = recent.since(as_of)?;
        let taken_in = events.iter().take_while(|event| event.seq <= self.applied);
        Some(taken_in.filter_map(|event| event.change.clone()).collect())
    }
}
