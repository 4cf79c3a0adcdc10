//! Sessions of HTTP before 2026-07-28: each bound to the principal that opened it, with its streams.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use axum::http::{Extensions, HeaderMap, StatusCode};
use rmcp::transport::common::http_header::HEADER_SESSION_ID;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{Door, log::Log};
use crate::{
    clock::Timestamp,
    downstream::RpcError,
    gateway::{
        Gateway, Inner,
        client::Facts,
        connection::Connection,
        line::CAPACITY,
        message::{BUSY, rpc},
    },
};

/// Most ended streams of a session that are kept to be read on from: those that were given out to their end, whose
/// reader may not have got all of it, and those that were not.
const MOST_ENDED: [(bool, usize); 2] = [(true, 16), (false, 256)];

/// The response to a request that belongs to no session.
type NoSession = (StatusCode, &'static str);

/// All sessions.
#[derive(Debug)]
pub(super) struct Sessions {
    inner: Arc<Inner>,
    held: Mutex<HashMap<String, Arc<Session>>>,
}

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) connection: Arc<Connection>,
    principal: String,
    last_used: AtomicU64,
    announcing: AtomicBool,
    announcements: Arc<Log>,
    streams: Mutex<Streams>,
}

#[derive(Debug, Default)]
struct Streams {
    last: u64,
    logs: BTreeMap<u64, Arc<Log>>,
}

