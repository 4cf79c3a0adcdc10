//! A fold of the journal that is kept in memory, up to date with what this and other processes write.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Event, Journal, JournalError, Query, Sequence};

/// The most events that one reading of the journal returns.
const READ_AT_ONCE: usize = 1000;

/// What events come to. Pure: the same events, in the same order, come to the same.
pub trait Fold: Default {
    /// The kinds that can change it, as [`Query::kinds`] has them.
    const KINDS: &'static str;

    /// Takes an event in; one of another kind changes nothing.
    ///
    /// # Errors
    /// If its body is not what its kind says.
    fn apply(&mut self, event: &Event) -> Result<(), JournalError>;
}

/// A fold, and the journal that it follows. Clones share everything.
#[derive(Debug)]
pub struct Follower<F>(Arc<Inner<F>>);

impl<F> Clone for Follower<F> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[derive(Debug)]
struct Inner<F> {
    journal: Journal,
    folded: Mutex<Folded<F>>,
    /// Held while the fold is brought up to date from the store, so that each event is read once.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Folded<F> {
    fold: F,
    upto: Sequence,
}

impl<F: Fold> Follower<F> {
    /// Nothing is read yet.
    pub fn new(journal: Journal) -> Self {
        Self(Arc::new(Inner { journal, folded: Mutex::default(), reading: tokio::sync::Mutex::default() }))
    }

    /// What it follows.
    pub fn journal(&self) -> &Journal {
        &self.0.journal
    }

    /// Looks at the fold, and at the position as of which it stands.
    pub fn look<R>(&self, look: impl FnOnce(&F, Sequence) -> R) -> R {
        let folded = self.folded();
        look(&folded.fold, folded.upto)
    }

    fn folded(&self) -> MutexGuard<'_, Folded<F>> {
        // A panic elsewhere leaves at worst a fold that lags behind; the next look mends it.
        self.0.folded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the fold up to everything that has been written, by whichever process.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn refresh(&self) -> Result<(), JournalError> {
        self.0.journal.refresh().await?;
        self.catch_up().await
    }

    /// Brings the fold up to everything that this process knows of the journal.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn catch_up(&self) -> Result<(), JournalError> {
        if self.take_recent()? {
            return Ok(());
        }
        let _reading = self.0.reading.lock().await;
        while !self.take_recent()? {
            let (after, head) = (self.folded().upto, self.0.journal.head());
            let query = Query { after, kinds: vec![F::KINDS.to_owned()], ..Query::default() };
            let events = self.0.journal.read(&query).await?;
            let mut folded = self.folded();
            for event in &events {
                folded.fold.apply(event)?;
            }
            // The store may be further than `head` by now; what it has not returned was not there.
            folded.upto = match events.last() {
                Some(last) if events.len() >= READ_AT_ONCE => last.seq,
                Some(last) => last.seq.max(head),
                None => head,
            };
        }
        Ok(())
    }

    /// Takes in what is at hand; false if that does not reach back far enough.
    fn take_recent(&self) -> Result<bool, JournalError> {
        let mut folded = self.folded();
        let Some(events) = self.0.journal.since(folded.upto) else { return Ok(false) };
        for event in &events {
            folded.fold.apply(event)?;
            folded.upto = event.seq;
        }
        Ok(true)
    }
}
