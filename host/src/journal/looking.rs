//! How a process learns what others have appended.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    JournalError,
    recent::Recent,
    store::{Head, Store},
};

/// How often a process looks whether others have appended.
const LOOK: Duration = Duration::from_millis(15);
/// Every so many looks it asks the database itself: a process that died while it wrote left no word.
const LOOKS_PER_CHECK: u32 = 64;

/// Reads what others have appended.
pub(super) async fn catch_up(store: &dyn Store, recent: &Recent) -> Result<Head, JournalError> {
    loop {
        let tail = store.tail(recent.head().seq).await?;
        if tail.is_empty() {
            return Ok(recent.head());
        }
        recent.push(tail);
    }
}

/// Looks now and then whether others have appended.
pub(super) async fn look(store: Arc<dyn Store>, recent: Arc<Recent>, stopping: CancellationToken) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut looks: u32 = 0;
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        looks = looks.wrapping_add(1);
        // If there is no word, the look into the database itself tells of it.
        let moved = store.hint().is_ok_and(|hint| hint > recent.head().seq);
        if (moved || looks.is_multiple_of(LOOKS_PER_CHECK))
            && let Err(error) = catch_up(store.as_ref(), &recent).await
        {
            tracing::warn!(%error, "the journal could not be read");
        }
    }
}
