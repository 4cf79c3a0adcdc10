//! Stopping, in the order that loses nothing: no new calls, the open ones, the servers, the journal.

use std::time::Duration;

use super::App;
use crate::journal::{Draft, JournalError, body, kind};

/// How long calls that are under way may take to end. Those that do not are found in the journal and closed as unknown.
const CALLS_GRACE: Duration = Duration::from_secs(10);
/// How long servers may take to end.
const SERVERS_GRACE: Duration = Duration::from_secs(6);
/// How long the journal may take to write what it was given.
const JOURNAL_GRACE: Duration = Duration::from_secs(5);

impl App {
    /// Ends the program. The doors must be shut already.
    pub async fn stop(self) {
        if !self.calls.stop(CALLS_GRACE).await {
            tracing::warn!("calls were still under way; they will be closed as unknown");
        }
        if let Some(role) = self.role
            && let Err(error) = self.record_stop(role).await
        {
            tracing::warn!(%error, "the end of this process could not be recorded");
        }
        if !self.house.stop(SERVERS_GRACE).await {
            tracing::warn!("a server did not end in time");
        }
        if !self.journal.close(JOURNAL_GRACE).await {
            tracing::warn!("the journal was not closed in time");
        }
    }

    async fn record_stop(&self, role: &str) -> Result<(), JournalError> {
        let process = body::Process {
            role: role.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
        };
        let draft = Draft::new("interlock", kind::PROCESS_STOPPED, self.journal.process(), &process)?;
        self.journal.append(vec![draft]).await.map(drop)
    }
}
