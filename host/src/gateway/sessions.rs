//! The current session of each principal, for clients whose protocol knows no sessions.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lru::LruCache;
use uuid::Uuid;

use crate::clock::{Clock, Timestamp};

/// Most principals whose current session is remembered; the one longest without a call is forgotten first.
const MOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);

/// Which session each principal is in.
#[derive(Debug)]
pub(super) struct CurrentSessions {
    idle: Duration,
    clock: Arc<dyn Clock>,
    held: Mutex<LruCache<String, (String, Timestamp)>>,
}

impl CurrentSessions {
    /// Nobody is in a session; one ends after `idle` without a call.
    pub(super) fn new(idle: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { idle, clock, held: Mutex::new(LruCache::new(MOST)) }
    }

    /// The session that a call of this principal, made now, belongs to.
    pub(super) fn of(&self, principal: &str) -> String {
        let now = self.clock.now();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((session, last)) = held.get_mut(principal)
            && now.since(*last) < self.idle
        {
            *last = now;
            return session.clone();
        }
        let session = Uuid::now_v7().to_string();
        held.put(principal.to_owned(), (session.clone(), now));
        session
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn a_session_lasts_as_long_as_calls_come_and_is_nobody_elses() {
        let clock = Arc::new(ManualClock::new(Timestamp(0)));
        let minute = Duration::from_mins(1);
        let sessions = CurrentSessions::new(minute * 30, Arc::clone(&clock) as Arc<dyn Clock>);
        let first = sessions.of("alice");
        assert_ne!(sessions.of("bob"), first);
        clock.advance(minute * 29);
        assert_eq!(sessions.of("alice"), first);
        clock.advance(minute * 29);
        assert_eq!(sessions.of("alice"), first);
        clock.advance(minute * 30);
        assert_ne!(sessions.of("alice"), first);
    }
}
