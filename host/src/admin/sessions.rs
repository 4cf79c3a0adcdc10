//! Who is signed in: a random token in a cookie, for a while, in the memory of the process that serves the page.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};

use crate::{clock::Timestamp, secret::Secret};

/// Most people who are signed in at once; whoever was here last longest ago makes room.
const MOST: usize = 256;
/// Without a request, a session is over after this.
const IDLE: Duration = Duration::from_mins(30);
/// And at any rate after this.
const LONGEST: Duration = Duration::from_hours(12);
/// The cookie.
const NAME: &str = "interlock_admin";

/// Who has signed in, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// With the key of this id: who that is and which roles they have is looked up with every request.
    Key(String),
    /// By a link: they say who they are.
    Said {
        /// Their name.
        name: String,
        /// Their roles.
        roles: Vec<String>,
    },
}

/// One person who is signed in.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) who: Who,
    /// What the forms on their pages have in them, and no other page can know.
    pub(super) token: Secret,
    began: Timestamp,
    last: Timestamp,
}

/// All of them, by the digest of what is in their cookie.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<[u8; 32], Session>>);

impl Sessions {
    /// Begins a session, and returns the cookie.
    ///
    /// # Errors
    /// If the operating system has no random bytes.
    pub(super) fn open(&self, who: Who, now: Timestamp, secure: bool) -> Result<String, getrandom::Error> {
        let (cookie, token) = (Secret::random()?, Secret::random()?);
        let mut all = self.all();
        all.retain(|_, session| session.lives(now));
        if all.len() >= MOST
            && let Some(oldest) = all.iter().min_by_key(|(_, session)| session.last).map(|(key, _)| *key)
        {
            all.remove(&oldest);
        }
        all.insert(digest(cookie.expose()), Session { who, token, began: now, last: now });
        Ok(format!("{NAME}={}; {}", cookie.expose(), attributes(secure)))
    }

    /// The session of a request, which goes on by it.
    pub(super) fn of(&self, headers: &HeaderMap, now: Timestamp) -> Option<Session> {
        let key = digest(cookie(headers)?);
        let mut all = self.all();
        let session = all.get_mut(&key).filter(|session| session.lives(now))?;
        session.last = now;
        Some(session.clone())
    }

    /// Ends the session of a request, and returns the cookie that takes its cookie back.
    pub(super) fn close(&self, headers: &HeaderMap, secure: bool) -> String {
        if let Some(cookie) = cookie(headers) {
            self.all().remove(&digest(cookie));
        }
        format!("{NAME}=; Max-Age=0; {}", attributes(secure))
    }

    fn all(&self) -> MutexGuard<'_, HashMap<[u8; 32], Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn lives(&self, now: Timestamp) -> bool {
        now.since(self.last) < IDLE && now.since(self.began) < LONGEST
    }
}

fn attributes(secure: bool) -> &'static str {
    if secure { "Path=/; HttpOnly; SameSite=Strict; Secure" } else { "Path=/; HttpOnly; SameSite=Strict" }
}

/// What is in our cookie; of two, which another page on this machine may have set, none.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut ours =
        all.flat_map(|value| value.split(';')).filter_map(|one| one.trim().strip_prefix(NAME)?.strip_prefix('='));
    match (ours.next(), ours.next()) {
        (Some(one), None) => Some(one),
        (Some(_), Some(_)) | (None, _) => None,
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, cookie.parse().unwrap())])
    }

    fn said(name: &str) -> Who {
        Who::Said { name: name.to_owned(), roles: Vec::new() }
    }

    #[test]
    fn a_session_is_found_by_its_cookie_alone_and_until_it_is_over() {
        let (sessions, now) = (Sessions::default(), Timestamp(1_000_000));
        let set = sessions.open(said("ann"), now, false).unwrap();
        assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{set}");
        let cookie = set.split(';').next().unwrap();
        assert_eq!(sessions.of(&headers(cookie), now).unwrap().who, said("ann"));
        assert_eq!(sessions.of(&headers(&format!("a=b; {cookie}")), now).unwrap().who, said("ann"));
        for wrong in [format!("{cookie}0"), format!("{cookie}; {cookie}"), format!("{NAME}="), "a=b".to_owned()] {
            assert!(sessions.of(&headers(&wrong), now).is_none(), "{wrong}");
        }
        // It goes on with each request, and not for ever.
        let mut later = now;
        for _ in 0..24 {
            assert!(sessions.of(&headers(cookie), later).is_some(), "{}", later.0);
            later = later.plus(IDLE - Duration::from_millis(1));
        }
        assert!(sessions.of(&headers(cookie), now.plus(LONGEST)).is_none());
        let set = sessions.open(said("ann"), now, true).unwrap();
        assert!(set.ends_with("; Secure"), "{set}");
        assert!(sessions.of(&headers(set.split(';').next().unwrap()), now.plus(IDLE)).is_none());
    }

    #[test]
    fn there_are_not_more_sessions_than_there_is_room_for() {
        let sessions = Sessions::default();
        for at in 0..300 {
            sessions.open(said("ann"), Timestamp(at), false).unwrap();
        }
        assert_eq!(sessions.all().len(), MOST);
        assert_eq!(sessions.all().values().map(|session| session.last.0).min(), Some(300 - MOST as u64));
    }
}
