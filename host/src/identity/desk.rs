//! Making, revoking and checking keys.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use super::{
    ApiKey, Pepper, PepperError, Record,
    book::{Book, State},
};
use crate::{
    call::Caller,
    journal::{Draft, Follower, Journal, JournalError, body, kind},
    plain::line,
    tasks,
};

/// Most characters of a principal's name.
const LONGEST_NAME: usize = 100;
/// The principal whom nobody has authenticated. No key may claim to be that one.
const LOCAL: &str = "local";
/// How the principals of tokens begin, which are named by their issuer first. No key may claim to be one of them.
const ISSUERS: [&str; 2] = ["https://", "http://"];

/// Why a key could not be made, listed or revoked.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The journal could not be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The pepper could not be read or made.
    #[error(transparent)]
    Pepper(#[from] PepperError),
    /// A name that cannot be a principal's.
    #[error(
        "`{0}` cannot be the name of a key: 1 to {LONGEST_NAME} characters that all show, without blanks around them, not `{LOCAL}`, and no URL"
    )]
    BadName(String),
    /// A role of no letters, or with control characters.
    #[error("`{0}` cannot be a role: it has letters, and all of it shows")]
    BadRole(String),
    /// No key has this id or name.
    #[error("there is no key `{0}`")]
    NotFound(String),
    /// The operating system has no random bytes.
    #[error("no random bytes can be had: {0}")]
    Random(String),
}

/// Why somebody is not let in. Callers are not told which; operators are.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// What was shown is no key, or none that was ever made here.
    #[error("no such key")]
    Unknown,
    /// It was revoked.
    #[error("the key `{0}` is revoked")]
    Revoked(String),
    /// Its time is over.
    #[error("the key `{0}` has expired")]
    Expired(String),
    /// It could not be found out.
    #[error("keys cannot be checked: {0}")]
    Unchecked(#[source] IdentityError),
}

/// The API keys of one journal. Clones share everything.
#[derive(Clone, Debug)]
pub struct Keys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    book: Follower<Book>,
    path: PathBuf,
    /// As it was read first: it never changes.
    pepper: OnceLock<Pepper>,
}

impl Keys {
    /// The keys in this journal; `pepper` is the file that they are digested with.
    pub fn new(journal: Journal, pepper: PathBuf) -> Self {
        Self(Arc::new(Inner { book: Follower::new(journal), path: pepper, pepper: OnceLock::new() }))
    }

    /// Makes a key. It is valid in every process from now on; what is returned of it is nowhere else.
    ///
    /// # Errors
    /// If the name or a role cannot be one, or it cannot be put on record.
    pub async fn create(
        &self,
        by: &str,
        name: &str,
        roles: &[String],
        lasts: Option<Duration>,
    ) -> Result<(ApiKey, Record), IdentityError> {
        // What does not show would make two names look like one.
        let fits = |text: &str| !text.is_empty() && text.trim() == text && line(text) == text;
        let lowered = name.to_lowercase();
        let is_anothers = lowered == LOCAL || ISSUERS.iter().any(|issuer| lowered.starts_with(issuer));
        if !fits(name) || name.chars().count() > LONGEST_NAME || is_anothers {
            return Err(IdentityError::BadName(name.to_owned()));
        }
        if let Some(role) = roles.iter().find(|role| !fits(role)) {
            return Err(IdentityError::BadRole(role.clone()));
        }
        let key = ApiKey::generate().map_err(|error| IdentityError::Random(error.to_string()))?;
        let path = self.0.path.clone();
        let pepper = tasks::blocking(move || Pepper::read_or_make(&path)).await.map_err(|_| JournalError::Closed)??;
        let journal = self.0.book.journal();
        let created = body::KeyCreated {
            name: name.to_owned(),
            roles: roles.to_vec(),
            expires: lasts.map(|lasts| journal.now().plus(lasts)),
            digest: pepper.digest(&key),
        };
        journal.append(vec![Draft::new(by, kind::KEY_CREATED, key.id(), &created)?]).await?;
        let record = self.get(key.id()).await?;
        Ok((key, record))
    }

