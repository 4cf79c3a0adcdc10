//! The only place that spawns: every task has a name, an owner and an end.

use std::{future::Future, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

/// Runs work that would block a worker thread (compiling, file system calls) on a thread of its own and waits for it.
///
/// # Errors
/// If the work panicked.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Panicked> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Panicked)
}

/// Blocking work panicked.
#[derive(Debug, thiserror::Error)]
#[error("internal error: a background task panicked")]
pub struct Panicked;

/// The tasks of one owner. Clones share the same set.
///
/// A task is told to end through [`Tasks::stopping`]; [`Tasks::stop`] tells all and waits.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    token: CancellationToken,
}

impl Tasks {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task. It should end soon after [`Tasks::stopping`] is cancelled.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(task.instrument(tracing::debug_span!("task", name)));
    }

    /// Cancelled when the owner wants its tasks to end.
    pub fn stopping(&self) -> CancellationToken {
        self.token.clone()
    }

    /// A set whose tasks are told to end with this one's, but are waited for on their own.
    pub fn child(&self) -> Self {
        Self { tracker: TaskTracker::new(), token: self.token.child_token() }
    }

    /// Tells every task to end and waits for them, at most for `grace`. Returns whether all have ended.
    pub async fn stop(&self, grace: Duration) -> bool {
        self.token.cancel();
        self.tracker.close();
        tokio::time::timeout(grace, self.tracker.wait()).await.is_ok()
    }
}
