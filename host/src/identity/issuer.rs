//! An issuer's public keys, as they were fetched last: in memory, fetched by one at a time and not often.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jsonwebtoken::{Algorithm, DecodingKey};

use super::{
    key_set::KeySet,
    tokens::{Rejected, TokenConfig},
};
use crate::{
    clock::{Clock, Timestamp},
    oauth::{AuthorizationServer, DiscoveryError, Fetch},
    tasks::Tasks,
};

/// How old keys may be before they are asked for again, beside the calls that they let in: so long is a key believed at
/// most that its issuer has taken back.
const FRESH: Duration = Duration::from_mins(5);
/// How old they may be at all, while their issuer is away.
const KEPT: Duration = Duration::from_hours(24);
/// The issuer is asked no more often than this, whatever callers show.
const PAUSE: Duration = Duration::from_secs(10);

/// One issuer. Clones share everything.
#[derive(Clone, Debug)]
pub(super) struct Issuer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: TokenConfig,
    fetch: Fetch,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    known: Mutex<Known>,
    /// Held by the one who fetches.
    turn: tokio::sync::Mutex<()>,
}

/// What is known of its keys.
#[derive(Clone, Debug, Default)]
struct Known {
    keys: Option<(Arc<KeySet>, Timestamp)>,
    tried: Option<Timestamp>,
    failed: bool,
}

impl Known {
    fn age(&self, now: Timestamp) -> Option<Duration> {
        self.keys.as_ref().map(|(_, fetched)| now.since(*fetched))
    }

    /// The key that a token names, unless it is too old.
    fn find(&self, id: Option<&str>, algorithm: Algorithm, now: Timestamp) -> Option<DecodingKey> {
        let (keys, fetched) = self.keys.as_ref()?;
        if now.since(*fetched) >= KEPT { None } else { keys.find(id, algorithm).cloned() }
    }

    /// Whether the issuer may be asked.
    fn may_ask(&self, now: Timestamp) -> bool {
        self.tried.is_none_or(|tried| now.since(tried) >= PAUSE)
    }
}

impl Issuer {
    /// Nothing is known yet. Fetching is done in `tasks`.
    pub(super) fn new(config: TokenConfig, fetch: Fetch, clock: Arc<dyn Clock>, tasks: Tasks) -> Self {
        let (known, turn) = (Mutex::default(), tokio::sync::Mutex::default());
        Self(Arc::new(Inner { config, fetch, clock, tasks, known, turn }))
    }

    pub(super) fn config(&self) -> &TokenConfig {
        &self.0.config
    }

    pub(super) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Asks the issuer for its keys.
    pub(super) async fn fetch_keys(&self) -> Result<KeySet, DiscoveryError> {
        self.0.fetch_keys().await
    }

    /// The key that a token names. Asks the issuer if it is not known; one that is known is given at once.
    ///
    /// # Errors
    /// If there is none, or that cannot be told.
    pub(super) async fn key(&self, id: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, Rejected> {
        let (now, known) = (self.now(), self.0.known().clone());
        let fetching = || {
            let inner = Arc::clone(&self.0);
            async move { inner.fetch_again(known.tried).await }
        };
        if let Some(key) = known.find(id, algorithm, now) {
            if known.age(now).is_some_and(|age| age >= FRESH) && known.may_ask(now) {
                self.0.tasks.spawn("issuer's keys", fetching());
            }
            return Ok(key);
        }
        // Comes to its end even if this caller goes away: others wait for it too.
        self.0.tasks.carry("issuer's keys", fetching()).await;
        let known = self.0.known().clone();
        match known.find(id, algorithm, self.now()) {
            Some(key) => Ok(key),
            None if known.failed => Err(Rejected::Unchecked),
            None => Err(Rejected::UnknownKey),
        }
    }
}

impl Inner {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the issuer, unless somebody has since the attempt at `seen`, or did a moment ago.
    async fn fetch_again(&self, seen: Option<Timestamp>) {
        let _turn = self.turn.lock().await;
        {
            let (now, mut known) = (self.clock.now(), self.known());
            if known.tried != seen || !known.may_ask(now) {
                return;
            }
            known.tried = Some(now);
        }
        let fetched = self.fetch_keys().await;
        let mut known = self.known();
        known.failed = fetched.is_err();
        match fetched {
            Ok(keys) => known.keys = Some((Arc::new(keys), self.clock.now())),
            Err(error) => tracing::warn!(issuer = self.config.issuer, %error, "an issuer's keys cannot be fetched"),
        }
    }

    async fn fetch_keys(&self) -> Result<KeySet, DiscoveryError> {
        let at = match &self.config.keys {
            Some(at) => at.clone(),
            None => AuthorizationServer::discover(&self.fetch, &self.config.issuer).await?.keys()?,
        };
        let document = self.fetch.get(&at).await?;
        KeySet::read(&document).ok_or_else(|| DiscoveryError::Malformed {
            about: self.config.issuer.clone(),
            problem: "its keys are no JWK Set".to_owned(),
        })
    }
}
