//! The journal as JSON lines, one file a day, for `tail`, `jq` and log shippers.
//!
//! It is written from the journal, so it holds the events of all processes; one process at a time writes it.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    fs::{self, File, OpenOptions},
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

use super::{Event, JournalError, Sequence, private, store::Store};

/// How soon another process takes over, and how soon a failure is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// How much of a file's end is read at a time to find the last whole line.
const STEP: u64 = 64 * 1024;

/// Writes the mirror while this process may.
pub(super) struct Mirror {
    dir: PathBuf,
    store: Arc<dyn Store>,
    changes: watch::Receiver<Sequence>,
    stopping: CancellationToken,
}

impl Mirror {
    pub(super) fn new(
        dir: PathBuf,
        store: Arc<dyn Store>,
        changes: watch::Receiver<Sequence>,
        stopping: CancellationToken,
    ) -> Self {
        Self { dir, store, changes, stopping }
    }

    /// Writes until told to end.
    pub(super) async fn run(mut self) {
        while !self.stopping.is_cancelled() {
            if let Err(error) = self.write().await {
                tracing::warn!(%error, "the journal's mirror could not be written");
            }
            tokio::select! {
                () = self.stopping.cancelled() => {}
                () = tokio::time::sleep(TRY_AGAIN) => {}
            }
        }
    }

    /// Writes all that comes, if no other process does.
    async fn write(&mut self) -> Result<(), JournalError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| JournalError::File { path, source }
        };
        private::create_folder(&self.dir).map_err(failed(&self.dir))?;
        let lock_path = self.dir.join(".lock");
        let lock = private::options().write(true).create(true).truncate(true).open(&lock_path);
        let lock = lock.map_err(failed(&lock_path))?;
        if lock.try_lock().is_err() {
            return Ok(());
        }
        let (mut day, mut after) = last(&self.dir, true).await.map_err(failed(&self.dir))?;
        let head = self.store.head().await?.seq;
        if after > head {
            // A power loss took back what was ordered and not yet on disk (`durability: batched`).
            tracing::warn!(mirrored = after.0, head = head.0, "the mirror holds events that the journal has lost");
            after = head;
        }
        loop {
            self.changes.mark_unchanged();
            let page = self.store.tail(after).await?;
            if page.is_empty() {
                let moved = tokio::select! {
                    moved = self.changes.changed() => moved.is_ok(),
                    () = self.stopping.cancelled() => false,
                };
                // What was recorded until the very end is written as well.
                if !moved && self.store.tail(after).await?.is_empty() {
                    return Ok(());
                }
                continue;
            }
            let mut lines = String::new();
            for entry in page {
                // Files never go back a day, even if a clock does: the last file holds the last events.
                let today = entry.event.at.to_string().get(..10).unwrap_or_default().to_owned().max(day.clone());
                if today != day {
                    append(&self.dir, &day, &mut lines).await.map_err(failed(&self.dir))?;
                    day = today;
                }
                after = entry.event.seq;
                line(&entry.event, &mut lines);
            }
            append(&self.dir, &day, &mut lines).await.map_err(failed(&self.dir))?;
        }
    }
}

fn line(event: &Event, lines: &mut String) {
    // An event always has a JSON form: its keys are text and its numbers finite.
    if let Ok(text) = serde_json::to_string(event) {
        lines.push_str(&text);
        lines.push('\n');
    }
}

async fn append(dir: &Path, day: &str, lines: &mut String) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let path = dir.join(format!("{day}.jsonl"));
    let mut file = OpenOptions::from(private::options()).create(true).append(true).open(path).await?;
    file.write_all(lines.as_bytes()).await?;
    file.flush().await?;
    lines.clear();
    Ok(())
}

/// The last event that the mirror holds; 0 if there is no mirror. Changes nothing: another process may be writing.
pub(super) async fn reach(dir: &Path) -> Result<Sequence, JournalError> {
    match last(dir, false).await {
        Ok((_, seq)) => Ok(seq),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Sequence(0)),
        Err(source) => Err(JournalError::File { path: dir.to_owned(), source }),
    }
}

/// The last day that has a file, and the last event in it. A line that was cut short by a crash is taken back if `mend`.
async fn last(dir: &Path, mend: bool) -> io::Result<(String, Sequence)> {
    let mut days = Vec::new();
    let mut entries = fs::read_dir(dir).await?;
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name();
        days.extend(name.to_str().and_then(|name| name.strip_suffix(".jsonl")).map(str::to_owned));
    }
    days.sort_unstable();
    while let Some(day) = days.pop() {
        let path = dir.join(format!("{day}.jsonl"));
        if let Some(seq) = last_line(&mut OpenOptions::new().read(true).write(mend).open(path).await?, mend).await? {
            return Ok((day, seq));
        }
    }
    Ok((String::new(), Sequence(0)))
}

/// The event in a file's last whole line; cuts off what comes after it if `mend`.
async fn last_line(file: &mut File, mend: bool) -> io::Result<Option<Sequence>> {
    #[derive(serde::Deserialize)]
    struct Line {
        seq: Sequence,
    }
    let mut start = file.metadata().await?.len();
    let mut end = Vec::new();
    loop {
        let step = start.min(STEP);
        start -= step;
        file.seek(io::SeekFrom::Start(start)).await?;
        let mut piece = vec![0; usize::try_from(step).unwrap_or_default()];
        file.read_exact(&mut piece).await?;
        piece.append(&mut end);
        end = piece;
        let whole = end.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines = end.get(..whole).unwrap_or_default();
        let before = lines.get(..whole.saturating_sub(1)).unwrap_or_default();
        let begin = before.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1).or((start == 0).then_some(0));
        let Some(begin) = begin else { continue };
        if mend {
            file.set_len(start + u64::try_from(whole).unwrap_or_default()).await?;
        }
        return Ok(before.get(begin..).and_then(|line| serde_json::from_slice::<Line>(line).ok()).map(|line| line.seq));
    }
}
