//! MCP over streamable HTTP: the requests themselves, under rmcp's transport. For the keeper.
//!
//! rmcp's worker keeps the session, resumes broken streams, derives the headers and, after a 404 for the session, which
//! says that nothing was run, initialises again and repeats the request once. Below it, here, lies what it asks of an
//! HTTP client, written over reqwest so that the switchboard sees every JSON text, and the stream it came on, first.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use http::{HeaderName, HeaderValue, StatusCode, header};
use reqwest::{Response, redirect};
use rmcp::{
    model::{ClientJsonRpcMessage, ClientRequest, ErrorData, JsonRpcMessage, ServerJsonRpcMessage},
    transport::{
        StreamableHttpClientTransport,
        common::client_side_sse::{BoxedSseResponse, ExponentialBackoff},
        streamable_http_client::{
            AuthRequiredError, StreamableHttpClient, StreamableHttpClientTransportConfig, StreamableHttpError,
            StreamableHttpPostResponse,
        },
    },
};
use serde_json::Value;
use sse_stream::SseStream;
use tracing::warn;

use super::{
    login::{Login, LoginError},
    outlet::{Outlet, PostTarget},
    salvage::Salvage,
    switchboard::{CalledOff, Switchboard},
};
use crate::secret::Secret;

/// Largest message, in bytes.
const MAX_MESSAGE: usize = 16 << 20;

