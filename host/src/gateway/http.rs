//! MCP over streamable HTTP, both eras on one endpoint: `/mcp`.
//!
//! Since 2026-07-28 a request is a POST that stands for itself. Before, `initialize` opens a session, whose requests
//! are POSTs too, and whose GET is a stream of announcements.

mod auth;
mod guard;
mod headers;
mod log;
mod post;
mod problem;
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
    serve::ListenerExt,
};
use rmcp::transport::common::http_header::{EVENT_STREAM_MIME_TYPE, HEADER_LAST_EVENT_ID};
use tokio::net::TcpListener;

use super::{
    Authenticate, Gateway, GatewayError,
    resource::{Resource, WELL_KNOWN},
};
use crate::call::Caller;

/// What the handlers share.
#[derive(Clone, Debug)]
struct Door {
    gateway: Gateway,
    sessions: Arc<session::Sessions>,
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

/// The routes: `/mcp`, and for programs that do not speak MCP `/mcp/tools`, `/tools/…` and `/health`. With `known`, only for
/// callers whom it knows; without, everyone is `local`, unless a layer around it puts a [`Caller`] into the extensions of
/// each request. Where [`Config::resource`](super::Config::resource) says that tokens are taken, clients find out here
/// where to get them.
pub fn router(gateway: &Gateway, known: Option<Arc<dyn Authenticate>>) -> Router {
    let door = Door { gateway: gateway.clone(), sessions: Arc::new(session::Sessions::new(gateway)) };
    let mut router = Router::new()
        .route("/mcp", routing::post(post::post).get(get).delete(delete))
        .route("/mcp/tools", routing::get(rest::tools))
        .route("/tools/{*tool}", routing::post(rest::call));
    let resource = gateway.inner.config.resource.clone();
    if let Some(known) = known {
        if resource.as_ref().is_some_and(Resource::has_scopes) {
            router = router.layer(middleware::from_fn_with_state(door.clone(), scopes::check));
        }
        let entry = auth::Entry { known, resource: resource.clone() };
        router = router.layer(middleware::from_fn_with_state(entry, auth::authenticate));
    }
    if let Some(resource) = resource {
        let metadata = resource.metadata();
        let metadata = routing::get(async move || reply::json(StatusCode::OK, &metadata));
        // Whatever path a proxy before this door adds, the document is this one.
        router = router.route(WELL_KNOWN, metadata.clone()).route(&format!("{WELL_KNOWN}/{{*path}}"), metadata);
    }
    // For whoever watches over processes: says no more than that one is there.
    router
        .route("/health", routing::get(rest::health))
        .layer(middleware::from_fn_with_state(door.clone(), guard::guard))
        .with_state(door)
}

/// Serves [`router`] on this socket until the gateway's tasks are told to stop.
///
/// Then nothing new is taken in, streams of announcements end, and open requests have
/// [`Config::grace`](super::Config::grace) to end; what then remains is called off.
///
/// # Errors
/// If the socket fails.
pub async fn serve_http(
    gateway: &Gateway,
    known: Option<Arc<dyn Authenticate>>,
    listener: TcpListener,
) -> Result<(), GatewayError> {
    let listener = listener.tap_io(|socket| {
        // An answer is written in one go, so waiting for more to send only costs time.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a socket cannot be set to send at once");
        }
    });
    let stopping = gateway.inner.tasks.stopping();
    let served =
        axum::serve(listener, router(gateway, known)).with_graceful_shutdown(stopping.clone().cancelled_owned());
    let too_late = async {
        stopping.cancelled().await;
        tokio::time::sleep(gateway.inner.config.grace).await;
    };
    let ended = tokio::select! {
        ended = served.into_future() => ended,
        () = too_late => Ok(()),
    };
    gateway.inner.cut.cancel();
    Ok(ended?)
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
