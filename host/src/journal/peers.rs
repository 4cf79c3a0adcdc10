//! Who is alive: each process holds a file lock for as long as it lives. What a dead one has left open is closed as
//! `unknown`, once, by whoever finds it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Draft, Event, Guard, Journal, JournalError, PastCall, Status, body::Finished, kind, private};
use crate::call::Outcome;

/// The folder of the living, `<database>-peers`: one file per process, named by its id, locked while it lives.
#[derive(Clone, Debug)]
pub(super) struct Peers {
    pub(super) folder: PathBuf,
}

/// The sign that a process lives, until dropped.
#[derive(Debug)]
pub(super) struct Alive {
    path: PathBuf,
    _lock: File,
}

/// A process that is dead, claimed by this one: nobody else closes its calls meanwhile.
struct Dead {
    process: String,
    path: PathBuf,
    _lock: Option<File>,
}

impl Alive {
    /// Leaves in an orderly way, with nothing left open.
    pub(super) fn leave(&self) {
        // If it stays there, someone finds it unlocked and removes it.
        let _ = fs::remove_file(&self.path);
    }
}

impl Peers {
    /// The folder; makes it if it is not there.
    pub(super) fn open(folder: PathBuf) -> Result<Self, JournalError> {
        private::create_folder(&folder).map_err(|source| JournalError::File { path: folder.clone(), source })?;
        Ok(Self { folder })
    }

    /// Joins the living.
    pub(super) fn join(&self, process: &str) -> Result<Alive, JournalError> {
        // Locked before it has its name, so that nobody can take it for one of the dead.
        let (early, path) = (self.folder.join(format!(".{process}")), self.folder.join(process));
        let made = || -> io::Result<File> {
            let file = private::options().write(true).create(true).truncate(true).open(&early)?;
            file.try_lock().map_err(io::Error::from)?;
            fs::rename(&early, &path)?;
            Ok(file)
        };
        let lock = made().map_err(|source| JournalError::File { path: path.clone(), source })?;
        Ok(Alive { path, _lock: lock })
    }

    /// The processes that live, in the order in which they began: those whose file is locked.
    pub(super) fn living(&self) -> io::Result<Vec<String>> {
        let mut living = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let named = path.file_name().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.'));
            if let (Some(process), Ok(file)) = (named, File::open(&path))
                && file.try_lock_shared().is_err()
            {
                living.push(process.to_owned());
            }
        }
        // Their names begin with the time.
        living.sort_unstable();
        Ok(living)
    }

    /// The dead: those whose file can be locked, and those that have calls but no file.
    fn dead<'a>(&self, with_calls: impl Iterator<Item = &'a String>) -> Result<Vec<Dead>, JournalError> {
        let failed = |source| JournalError::File { path: self.folder.clone(), source };
        let mut dead = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let Some(process) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else { continue };
            if process.starts_with('.') {
                continue;
            }
            // It may have left, or been buried, in this very moment.
            let Ok(file) = File::open(&path) else { continue };
            if file.try_lock().is_ok() {
                dead.push(Dead { process, path, _lock: Some(file) });
            }
        }
        for process in with_calls {
            let path = self.folder.join(Path::new(process).file_name().unwrap_or_default());
            if !path.is_file() && !dead.iter().any(|dead| dead.process == *process) {
                dead.push(Dead { process: process.clone(), path, _lock: None });
            }
        }
        Ok(dead)
    }
}

/// Closes what dead processes have left open. Returns how many calls that were.
pub(super) async fn recover(journal: &Journal, peers: &Peers) -> Result<usize, JournalError> {
    // The calls first, then the living: whoever has admitted a call had joined before.
    let mut left: BTreeMap<String, Vec<Arc<PastCall>>> = BTreeMap::new();
    journal.refresh().await?;
    let (_, running) = journal.recent().open_calls(|call| call.status == Status::Running);
    for call in running {
        left.entry(call.process.clone()).or_default().push(call);
    }
    let mut closed = 0;
    for Dead { process, path, _lock } in peers.dead(left.keys())? {
        // Once more, now that nobody else can close them: what was known before may be old.
        let since = journal.refresh().await?;
        let (_, calls) = journal.recent().open_calls(|call| call.status == Status::Running && call.process == process);
        for call in calls {
            let guard = Guard { since, disturbed_by: ends(Arc::clone(&call)) };
            let _ = journal.commit(vec![lost(journal, &call)?], guard).await?;
            closed += 1;
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(JournalError::File { path, source: error });
            }
            Ok(()) | Err(_) => {}
        }
    }
    if closed > 0 {
        tracing::warn!(calls = closed, "a process has died: its calls are closed as unknown");
    }
    Ok(closed)
}

fn ends(call: Arc<PastCall>) -> Box<dyn Fn(&Event) -> bool + Send + Sync> {
    Box::new(move |event| event.kind == kind::CALL_FINISHED && event.subject == call.id.as_str())
}

/// The end of a call of which nobody knows how it ended.
fn lost(journal: &Journal, call: &PastCall) -> Result<Draft, JournalError> {
    let body = Finished {
        tool: call.tool.clone(),
        outcome: Outcome::Unknown,
        result: None,
        duration_ms: u64::try_from(journal.now().since(call.admitted).as_millis()).unwrap_or(u64::MAX),
        process: journal.process().to_owned(),
        reason: Some("the process that carried it out has ended without a word".to_owned()),
    };
    Draft::new("interlock", kind::CALL_FINISHED, call.id.as_str(), &body)
}