    /// Every key that was made, by id.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn list(&self) -> Result<Vec<Record>, IdentityError> {
        self.0.book.refresh().await?;
        Ok(self.0.book.look(|book, _| book.iter().cloned().collect()))
    }

    /// Revokes the key with this id, or all valid ones of this name: at once, in every process. Which those were.
    ///
    /// # Errors
    /// If there is none, or it cannot be put on record.
    pub async fn revoke(&self, by: &str, id_or_name: &str) -> Result<Vec<Record>, IdentityError> {
        let all = self.list().await?;
        let mut found: Vec<Record> = all.iter().filter(|record| record.id == id_or_name).cloned().collect();
        if found.is_empty() {
            let of_name = |record: &&Record| record.name == id_or_name && record.revoked.is_none();
            found = all.iter().filter(of_name).cloned().collect();
        }
        if found.is_empty() {
            return Err(IdentityError::NotFound(id_or_name.to_owned()));
        }
        let revoked = |record: &Record| {
            let body = body::KeyRevoked { name: record.name.clone() };
            Draft::new(by, kind::KEY_REVOKED, &record.id, &body)
        };
        let drafts =
            found.iter().filter(|record| record.revoked.is_none()).map(revoked).collect::<Result<Vec<_>, _>>()?;
        if !drafts.is_empty() {
            self.0.book.journal().append(drafts).await?;
        }
        let mut now = Vec::new();
        for record in &found {
            now.push(self.get(&record.id).await?);
        }
        Ok(now)
    }

    async fn get(&self, id: &str) -> Result<Record, IdentityError> {
        self.0.book.refresh().await?;
        self.0.book.look(|book, _| book.get(id).cloned()).ok_or_else(|| IdentityError::NotFound(id.to_owned()))
    }

    /// Whose key this is, by everything that any process has written until now.
    ///
    /// # Errors
    /// If it is nobody's, or cannot be told.
    pub async fn authenticate(&self, shown: &str) -> Result<Caller, Denied> {
        let id = self.proven(shown).await?;
        self.caller(&id).await
    }

    /// Which key this is, for somebody who has shown it and is to be known by it for a while: see [`Keys::caller`].
    ///
    /// # Errors
    /// If it is none that counts.
    pub async fn identify(&self, shown: &str) -> Result<String, Denied> {
        let id = self.proven(shown).await?;
        self.caller(&id).await?;
        Ok(id)
    }

    /// The id of the key that was shown, if it is that key, whether or not it still counts.
    async fn proven(&self, shown: &str) -> Result<String, Denied> {
        let key: ApiKey = shown.parse().map_err(|_| Denied::Unknown)?;
        self.0.book.refresh().await.map_err(|error| Denied::Unchecked(error.into()))?;
        let record = self.0.book.look(|book, _| book.get(key.id()).cloned()).ok_or(Denied::Unknown)?;
        if !self.pepper().await.map_err(Denied::Unchecked)?.is(&key, &record.digest) {
            return Err(Denied::Unknown);
        }
        Ok(key.id().to_owned())
    }

    /// Whose the key of this id is, as long as it counts.
    ///
    /// # Errors
    /// If it does not any more, or that cannot be told.
    pub async fn caller(&self, id: &str) -> Result<Caller, Denied> {
        self.0.book.refresh().await.map_err(|error| Denied::Unchecked(error.into()))?;
        let record = self.0.book.look(|book, _| book.get(id).cloned()).ok_or(Denied::Unknown)?;
        match record.state(self.0.book.journal().now()) {
            State::Valid => Ok(Caller { principal: record.name, roles: record.roles, client: None }),
            State::Revoked => Err(Denied::Revoked(record.id)),
            State::Expired => Err(Denied::Expired(record.id)),
        }
    }

    async fn pepper(&self) -> Result<&Pepper, IdentityError> {
        if let Some(read) = self.0.pepper.get() {
            return Ok(read);
        }
        let path = self.0.path.clone();
        let read = tasks::blocking(move || Pepper::read(&path)).await.map_err(|_| JournalError::Closed)??;
        Ok(self.0.pepper.get_or_init(|| read))
    }
}
