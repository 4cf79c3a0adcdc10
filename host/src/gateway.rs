//! The door for AI apps: MCP over stdio and streamable HTTP. It can call; it cannot grant, approve or configure.
//!
//! One core (`answer`) takes requests and gives answers as JSON, so that fields unknown here survive in both
//! directions; two transports (`stdio`, `http`) stand before it. Both eras of MCP are spoken on either.

mod answer;
mod authenticate;
mod behind;
mod client;
mod connection;
mod desk;
#[cfg(feature = "fuzzing")]
pub mod fuzz;
mod http;
mod input;
mod line;
mod message;
mod offer;
mod params;
mod relay;
mod resource;
mod stdio;
mod subscriptions;
mod unambiguous;

use std::{
    num::{NonZeroU32, NonZeroUsize},
    sync::Arc,
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use authenticate::{Authenticate, Credential, Granted, Known, Unauthenticated};
pub use behind::{Announcement, Behind, Offered};
pub use desk::{Answered, AskedCall, BatchName, CallStatus, Desk, DeskError, Question, Reply};
pub use http::{router, serve_http};
pub use resource::{Resource, ScopeRule};
pub use stdio::serve_stdio;

use crate::{call::Caller, clock::Clock, tasks::Tasks};

/// How the door is run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Roles of a caller who has not been authenticated: over stdio, and over HTTP without an authentication layer.
    pub roles: Vec<String>,
    /// How long a call waits for the client to come back with the input that it was asked for.
    pub input_wait: Duration,
    /// Most calls that wait so.
    pub most_waiting: NonZeroUsize,
    /// Most requests that are open at once, all clients together.
    pub most_open: usize,
    /// Largest message of a client, in bytes.
    pub most_bytes: usize,
    /// How long open requests may take to end when the door is shut, or a client on stdio hangs up.
    pub grace: Duration,
    /// Signs what clients are given to come back with; at least 32 bytes.
    pub key: Vec<u8>,
    /// How long an idle session of HTTP before 2026-07-28 is kept. One with a request open is not idle.
    pub session_kept: Duration,
    /// Most such sessions; the one idle for longest makes room.
    pub most_sessions: usize,
    /// Hosts by which this server may be called, as in the HTTP `Host` header, with or without a port.
    pub hosts: Vec<String>,
    /// Web origins that may call it: scheme, host, and a port or `:*`.
    pub origins: Vec<String>,
    /// Where to get the tokens that are taken over HTTP, and what they have to be for; none: no tokens are taken.
    pub resource: Option<Resource>,
    /// How many requests each peer, and each principal, may make over HTTP.
    pub rate: Rate,
    /// Most connections over HTTP at once. Whoever comes then waits.
    pub most_connections: usize,
    /// How long the head of a request over HTTP may take to come; so long a connection is kept on which none does.
    pub head_wait: Duration,
    /// How long its body may take.
    pub body_wait: Duration,
    /// Most bytes of bodies over HTTP that are held at once, of all together. Who comes then is told to come again.
    pub most_read_bytes: usize,
    /// Where people answer questions, if there is a page for it: an approval's id comes after it.
    pub approvals_page: Option<String>,
}

/// How often somebody may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In the long run, each second.
    pub per_second: NonZeroU32,
    /// At once, after a while of silence.
    pub burst: NonZeroU32,
}

impl Default for Rate {
    /// More than any app needs, and less than what would keep everybody else from being served.
    fn default() -> Self {
        const PER_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(4999);
        Self { per_second: PER_SECOND, burst: PER_SECOND.saturating_add(5000) }
    }
}

impl Default for Config {
    /// Loopback only, half an hour of patience, and a key that lives as long as the process.
    fn default() -> Self {
        let loopback = ["localhost", "127.0.0.1", "[::1]"];
        Self {
            roles: Vec::new(),
            input_wait: Duration::from_mins(30),
            most_waiting: NonZeroUsize::MIN.saturating_add(255),
            most_open: 1024,
            most_bytes: 4 << 20,
            grace: Duration::from_secs(2),
            key: random_key(),
            session_kept: Duration::from_hours(12),
            most_sessions: 1024,
            hosts: loopback.map(str::to_owned).to_vec(),
            origins: loopback.map(|host| format!("http://{host}:*")).to_vec(),
            resource: None,
            rate: Rate::default(),
            // Most systems let a process have 1024 files open.
            most_connections: 512,
            head_wait: Duration::from_secs(30),
            body_wait: Duration::from_secs(60),
            most_read_bytes: 256 << 20,
            approvals_page: None,
        }
    }
}

/// 32 bytes from the operating system's random source: two UUIDs of version 4 have 244 random bits.
fn random_key() -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(Uuid::new_v4().as_bytes());
    hash.update(Uuid::new_v4().as_bytes());
    hash.finalize().to_vec()
}

/// Why the door cannot be opened, or had to be shut.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The signing key is too short.
    #[error("the key that signs clients' state is unfit")]
    Key(#[source] rmcp::model::RequestStateError),
    /// A stream or socket failed.
    #[error("the connection to the AI app failed")]
    Io(#[from] std::io::Error),
}

/// The AI's door. Clones share everything.
#[derive(Clone, Debug)]
pub struct Gateway {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: Config,
    behind: Arc<dyn Behind>,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    waiting: input::Waiting,
    /// Room for open requests.
    room: Arc<Semaphore>,
    /// Cancelled when grace is over: everything still open is called off.
    cut: CancellationToken,
}

impl Gateway {
    /// A door before `behind`. Its tasks are spawned in `tasks`, and it shuts when those are told to stop.
    ///
    /// # Errors
    /// If the key is too short.
    pub fn new(
        config: Config,
        behind: Arc<dyn Behind>,
        clock: Arc<dyn Clock>,
        tasks: Tasks,
    ) -> Result<Self, GatewayError> {
        let waiting =
            input::Waiting::new(&config.key, config.most_waiting, config.input_wait).map_err(GatewayError::Key)?;
        let room = Arc::new(Semaphore::new(config.most_open));
        let cut = CancellationToken::new();
        let inner = Inner { config, behind, clock, tasks, waiting, room, cut };
        Ok(Self { inner: Arc::new(inner) })
    }
}

impl Inner {
    /// The caller whom nobody has authenticated.
    fn local(&self, client: Option<String>) -> Caller {
        Caller { principal: "local".to_owned(), roles: self.config.roles.clone(), client }
    }
}
