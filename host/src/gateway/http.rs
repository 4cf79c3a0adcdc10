//! MCP over streamable HTTP, both eras on one endpoint: `/mcp`; and REST beside it, for programs that do not speak MCP.
//!
//! Since 2026-07-28 a request is a POST that stands for itself. Before, `initialize` opens a session, whose requests
//! are POSTs too, and whose GET is a stream of announcements.

mod auth;
mod body;
mod docs;
mod guard;
mod headers;
mod limit;
mod log;
mod openapi;
mod post;
mod problem;
mod questions;
mod reply;
mod rest;
mod scopes;
mod session;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header::ACCEPT},
    middleware,
    response::{IntoResponse, Response},
    routing,
};
use rmcp::transport::common::http_header::{EVENT_STREAM_MIME_TYPE, HEADER_LAST_EVENT_ID};
use tokio::net::TcpListener;

use super::{
    Authenticate, Desk, Gateway, GatewayError,
    resource::{Resource, WELL_KNOWN},
};
use crate::{
    call::Caller,
    listening::{Bounds, listen},
};

/// Where MCP is spoken.
const MCP: &str = "/mcp";

/// What the handlers share.
#[derive(Clone, Debug)]
struct Door {
    gateway: Gateway,
    sessions: Arc<session::Sessions>,
    desk: Arc<dyn Desk>,
    limits: Arc<limit::Limits>,
    bodies: body::Reader,
    /// Whether callers must be known.
    keys: bool,
}

impl Door {
    /// The caller: whom authentication, or a layer around this, has put into the request's extensions as a [`Caller`], or `local`.
    fn caller(&self, extensions: &axum::http::Extensions, client: Option<String>) -> Caller {
        match extensions.get::<Caller>() {
            Some(known) => Caller { client, ..known.clone() },
            None => self.gateway.inner.local(client),
        }
    }
}

/// The routes: `/mcp`, and REST. With `known`, only for callers whom it knows; without, everyone is `local`, unless a
/// layer around it puts a [`Caller`] into the extensions of each request. `desk` is where callers who are known answer
/// questions. Where [`Config::resource`](super::Config::resource) says that tokens are taken, clients find out here where to
/// get them.
pub fn router(gateway: &Gateway, known: Option<Arc<dyn Authenticate>>, desk: Arc<dyn Desk>) -> Router {
    let sessions = Arc::new(session::Sessions::new(gateway));
    let limits = Arc::new(limit::Limits::new(gateway.inner.config.rate));
    let bodies = body::Reader::new(&gateway.inner.config);
    let door = Door { gateway: gateway.clone(), sessions, desk, limits, bodies, keys: known.is_some() };
    let mut router = Router::new()
        .route(MCP, routing::post(post::post).get(get).delete(delete))
        .route("/mcp/tools", routing::get(rest::tools))
        .route("/tools/{*tool}", routing::post(rest::call))
        .route("/calls/{call}", routing::get(questions::call))
        .route("/approvals", routing::get(questions::list))
        .route("/approvals/{approval}", routing::get(questions::show))
        .route("/confirm/{approval}", routing::post(questions::confirm))
        .fallback(problem::nowhere)
        .method_not_allowed_fallback(problem::not_so)
        .layer(middleware::from_fn_with_state(door.clone(), limit::of_principal));
    let mut about = Router::new()
        .route("/openapi.json", routing::get(openapi::openapi).fallback(problem::not_so))
        .route("/docs", routing::get(docs::docs).fallback(problem::not_so));
    let resource = gateway.inner.config.resource.clone();
    if let Some(known) = known {
        if resource.as_ref().is_some_and(Resource::has_scopes) {
            router = router.layer(middleware::from_fn_with_state(door.clone(), scopes::check));
        }
        let entry = auth::Entry { known, resource: resource.clone() };
        router = router.layer(middleware::from_fn_with_state(entry.clone(), auth::authenticate));
        about = about.layer(middleware::from_fn_with_state(entry, auth::recognize));
    }
    if let Some(resource) = resource {
        let metadata = resource.metadata();
        let metadata = routing::get(async move || reply::json(StatusCode::OK, &metadata));
        // Whatever path a proxy before this door adds, the document is this one.
        about = about.route(WELL_KNOWN, metadata.clone()).route(&format!("{WELL_KNOWN}/{{*path}}"), metadata);
    }
    // For whoever watches over processes: says no more than that one is there.
    let health = routing::get(rest::health).fallback(problem::not_so);
    router
        .merge(about)
        .route("/health", health)
        .layer(middleware::from_fn_with_state(door.clone(), limit::of_peer))
        .layer(middleware::from_fn_with_state(door.clone(), guard::guard))
        .with_state(door)
}

/// Serves [`router`] on this socket until the gateway's tasks are told to stop.
///
/// Then nothing new is taken in, streams of announcements end, and open requests have
/// [`Config::grace`](super::Config::grace) to end; what then remains is called off.
///
/// # Errors
/// None so far: a socket that fails is tried again.
pub async fn serve_http(
    gateway: &Gateway,
    known: Option<Arc<dyn Authenticate>>,
    desk: Arc<dyn Desk>,
    listener: TcpListener,
) -> Result<(), GatewayError> {
    let config = &gateway.inner.config;
    let connections = gateway.inner.tasks.child();
    let bounds = Bounds { most_connections: config.most_connections, head_wait: config.head_wait };
    listen(listener, router(gateway, known, desk), bounds, &connections).await;
    connections.stop(config.grace).await;
    gateway.inner.cut.cancel();
    Ok(())
}

/// The announcements of a session, or the rest of a stream that broke off.
async fn get(State(door): State<Door>, request: Request) -> Response {
    if headers::is_modern(request.headers()) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    if !headers::lists(request.headers(), &ACCEPT, EVENT_STREAM_MIME_TYPE) {
        return (StatusCode::NOT_ACCEPTABLE, "The client must accept text/event-stream.").into_response();
    }
    let session = match door.session(request.headers(), request.extensions()).await {
        Ok(session) => session,
        Err(none) => return none.into_response(),
    };
    let closing = session.connection.closing.clone();
    let (log, after) = match request.headers().get(HEADER_LAST_EVENT_ID) {
        None => (Some(session.announcements()), None),
        Some(last) => session.after_event(last.to_str().unwrap_or_default()),
    };
    // A position that is not known any more gets a stream that ends at once: an error would have the client ask again
    // and again for what cannot be had.
    let events = log.map(|log| log.read(after));
    reply::stream(futures::StreamExt::take_until(
        futures::StreamExt::flatten(futures::stream::iter(events)),
        closing.cancelled_owned(),
    ))
}

/// Ends a session.
async fn delete(State(door): State<Door>, request: Request) -> Response {
    if headers::is_modern(request.headers()) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    match door.session(request.headers(), request.extensions()).await {
        Ok(session) => {
            door.sessions.close(&session).await;
            StatusCode::NO_CONTENT.into_response()
        }
        Err(none) => none.into_response(),
    }
}
