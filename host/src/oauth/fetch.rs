//! Small JSON documents over HTTP, read within bounds.

use std::{error::Error as _, time::Duration};

use futures::StreamExt;
use http::{StatusCode, header};
use reqwest::{RequestBuilder, redirect};
use serde_json::Value;
use url::form_urlencoded;

use super::Endpoint;
use crate::secret::Secret;

/// Largest document.
const MOST_BYTES: usize = 256 << 10;
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long everything may take.
const WHOLE: Duration = Duration::from_secs(10);

/// Why there is no document. Names hosts, and nothing of what was sent or came.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// There is no HTTP client.
    #[error("no HTTP client: {0}")]
    Client(String),
    /// Nobody answered, or not to the end.
    #[error("`{host}` cannot be reached: {reason}")]
    Unreachable {
        /// Whose host.
        host: String,
        /// Why not.
        reason: String,
    },
    /// The answer is another one than hoped for.
    #[error("`{host}` answered with HTTP status {status}")]
    Status {
        /// Whose host.
        host: String,
        /// The status.
        status: StatusCode,
    },
    /// The answer cannot be used.
    #[error("`{host}` answered with what is no JSON document of at most {} KiB", MOST_BYTES >> 10)]
    NotJson {
        /// Whose host.
        host: String,
    },
}

/// An answer with its document; null if it has none.
#[derive(Debug)]
pub struct Answered {
    /// Its status.
    pub status: StatusCode,
    /// What it holds.
    pub document: Value,
}

/// Gets and posts. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Fetch(reqwest::Client);

impl Fetch {
    /// A client that follows no redirects: where secrets and keys are is written down, not found out.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new() -> Result<Self, FetchError> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .redirect(redirect::Policy::none())
            .build();
        client.map(Self).map_err(|error| FetchError::Client(reason(&error)))
    }

    /// Gets a document.
    ///
    /// # Errors
    /// If there is none, or it is too large.
    pub async fn get(&self, from: &Endpoint) -> Result<Value, FetchError> {
        let Answered { status, document } = answer(self.0.get(from.url().clone()), from).await?;
        if status.is_success() { Ok(document) } else { Err(FetchError::Status { host: host(from), status }) }
    }

    /// Posts a form, if need be with a name and a secret (RFC 7617), and reads the answer, whatever its status.
    ///
    /// # Errors
    /// If there is no answer, or it is too large.
    pub async fn post(
        &self,
        to: &Endpoint,
        form: &[(&str, &str)],
        login: Option<(&str, &Secret)>,
    ) -> Result<Answered, FetchError> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut request = self.0.post(to.url().clone()).body(body);
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some((name, secret)) = login {
            request = request.basic_auth(name, Some(secret.expose()));
        }
        answer(request, to).await
    }
}

async fn answer(request: RequestBuilder, from: &Endpoint) -> Result<Answered, FetchError> {
    let away = |error: reqwest::Error| FetchError::Unreachable { host: host(from), reason: reason(&error) };
    let response = request.header(header::ACCEPT, "application/json").send().await.map_err(away)?;
    let status = response.status();
    let (mut bytes, mut chunks) = (Vec::new(), response.bytes_stream());
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk.map_err(away)?);
        if bytes.len() > MOST_BYTES {
            return Err(FetchError::NotJson { host: host(from) });
        }
    }
    match serde_json::from_slice(&bytes) {
        Ok(document) => Ok(Answered { status, document }),
        Err(_) if !status.is_success() => Ok(Answered { status, document: Value::Null }),
        Err(_) => Err(FetchError::NotJson { host: host(from) }),
    }
}

fn host(endpoint: &Endpoint) -> String {
    endpoint.url().host_str().unwrap_or_default().to_owned()
}

/// The innermost cause: reqwest's own words name the whole address.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let mut cause = error.source();
    while let Some(next) = cause.and_then(std::error::Error::source) {
        cause = Some(next);
    }
    cause.map_or_else(|| "the request failed".to_owned(), ToString::to_string)
}
