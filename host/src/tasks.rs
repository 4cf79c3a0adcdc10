//! The only place that spawns: every task has a name, an owner and an end.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use tokio::runtime::Handle;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
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

    /// Runs work in the task of whoever waits for it. If they go away first, it runs on to its end in a task of its own:
    /// that costs a hand-over between threads only where one is needed.
    pub fn carry<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Carried<T> {
        let span = tracing::debug_span!("task", name);
        Carried { work: Some(self.tracker.track_future(work.instrument(span)).boxed()), name, tasks: self.clone() }
    }

    /// Cancelled when the owner wants its tasks to end.
    pub fn stopping(&self) -> CancellationToken {
        self.token.clone()
    }

    /// A set whose tasks are told to end with this one's, but are waited for on their own.
    pub fn child(&self) -> Self {
        Self { tracker: TaskTracker::new(), token: self.token.child_token() }
    }

    /// A part of this set that can be told to end before the rest: when the guard is dropped. It is waited for with the
    /// rest.
    pub fn part(&self) -> (Self, DropGuard) {
        let token = self.token.child_token();
        (Self { tracker: self.tracker.clone(), token: token.clone() }, token.drop_guard())
    }

    /// Tells every task to end and waits for them, at most for `grace`. Returns whether all have ended.
    pub async fn stop(&self, grace: Duration) -> bool {
        self.token.cancel();
        self.tracker.close();
        tokio::time::timeout(grace, self.tracker.wait()).await.is_ok()
    }
}

/// Work that comes to its end whether or not somebody waits for it: see [`Tasks::carry`].
#[must_use = "it runs where it is waited for"]
pub struct Carried<T: Send + 'static> {
    work: Option<BoxFuture<'static, T>>,
    name: &'static str,
    tasks: Tasks,
}

impl<T: Send + 'static> Future for Carried<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let done = work.poll_unpin(context);
        if done.is_ready() {
            self.work = None;
        }
        done
    }
}

impl<T: Send + 'static> Drop for Carried<T> {
    fn drop(&mut self) {
        // Work that panicked cannot go on, and without a runtime nothing can.
        if let Some(work) = self.work.take()
            && !std::thread::panicking()
            && Handle::try_current().is_ok()
        {
            self.tasks.spawn(self.name, work.map(drop));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn carried_work_comes_to_its_end_though_nobody_waits_any_more() {
        let tasks = Tasks::new();
        let (go, gone) = oneshot::channel::<()>();
        let (done, told) = oneshot::channel();
        let mut work = tasks.carry("work", async move {
            drop(gone.await);
            done.send(7).unwrap();
        });
        assert!(futures::poll!(&mut work).is_pending());
        drop(work);
        go.send(()).unwrap();
        assert_eq!(told.await, Ok(7));
        assert!(tasks.stop(Duration::from_secs(60)).await);
    }

    #[tokio::test]
    async fn carried_work_is_waited_for_at_the_end_like_any_task() {
        let tasks = Tasks::new();
        let work = tasks.carry("work", std::future::ready(7));
        assert!(!tasks.stop(Duration::ZERO).await);
        assert_eq!(work.await, 7);
        assert!(tasks.stop(Duration::from_secs(60)).await);
    }
}
