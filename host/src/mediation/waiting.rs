//! A call that waits: for other calls to end, or for a human. The client is told that it is still being looked after.

use std::time::Duration;

use serde_json::json;
use tokio::{sync::watch, time::Instant};

use super::mediator::Parts;
use crate::{
    call::Call,
    downstream::{FromServer, Link},
    journal::{Event, Guard, PastCall, Sequence},
    ledger::View,
    verdict::Hold,
};

/// What stands for a wait that is longer than can be told.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The waits of one call.
pub(super) struct Waiting<'a> {
    call: &'a Call,
    pub(super) link: &'a Link,
    began: Instant,
    heartbeat: Duration,
    beats: u32,
    next_beat: Instant,
    /// Approvals that this call has waited for.
    pub(super) asked: Vec<String>,
    /// Those of them that the person at the AI app has put off.
    pub(super) put_off: Vec<String>,
    /// Until when it waits for a human; set when it first does.
    answer_by: Option<Instant>,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(call: &'a Call, link: &'a Link, heartbeat: Duration) -> Self {
        let began = Instant::now();
        let next_beat = began + heartbeat;
        Self {
            call,
            link,
            began,
            heartbeat,
            beats: 0,
            next_beat,
            asked: Vec::new(),
            put_off: Vec::new(),
            answer_by: None,
        }
    }

    /// When the shortest wait that the holding policies allow is over; none: it is.
    pub(super) fn time_for(&self, holds: &[(String, Hold)]) -> Option<Instant> {
        let longest = holds.iter().map(|(_, hold)| hold.longest).min().unwrap_or_default();
        // A wait too long to be told ends with the client's patience.
        let until = self.began.checked_add(longest).unwrap_or(self.began + LONGEST);
        (Instant::now() < until).then_some(until)
    }

    /// Waits until what the holding policies looked at has changed, the time is over, or the client is gone.
    pub(super) async fn for_room(&mut self, parts: &Parts, until: Instant, view: &View) {
        let guard = view.guard();
        let mut changes = parts.journal.changes();
        let message = "Waiting for another call to end.";
        self.until(until, message, &mut changes, || parts.journal.disturbed(&guard)).await;
    }

    /// Waits for the end of another call, of which `since` tells. False: it takes too long, or the client is gone.
    pub(super) async fn for_end(
        &mut self,
        parts: &Parts,
        other: &PastCall,
        since: Sequence,
        longest: Duration,
    ) -> bool {
        let id = other.id.clone();
        let ends = move |event: &Event| event.change.as_ref().is_some_and(|change| change.call.id == id);
        let guard = Guard { since, disturbed_by: Box::new(ends) };
        let mut changes = parts.journal.changes();
        let message = "Waiting for the end of an earlier call that is the same.";
        self.until(self.began + longest, message, &mut changes, || parts.journal.disturbed(&guard)).await
    }

    /// Waits until something has happened to one of the approvals. False: the client has waited long enough, or is gone.
    pub(super) async fn for_answer(
        &mut self,
        parts: &Parts,
        guard: &Guard,
        expires_in: Duration,
        message: &str,
    ) -> bool {
        let hold_open = parts.config.hold_open;
        let answer_by = *self.answer_by.get_or_insert_with(|| Instant::now() + hold_open);
        let until = answer_by.min(Instant::now() + expires_in);
        let mut changes = parts.journal.changes();
        let changed = self.until(until, message, &mut changes, || parts.journal.disturbed(guard)).await;
        // Whether it is the question's time that is over is looked up again by the caller.
        changed || (Instant::now() < answer_by && !self.link.cancel.is_cancelled())
    }

    /// Waits until something has happened to one of the approvals, as long as the person at the AI app has it before them.
    pub(super) async fn beside_client(&mut self, parts: &Parts, guard: &Guard, expires_in: Duration, message: &str) {
        let mut changes = parts.journal.changes();
        let until = Instant::now() + expires_in;
        self.until(until, message, &mut changes, || parts.journal.disturbed(guard)).await;
    }

    async fn until(
        &mut self,
        until: Instant,
        message: &str,
        changes: &mut watch::Receiver<Sequence>,
        changed: impl Fn() -> bool,
    ) -> bool {
        loop {
            // Marked as seen first: what happens after this check wakes us.
            changes.borrow_and_update();
            if changed() {
                return true;
            }
            tokio::select! {
                moved = changes.changed() => if moved.is_err() { return false },
                () = self.link.cancel.cancelled() => return false,
                () = tokio::time::sleep_until(until) => return false,
                () = tokio::time::sleep_until(self.next_beat) => self.beat(message),
            }
        }
    }

    fn beat(&mut self, message: &str) {
        self.beats += 1;
        self.next_beat = Instant::now() + self.heartbeat;
        tracing::debug!(call.id = %self.call.id, beats = self.beats, "still waiting");
        if self.link.wants_progress {
            let params = json!({ "progress": self.beats, "message": message });
            let beat = FromServer::Notification { method: "notifications/progress".to_owned(), params };
            // A client that does not keep up with one message a heartbeat misses one.
            drop(self.link.messages.try_send(beat));
        }
    }
}
