//! What is put down of who was told of a question, so that it is done once, and that it could not be done is known.

use super::{Approvals, ApprovalsError};
use crate::journal::{Committed, Draft, body, kind};

impl Approvals {
    /// Puts down that people were told of a question, or of what became of it.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn told(&self, id: &str, channel: &str, news: &str) -> Result<(), ApprovalsError> {
        let body = body::ApprovalTold { channel: channel.to_owned(), news: news.to_owned() };
        self.journal().append(vec![Draft::new("interlock", kind::APPROVAL_TOLD, id, &body)?]).await?;
        Ok(())
    }

    /// Puts down that nobody could be told of a question by the only channel that there is. It stays open for whoever finds it,
    /// and that is no answer: not a no, and never a yes.
    ///
    /// # Errors
    /// If there is no such question, or the journal cannot be written.
    pub async fn unreachable(&self, id: &str, channel: &str, reason: &str) -> Result<(), ApprovalsError> {
        loop {
            let since = self.refresh().await?;
            let approval = self.get(id).await?;
            if approval.unreachable.is_some() || !approval.is_open(self.now()) {
                return Ok(());
            }
            let body = body::ApprovalUnreachable { channel: channel.to_owned(), reason: reason.to_owned() };
            let draft = Draft::new("interlock", kind::APPROVAL_UNREACHABLE, id, &body)?;
            match self.commit(vec![draft], id, since).await? {
                Committed::At(_) => return Ok(()),
                Committed::Conflict => {}
            }
        }
    }
}
