//! Whether the chain is whole: every event is there, unchanged, in its place, and what is noted beside the events is what
//! they tell.

use std::path::Path;

use super::{
    Config, Hash, JournalError, Sequence, mirror,
    notes::{Notes, Wrong},
    sqlite::Sqlite,
    store::{Entry, Head, Store},
};
use crate::scope::canonical;

/// What came of looking at the whole chain.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "chain")]
pub enum Verified {
    /// Nothing is missing, and nothing was changed.
    Whole {
        /// How many events there are.
        events: u64,
        /// The first one; 0 in an empty journal.
        first: Sequence,
        /// The last one; 0 in an empty journal.
        last: Sequence,
        /// Hash of the last one: whoever keeps it elsewhere can tell later that nothing before it was rewritten.
        head: Hash,
    },
    /// The first place where it is broken.
    Broken {
        /// Which event.
        seq: Sequence,
        /// What is wrong there.
        what: Break,
    },
}

/// What is wrong at one place of the chain.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Break {
    /// The event is missing.
    #[error("the event is missing")]
    Missing,
    /// The event is not what was recorded, or does not follow the one before it.
    #[error("the event, or the one before it, was changed")]
    Changed,
    /// What was recorded as the end of the chain is not its end.
    #[error("the end of the chain is not the one that was recorded")]
    WrongEnd,
    /// The mirror goes further than the journal.
    #[error("the mirror holds events that the journal has lost")]
    Lost,
    /// The events are whole, but what policies are told of the call that this event admitted is something else.
    #[error(transparent)]
    Notes(Wrong),
}

/// Looks at a journal that nobody need be able to write: a copy, a read-only file or folder, one that others use.
/// Changes nothing and joins nobody.
///
/// # Errors
/// If there is no such journal, or it cannot be read.
pub async fn inspect(config: &Config) -> Result<Verified, JournalError> {
    let store = Sqlite::open_to_read(&config.path).await?;
    let verified = verify(&store, config.mirror_dir.as_deref()).await;
    store.close().await?;
    verified
}

/// Reads the whole chain, page by page, and looks how far the mirror goes, if there is one.
pub(super) async fn verify(store: &dyn Store, mirror: Option<&Path>) -> Result<Verified, JournalError> {
    // The mirror first: it is written from the journal, so what it holds by now must be found there afterwards.
    let mirrored = match mirror {
        Some(dir) => mirror::reach(dir).await?,
        None => Sequence(0),
    };
    match chain(store).await? {
        Verified::Whole { last, .. } if mirrored > last => Ok(Verified::Broken { seq: last.next(), what: Break::Lost }),
        verified => Ok(verified),
    }
}

async fn chain(store: &dyn Store) -> Result<Verified, JournalError> {
    let (mut head, mut events, mut first, mut notes) = (Head::default(), 0, Sequence(0), Notes::default());
    loop {
        let page = match store.tail(head.seq).await {
            Ok(page) => page,
            Err(JournalError::Unreadable { seq, .. }) => return Ok(Verified::Broken { seq, what: Break::Changed }),
            Err(error) => return Err(error),
        };
        if page.is_empty() {
            let end = store.head().await?;
            if end.seq > head.seq {
                // Appended since this page was read, or missing.
                if store.tail(head.seq).await?.is_empty() {
                    return Ok(Verified::Broken { seq: head.seq.next(), what: Break::Missing });
                }
                continue;
            }
            if end != head {
                return Ok(Verified::Broken { seq: head.seq, what: Break::WrongEnd });
            }
            let (as_of, wrong) = notes.check_open(store).await?;
            return Ok(match wrong {
                _ if as_of > head.seq => continue,
                Some((seq, wrong)) => Verified::Broken { seq, what: Break::Notes(wrong) },
                None => Verified::Whole { events, first, last: head.seq, head: head.hash },
            });
        }
        for entry in page {
            let Entry { event, text, .. } = entry;
            let what = if event.seq != head.seq.next() {
                Break::Missing
            } else if canonical(&event.body) != *text || event.prev != head.hash || event.expected_hash() != event.hash
            {
                // Other text can be read as the same value: a key twice, a number written differently.
                Break::Changed
            } else {
                (events, head) = (events + 1, Head { seq: event.seq, hash: event.hash, at: event.at });
                if events == 1 {
                    first = event.seq;
                }
                notes.take(&event);
                continue;
            };
            return Ok(Verified::Broken { seq: head.seq.next(), what });
        }
        if let Some((seq, wrong)) = notes.check_page(store).await? {
            return Ok(Verified::Broken { seq, what: Break::Notes(wrong) });
        }
        // Hashing is work; others want to run as well.
        tokio::task::yield_now().await;
    }
}