impl Sessions {
    /// None yet.
    pub(super) fn new(gateway: &Gateway) -> Self {
        Self { inner: Arc::clone(&gateway.inner), held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a session for this principal, with what its `initialize` said.
    ///
    /// # Errors
    /// If there are too many, and none of them is idle, or it cannot be remembered.
    pub(super) async fn open(&self, principal: &str, facts: Facts) -> Result<Arc<Session>, RpcError> {
        let (id, client) = (Uuid::new_v4().to_string(), serde_json::to_value(&facts).unwrap_or_default());
        let session = self.hold(id, principal, facts)?;
        self.inner.behind.session_opened(&session.connection.session, principal, client).await?;
        Ok(session)
    }

    fn hold(&self, id: String, principal: &str, facts: Facts) -> Result<Arc<Session>, RpcError> {
        let Inner { config, clock, tasks, cut, .. } = &*self.inner;
        let now = clock.now();
        let mut held = self.held();
        if let Some(session) = held.get(&id) {
            return Ok(Arc::clone(session));
        }
        let old = |session: &Session| now.since(session.last_used()) >= config.session_kept && session.is_idle();
        held.retain(|_, session| !old(session) || session.shut());
        if held.len() >= config.most_sessions {
            let idle = held.values().filter(|session| session.is_idle()).min_by_key(|session| session.last_used());
            let Some(idle) = idle.cloned() else { return Err(rpc(BUSY, "too many sessions are open")) };
            idle.shut();
            held.remove(&idle.connection.session);
        }
        let connection = Connection::new(id.clone(), &tasks.stopping(), cut);
        connection.introduce(facts);
        let session = Arc::new(Session {
            connection,
            principal: principal.to_owned(),
            last_used: AtomicU64::new(now.0),
            announcing: AtomicBool::new(false),
            announcements: Log::new(0),
            streams: Mutex::default(),
        });
        held.insert(id, Arc::clone(&session));
        Ok(session)
    }

    /// The session with this id, if this principal opened it: in this process, or in another, or before a restart. What was
    /// open in it there is not open here.
    ///
    /// # Errors
    /// If it is not at hand and cannot be looked up, or there are too many.
    pub(super) async fn find(&self, id: &str, principal: &str) -> Result<Option<Arc<Session>>, RpcError> {
        let held = self.held().get(id).cloned();
        if let Some(session) = held {
            session.last_used.store(self.inner.clock.now().0, Ordering::Relaxed);
            return Ok((session.principal == principal).then_some(session));
        }
        let Some(client) = self.inner.behind.session_taken_up(id, principal).await? else { return Ok(None) };
        let Ok(facts) = serde_json::from_value(client) else { return Ok(None) };
        let session = self.hold(id.to_owned(), principal, facts)?;
        // Its client has said already that it is ready.
        session.announce(&self.inner);
        Ok(Some(session))
    }

    /// Ends a session: everything open in it is called off.
    pub(super) async fn close(&self, session: &Session) {
        session.shut();
        self.held().remove(&session.connection.session);
        self.inner.behind.session_ended(&session.connection.session, &session.principal).await;
    }
}

impl Session {
    fn last_used(&self) -> Timestamp {
        Timestamp(self.last_used.load(Ordering::Relaxed))
    }

    fn is_idle(&self) -> bool {
        self.connection.is_idle()
    }

    /// Ends what is going on in it. Always false: it is not to be kept.
    fn shut(&self) -> bool {
        self.connection.closing.cancel();
        self.connection.over.cancel();
        false
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A stream for one request.
    pub(super) fn new_stream(&self) -> Arc<Log> {
        let mut streams = self.streams();
        for (was_read, most) in MOST_ENDED {
            let of_this_kind = |log: &Log| log.has_ended() && log.was_read() == was_read;
            let ended: Vec<u64> =
                streams.logs.iter().filter(|(_, log)| of_this_kind(log)).map(|(stream, _)| *stream).collect();
            for stream in ended.iter().rev().skip(most) {
                streams.logs.remove(stream);
            }
        }
        streams.last += 1;
        let log = Log::new(streams.last);
        streams.logs.insert(log.stream, Arc::clone(&log));
        log
    }

    /// Forgets a stream that no client has an event id of.
    pub(super) fn forget(&self, log: &Log) {
        self.streams().logs.remove(&log.stream);
    }

    /// The stream of what belongs to no request.
    pub(super) fn announcements(&self) -> Arc<Log> {
        Arc::clone(&self.announcements)
    }

    /// The stream, and the place in it, that an event id names.
    pub(super) fn after_event(&self, id: &str) -> (Option<Arc<Log>>, Option<u64>) {
        let place = id.split_once('-').and_then(|(stream, number)| Some((stream.parse().ok()?, number.parse().ok()?)));
        match place {
            Some((0, number)) => (Some(self.announcements()), Some(number)),
            Some((stream, number)) => (self.streams().logs.get(&stream).cloned(), Some(number)),
            None => (None, None),
        }
    }

    /// Begins to announce, the first time that it is called.
    pub(super) fn announce(&self, inner: &Arc<Inner>) {
        if self.announcing.swap(true, Ordering::Relaxed) {
            return;
        }
        let (out, mut outgoing) = mpsc::channel(CAPACITY);
        let log = self.announcements();
        let announcing = Arc::clone(inner).announce(Arc::clone(&self.connection), out, false);
        inner.tasks.spawn("http announcer", async move {
            let keeping = async {
                while let Some(message) = outgoing.recv().await {
                    log.push(message);
                }
            };
            tokio::join!(announcing, keeping);
            log.end();
        });
    }
}

impl Door {
    /// The session that a request belongs to, or the response that says so.
    ///
    /// Another principal's session is as unknown as one that never was.
    pub(super) async fn session(
        &self,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Result<Arc<Session>, NoSession> {
        let Some(id) = headers.get(HEADER_SESSION_ID) else {
            return Err((StatusCode::BAD_REQUEST, "The Mcp-Session-Id header is missing."));
        };
        let caller = self.caller(extensions, None);
        let none = (StatusCode::NOT_FOUND, "There is no such session.");
        match self.sessions.find(id.to_str().map_err(|_| none)?, &caller.principal).await {
            Ok(found) => found.ok_or(none),
            Err(_) => Err((StatusCode::SERVICE_UNAVAILABLE, "Sessions cannot be looked up at the moment.")),
        }
    }
}