/// What went wrong with one HTTP request.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error(transparent)]
    CalledOff(#[from] CalledOff),
    #[error("{}", root(.0))]
    Request(#[from] reqwest::Error),
    #[error("the answer is larger than {MAX_MESSAGE} bytes")]
    TooLarge,
    #[error("HTTP status {0}")]
    Status(StatusCode),
    #[error(transparent)]
    Login(#[from] LoginError),
    #[error("the server does not take the access token that was given for it")]
    NotTaken,
    #[error("the access token lacks a scope: `{0}`")]
    Scope(String),
}

/// The innermost cause: reqwest's own words name the URL, which may hold a secret.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    if cause.is::<reqwest::Error>() { "the request failed".to_owned() } else { cause.to_string() }
}

pub(super) type Failure = StreamableHttpError<HttpError>;

/// Why a server's address cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum AddressError {
    #[error("`{0}` is not a header")]
    Header(String),
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// The HTTP client below rmcp's worker. Clones share everything.
#[derive(Clone)]
pub(super) struct Tapped {
    http: reqwest::Client,
    pub(super) board: Arc<Switchboard>,
    /// Where and how requests go that stand for themselves.
    pub(super) base: Arc<PostTarget>,
    /// Where and how the last request went: the current session.
    latest: Arc<ArcSwapOption<PostTarget>>,
    /// Which of our requests a resumable stream belongs to, by the id of its last event.
    streams: Arc<std::sync::Mutex<lru::LruCache<String, String>>>,
    /// The tokens to show, if the server wants any.
    pub(super) login: Option<Arc<Login>>,
}

impl Tapped {
    /// The way out beside rmcp; none before the first request.
    pub(super) fn outlet(&self) -> Option<Outlet> {
        self.latest.load_full().map(Outlet::Post)
    }

    /// An HTTP client without proxy and without a limit on how long an answer may take, and rmcp's transport over it.
    ///
    /// # Errors
    /// If a header is not one.
    pub(super) fn connect(
        url: &str,
        headers: &[(String, Secret)],
        login: Option<Arc<Login>>,
        board: Arc<Switchboard>,
    ) -> Result<(Self, StreamableHttpClientTransport<Self>), AddressError> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .tcp_nodelay(true)
            .tcp_keepalive(Duration::from_secs(30))
            .connect_timeout(Duration::from_secs(10))
            .redirect(redirect::Policy::custom(same_origin))
            .build()?;
        let mut custom = HashMap::new();
        for (name, value) in headers {
            let not_a_header = || AddressError::Header(name.clone());
            let mut value = HeaderValue::from_str(value.expose()).map_err(|_| not_a_header())?;
            value.set_sensitive(true);
            custom.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| not_a_header())?, value);
        }
        let streams = lru::LruCache::new(std::num::NonZeroUsize::MIN.saturating_add(1023));
        let base = PostTarget {
            http: http.clone(),
            uri: url.into(),
            headers: custom.clone(),
            session: None,
            login: login.clone(),
        };
        let (base, streams) = (Arc::new(base), Arc::new(streams.into()));
        let tapped = Self { http, board, base, latest: Arc::default(), streams, login };
        let mut retry = ExponentialBackoff::default();
        retry.base_duration = Duration::from_millis(500);
        retry.max_delay = Some(Duration::from_secs(15));
        retry.max_times = Some(8);
        let mut config = StreamableHttpClientTransportConfig::with_uri(url)
            .custom_headers(custom)
            .max_sse_event_size(MAX_MESSAGE)
            .max_concurrent_requests(1024);
        config.retry_config = Arc::new(retry);
        Ok((tapped.clone(), StreamableHttpClientTransport::with_client(tapped, config)))
    }

    fn target(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Arc<PostTarget> {
        Arc::new(PostTarget { http: self.http.clone(), uri, headers, session, login: self.login.clone() })
    }

    /// An event stream whose data went through the switchboard, and holds what rmcp is to see.
    pub(super) fn events(&self, response: Response, origin: Option<String>, outlet: Outlet) -> BoxedSseResponse {
        // Counts what came since the last whole event.
        let pending = Arc::new(AtomicUsize::new(0));
        let counted = pending.clone();
        let bytes = response.bytes_stream().map(move |chunk| -> Result<Bytes, HttpError> {
            let chunk = chunk?;
            if counted.fetch_add(chunk.len(), Ordering::Relaxed) > MAX_MESSAGE {
                return Err(HttpError::TooLarge);
            }
            Ok(chunk)
        });
        let (board, streams) = (self.board.clone(), self.streams.clone());
        SseStream::from_bytes_stream(bytes)
            .and_then(move |mut event| {
                pending.store(0, Ordering::Relaxed);
                if let (Some(id), Some(origin)) = (&event.id, &origin) {
                    let mut streams = streams.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    streams.put(id.clone(), origin.clone());
                }
                let (board, origin, outlet) = (board.clone(), origin.clone(), outlet.clone());
                async move {
                    let is_message = matches!(event.event.as_deref(), None | Some("" | "message"));
                    // What has no data only says where to go on.
                    if let Some(data) = event.data.as_deref().filter(|data| is_message && !data.is_empty()) {
                        let seen = match serde_json::from_str(data) {
                            Ok(message) => board.incoming(message, origin.as_deref(), &outlet).await,
                            Err(error) => {
                                warn!(bytes = data.len(), %error, "a server sent something that is no message");
                                let what = Salvage::of(data.as_bytes());
                                board.unreadable(what, &error.to_string(), origin.as_deref(), &outlet).await
                            }
                        };
                        event.data = seen.map(|message| message.to_string());
                    }
                    Ok(event)
                }
            })
            .boxed()
    }
}

