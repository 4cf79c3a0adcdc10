//! Keeps an eye on the configuration file and on the components that it names, and has what changed taken over.
//!
//! The files are looked at, many times a second, rather than watched through the kernel: a look costs some microseconds,
//! it sees the same on every file system (network mounts, and the links that Kubernetes swaps, included), and the journal
//! lies beside the configuration as a rule, so that each of its writes would wake a watcher of the folder.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use super::{App, Reload, live::Live, pulls};
use crate::{
    journal::{JournalError, Sequence},
    tasks::{self, Tasks},
};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// Time to the next look once something has changed. It is taken over when two looks in a row saw the same: a file that is
/// still being written is left alone.
const LOOK_AGAIN: Duration = Duration::from_millis(8);
/// For how long something is loaded although something else has come to stand in its place.
const PATIENCE: Duration = Duration::from_secs(2);
/// Wait before what could not be put on record is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What a look tells of a file: which it is, and when it was last written.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    length: u64,
    modified: Option<SystemTime>,
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
}

impl App {
    /// Reads the configuration and its components anew, and puts them in force if they can be used.
    ///
    /// # Errors
    /// If that cannot be put on record. Nothing has changed then.
    pub async fn reload(&self) -> Result<Reload, JournalError> {
        self.live.reload().await
    }

    /// Takes over, from now on and for as long as the tasks run, what changes in the configuration file and in the
    /// components that it names.
    pub fn watch(&self, tasks: &Tasks) {
        let (live, stopping) = (self.live.clone(), tasks.stopping());
        tasks.spawn("watch", async move {
            tokio::select! {
                () = watch(live.clone()) => {}
                () = pulls::repeat(live) => {}
                () = stopping.cancelled() => {}
            }
        });
    }
}

async fn watch(live: Arc<Live>) {
    // Nothing has been seen yet: what changed since the start is found by the first look.
    let (mut seen, mut taken) = (None, None);
    let mut told = live.ground.journal.head();
    let mut wait = LOOK;
    loop {
        tokio::time::sleep(wait).await;
        wait = LOOK;
        if let Err(error) = live.promote_ripe().await {
            tracing::error!(%error, "a candidate could not be promoted; it is tried again");
        }
        if let Some(said) = live.was_told(&mut told) {
            // Before anything is read or loaded that may take its time.
            if let Err(error) = live.obey(&said).await {
                tracing::error!(%error, "what is to count could not be put on record; it is tried again");
            }
            taken = None;
        }
        let files = live.files().await;
        let Ok(now) = looks(files.clone()).await.map(Some) else { continue };
        if now == taken {
            seen = now;
            continue;
        }
        if now != seen {
            (seen, wait) = (now, LOOK_AGAIN);
            continue;
        }
        match live.reload_unless(more_urgent(&live, told, &files, &now)).await {
            Ok(Reload::Abandoned) => {}
            Ok(Reload::Same | Reload::Applied { .. } | Reload::Rejected(_)) => taken = now,
            Err(error) => {
                tracing::error!(%error, "a change of the configuration could not be put on record; it is tried again");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// Ends when there is something more urgent than to load what was seen: when people have said which component is to count,
/// or when something else is there by now, if loading takes long.
async fn more_urgent(live: &Live, told: Sequence, files: &[PathBuf], seen: &Option<Vec<Option<Seen>>>) {
    let began = Instant::now();
    loop {
        tokio::time::sleep(LOOK).await;
        if live.was_told(&mut told.clone()).is_some() {
            return;
        }
        let is_other = |now| Some(now) != *seen;
        if began.elapsed() > PATIENCE && looks(files.to_owned()).await.is_ok_and(is_other) {
            return;
        }
    }
}

async fn looks(files: Vec<PathBuf>) -> Result<Vec<Option<Seen>>, tasks::Panicked> {
    tasks::blocking(move || files.iter().map(|file| look(file)).collect()).await
}

/// A look at what stands at a path, links followed; none if nothing can be seen there.
fn look(path: &Path) -> Option<Seen> {
    #[cfg(unix)]
    use std::os::unix::fs::MetadataExt;
    let file = fs::metadata(path).ok()?;
    Some(Seen {
        length: file.len(),
        modified: file.modified().ok(),
        #[cfg(unix)]
        inode: (file.dev(), file.ino(), file.ctime(), file.ctime_nsec()),
    })
}
