//! Admissions that nobody carries out: recorded, but the caller was told that they failed, or is gone. They must not
//! count as running for ever.

use serde_json::json;
use tokio::sync::oneshot;

use super::{
    Committed, Draft, JournalError, kind,
    prepare::{Keeping, Prepared},
    turn::Lender,
    writer::{Commit, Request},
};
use crate::call::Call;

/// The end of a call that was admitted and never sent.
pub(super) fn never_sent(call: &str, tool: &str, keeping: &Keeping) -> Prepared {
    keeping.prepare(Draft {
        actor: "interlock".to_owned(),
        kind: kind::CALL_FINISHED.to_owned(),
        subject: call.to_owned(),
        body: json!({
            "tool": tool,
            "outcome": "cancelled",
            "duration_ms": 0,
            "reason": "nothing was sent: whoever asked was gone, or was told that the call could not be recorded",
        }),
    })
}

/// Someone who waits for an admission. If they go away meanwhile, the admission is taken back.
pub(super) struct Waiting<'a> {
    pub(super) call: &'a Call,
    pub(super) answer: oneshot::Receiver<Result<Committed, JournalError>>,
    pub(super) lender: &'a Lender,
}

impl Waiting<'_> {
    /// Waits for the answer.
    pub(super) async fn answer(mut self) -> Result<Committed, JournalError> {
        (&mut self.answer).await.map_err(|_| JournalError::Closed)?
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Closed first: from here on the writer itself sees that nobody waits.
        self.answer.close();
        if let Ok(Ok(Committed::At(_))) = self.answer.try_recv() {
            let drafts = vec![never_sent(self.call.id.as_str(), self.call.tool.as_str(), &self.lender.keeping)];
            let request = Request::Commit(Commit { drafts, guard: None, must: true, reply: None });
            if self.lender.requests.try_send(request).is_err() {
                tracing::error!(call.id = %self.call.id, "an admission that nobody carries out stays open");
            }
        }
    }
}
