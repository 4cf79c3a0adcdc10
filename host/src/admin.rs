//! The door for people: pages on a listener of its own, where questions are looked at and answered. They work without scripts.
//!
//! Whoever comes in has shown an API key, or, where none are asked for, a link that works once and that only whoever can read
//! this machine's files or terminal could have. Nothing of it can be reached by the AI's door.

mod answer;
mod delegations;
mod enter;
mod form;
mod guard;
mod links;
mod page;
mod questions;
mod sessions;

use std::{sync::Arc, time::Duration};

use axum::{Router, middleware, routing};
use tokio::{net::TcpListener, sync::Semaphore};

pub use links::{LinkError, Links};

use crate::{
    approvals::Approvals,
    identity::Keys,
    listening::{Bounds, listen},
    tasks::Tasks,
};

/// Most requests that are served at once.
const MOST_OPEN: usize = 64;
/// How long open requests may take to end when the door is shut.
const GRACE: Duration = Duration::from_secs(2);

/// How the door is run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Hosts by which it may be called, as in the HTTP `Host` header.
    pub hosts: Vec<String>,
    /// The origins of its own pages.
    pub origins: Vec<String>,
    /// Whether people reach it by https, so that browsers may send cookies by that alone.
    pub secure: bool,
    /// How many may be at it at once, and how long they may be silent.
    pub bounds: Bounds,
}

/// The door for people. Clones share everything.
#[derive(Clone, Debug)]
pub struct Admin(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    approvals: Approvals,
    /// None: people come in by links.
    keys: Option<Keys>,
    links: Links,
    sessions: sessions::Sessions,
    room: Semaphore,
}

impl Admin {
    /// A door to these questions; for those who have one of these keys, if there are keys.
    pub fn new(config: Config, approvals: Approvals, keys: Option<Keys>) -> Self {
        let links = Links::new(approvals.journal().clone());
        let (sessions, room) = (sessions::Sessions::default(), Semaphore::new(MOST_OPEN));
        Self(Arc::new(Inner { config, approvals, keys, links, sessions, room }))
    }

    /// The routes.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/", routing::get(questions::home))
            .route("/approvals", routing::get(questions::list))
            .route("/approvals/{id}", routing::get(questions::one).post(answer::answer))
            .route("/delegations", routing::get(delegations::list).post(delegations::delegate))
            .route("/delegations/{id}/end", routing::post(delegations::end))
            .route("/sign-in", routing::get(enter::sign_in).post(enter::by_key))
            .route("/enter", routing::get(enter::link).post(enter::by_link))
            .route("/sign-out", routing::post(enter::sign_out))
            .route("/style.css", routing::get(page::style))
            .fallback(page::nothing)
            .layer(middleware::from_fn_with_state(self.clone(), guard::guard))
            .with_state(self.clone())
    }
}

/// Serves the door on this socket until `tasks` are told to stop; what is open then has a moment to end.
pub async fn serve(admin: &Admin, listener: TcpListener, tasks: &Tasks) {
    let Config { bounds, .. } = admin.0.config;
    let connections = tasks.child();
    listen(listener, admin.router(), bounds, &connections).await;
    connections.stop(GRACE).await;
}
