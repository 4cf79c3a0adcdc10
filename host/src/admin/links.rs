//! Links by which people come in where no keys are asked for: each works once, and not for long. The journal has digests of
//! them, so whichever process made one, the one that serves the page takes it.

use std::{collections::BTreeMap, time::Duration};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    journal::{Committed, Draft, Event, Fold, Follower, Guard, Journal, JournalError, body, kind},
    secret::Secret,
};

/// For how long a link can be used.
const LASTS: Duration = Duration::from_mins(10);

/// Why a link could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The journal could not be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The operating system has no random bytes.
    #[error("no random bytes can be had: {0}")]
    Random(String),
    /// There is no such link, it has been used, or its time is over.
    #[error("the link has been used, or its time is over")]
    Spent,
}

/// The links that can still be used, by the digest of their secret.
#[derive(Debug, Default)]
struct Book(BTreeMap<String, (String, Timestamp)>);

impl Fold for Book {
    const KINDS: &'static str = "admin.*";

    fn apply(&mut self, event: &Event) -> Result<(), JournalError> {
        match event.kind.as_str() {
            kind::ADMIN_LINKED => {
                let body::AdminLinked { digest, expires } = event.read()?;
                self.0.retain(|_, (_, ends)| *ends > event.at);
                self.0.insert(digest, (event.subject.clone(), expires));
            }
            kind::ADMIN_ENTERED => self.0.retain(|_, (id, _)| *id != event.subject),
            _ => {}
        }
        Ok(())
    }
}

/// The links of one journal. Clones share everything.
#[derive(Clone, Debug)]
pub struct Links(Follower<Book>);

impl Links {
    /// The links in this journal.
    pub fn new(journal: Journal) -> Self {
        Self(Follower::new(journal))
    }

    /// Makes a link to the door at `base`. What is returned is nowhere else.
    ///
    /// # Errors
    /// If it cannot be put on record.
    pub async fn make(&self, by: &str, base: &str) -> Result<Secret, LinkError> {
        let secret = Secret::random().map_err(|error| LinkError::Random(error.to_string()))?;
        let journal = self.0.journal();
        let linked = body::AdminLinked { digest: digest(secret.expose()), expires: journal.now().plus(LASTS) };
        let id = Uuid::now_v7().to_string();
        journal.append(vec![Draft::new(by, kind::ADMIN_LINKED, &id, &linked)?]).await?;
        Ok(Secret::new(format!("{base}/enter?link={}", secret.expose())))
    }

    /// Whether a link can be used.
    pub(super) async fn is_good(&self, secret: &str) -> Result<bool, LinkError> {
        Ok(self.find(secret).await?.is_some())
    }

    /// Uses a link up, whoever else tries at the same instant, in whichever process.
    ///
    /// # Errors
    /// If it is none any more.
    pub(super) async fn take(&self, secret: &str, by: &str) -> Result<(), LinkError> {
        let id = self.find(secret).await?.ok_or(LinkError::Spent)?;
        let since = self.0.look(|_, upto| upto);
        let entered = Draft::new(by, kind::ADMIN_ENTERED, &id, &body::AdminEntered {})?;
        let disturbed_by = Box::new(move |event: &Event| event.kind == kind::ADMIN_ENTERED && event.subject == id);
        match self.0.journal().commit(vec![entered], Guard { since, disturbed_by }).await? {
            Committed::At(_) => Ok(()),
            Committed::Conflict => Err(LinkError::Spent),
        }
    }

    async fn find(&self, secret: &str) -> Result<Option<String>, LinkError> {
        self.0.refresh().await?;
        let now = self.0.journal().now();
        let digest = digest(secret);
        Ok(self.0.look(|book, _| book.0.get(&digest).filter(|(_, ends)| now < *ends).map(|(id, _)| id.clone())))
    }
}

/// Of 256 random bits, a digest tells nothing.
fn digest(secret: &str) -> String {
    Sha256::digest(secret).iter().map(|byte| format!("{byte:02x}")).collect()
}