/// Follows what keeps method and body (307, 308) on the same origin, where our headers may go.
fn same_origin(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let home = attempt.previous().first().map(reqwest::Url::origin);
    let keeps_method = matches!(attempt.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    if keeps_method && home == Some(attempt.url().origin()) && attempt.previous().len() <= 5 {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

/// Reads a body that must not be larger than a message may be.
pub(super) async fn body(response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        body.extend_from_slice(&chunk.map_err(|error| Failure::Client(error.into()))?);
        if body.len() > MAX_MESSAGE {
            return Err(Failure::Client(HttpError::TooLarge));
        }
    }
    Ok(body)
}

pub(super) fn is_type(response: &Response, mime: &str) -> bool {
    let found = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    found.get(..mime.len()).is_some_and(|start| start.eq_ignore_ascii_case(mime.as_bytes()))
}

/// The challenge of a refusal to let us in.
fn challenge(response: &Response) -> Failure {
    let challenge = response.headers().get(header::WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
    Failure::AuthRequired(AuthRequiredError::new(challenge.unwrap_or("no challenge").to_owned()))
}

impl StreamableHttpClient for Tapped {
    type Error = HttpError;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _auth: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        self.logged_in().await?;
        let (json, exchange) = self.board.outgoing(&message).map_err(|error| Failure::Client(error.into()))?;
        let in_session = session.is_some();
        let target = self.target(uri, session, headers);
        self.latest.store(Some(target.clone()));
        let response = self.send(target.request(&json), exchange.as_deref()).await?;
        let status = response.status();
        if status.is_client_error()
            && let Some(exchange) = &exchange
        {
            // The server refused the request as such, so it did not run it. A JSON-RPC error in the body comes below.
            exchange.not_taken();
        }
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(challenge(&response));
        }
        if status == StatusCode::NOT_FOUND && in_session {
            return Err(Failure::SessionExpired);
        }
        let session = response.headers().get("mcp-session-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let origin = json.get("id").filter(|_| json.get("method").is_some()).map(Value::to_string);
        let is_request = origin.is_some();
        let outlet = Outlet::Post(match &session {
            Some(new) if !in_session => {
                let session = Some(new.as_str().into());
                self.target(target.uri.clone(), session, target.headers.clone())
            }
            _ => target,
        });
        if !is_request && status.is_success() {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if status.is_success() && is_type(&response, "text/event-stream") {
            return Ok(StreamableHttpPostResponse::Sse(self.events(response, origin, outlet), session));
        }
        if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if is_type(&response, "application/json")
            && let Ok(mut answer) = serde_json::from_slice::<Value>(&body(response).await?)
            && (status.is_success() || answer.get("error").is_some())
        {
            if let (Some(answer), Some(id)) = (answer.as_object_mut(), json.get("id")) {
                // Servers that could not read a request leave its id out, but it can only be this one.
                answer.insert("id".to_owned(), id.clone());
            }
            let seen = self.board.incoming(answer, origin.as_deref(), &outlet).await.unwrap_or_default();
            return Ok(StreamableHttpPostResponse::Json(serde_json::from_value(seen)?, session));
        }
        legacy_discover(&message, status, in_session).ok_or(Failure::Client(HttpError::Status(status)))
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        _auth: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxedSseResponse, Failure> {
        let target = self.target(uri, session, headers);
        let mut request = target.with_headers(self.http.get(&*target.uri)).header(header::ACCEPT, "text/event-stream");
        let mut origin = None;
        if let Some(last) = last_event {
            let mut streams = self.streams.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            origin = streams.get(&last).cloned();
            request = request.header("last-event-id", last);
        }
        let response = self.send(request, None).await?;
        match response.status() {
            StatusCode::METHOD_NOT_ALLOWED => Err(Failure::ServerDoesNotSupportSse),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(challenge(&response)),
            status if !status.is_success() => Err(Failure::Client(HttpError::Status(status))),
            _ if is_type(&response, "text/event-stream") => Ok(self.events(response, origin, Outlet::Post(target))),
            _ => Err(Failure::UnexpectedContentType(None)),
        }
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        _auth: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Failure> {
        let target = self.target(uri, Some(session), headers);
        let response = self.send(target.with_headers(self.http.delete(&*target.uri)), None).await?;
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            return Err(Failure::ServerDoesNotSupportDeleteSession);
        }
        Ok(())
    }
}

/// How a server from before `server/discover` says no to it: any 4xx, with whatever body. As an error that rmcp takes
/// for the sign to fall back to `initialize`.
fn legacy_discover(
    message: &ClientJsonRpcMessage,
    status: StatusCode,
    in_session: bool,
) -> Option<StreamableHttpPostResponse> {
    let JsonRpcMessage::Request(request) = message else { return None };
    if in_session || !status.is_client_error() || !matches!(request.request, ClientRequest::DiscoverRequest(_)) {
        return None;
    }
    let error = ErrorData::invalid_request(format!("server/discover was answered with HTTP status {status}"), None);
    let message = ServerJsonRpcMessage::error(error, Some(request.id.clone()));
    Some(StreamableHttpPostResponse::Json(message, None))
}
