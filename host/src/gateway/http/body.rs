//! Bodies of requests, read to their end: of bounded size, in bounded time.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::Response,
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde_json::{Map, Value};

use super::problem::problem;
use crate::gateway::unambiguous::Unambiguous;

/// Why a body could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is larger than what is taken in.
    TooLarge,
    /// It did not come to its end in time.
    Late,
    /// The connection broke, or it was malformed.
    Broken,
}

impl Unread {
    /// The status that says so, and a sentence.
    pub(super) fn told(self) -> (StatusCode, &'static str) {
        match self {
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large."),
            Self::Late => (StatusCode::REQUEST_TIMEOUT, "The body did not come to its end in time."),
            Self::Broken => (StatusCode::BAD_REQUEST, "The body broke off."),
        }
    }
}

/// Reads a body of at most so many bytes.
///
/// # Errors
/// If there are more, or it takes longer than `patience`.
pub(super) async fn read(body: Body, most: usize, patience: Duration) -> Result<Bytes, Unread> {
    let reading = async {
        let (mut chunks, mut whole) = (body.into_data_stream(), BytesMut::new());
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| Unread::Broken)?;
            if whole.len().saturating_add(chunk.len()) > most {
                return Err(Unread::TooLarge);
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    };
    tokio::time::timeout(patience, reading).await.unwrap_or(Err(Unread::Late))
}

/// Reads a body that is a JSON object; none is an empty one.
///
/// # Errors
/// The response that says what is wrong with it.
pub(super) async fn object(
    headers: &HeaderMap,
    body: Body,
    most: usize,
    patience: Duration,
) -> Result<Map<String, Value>, Box<Response>> {
    let wrong = |status, detail: &str| Box::new(problem(status, detail, Map::new()));
    let body = read(body, most, patience).await.map_err(|unread| {
        let (status, detail) = unread.told();
        wrong(status, detail)
    })?;
    if !is_json(headers) {
        return Err(wrong(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is JSON: `Content-Type: application/json`."));
    }
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(&body) {
        Ok(Unambiguous(Value::Object(object))) => Ok(object),
        Ok(Unambiguous(_)) => Err(wrong(StatusCode::BAD_REQUEST, "The body is not a JSON object.")),
        Err(error) => Err(wrong(StatusCode::BAD_REQUEST, &format!("The body cannot be read: {error}."))),
    }
}

/// Whether a body claims to be JSON, or nothing at all.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(said) = headers.get(CONTENT_TYPE) else { return true };
    let essence = said.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    essence == "application/json" || essence.starts_with("application/") && essence.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_and_no_further() {
        let parts = |sizes: &[usize]| {
            let chunks: Vec<_> = sizes.iter().map(|size| Ok::<_, std::io::Error>(vec![b'x'; *size])).collect();
            Body::from_stream(stream::iter(chunks))
        };
        assert_eq!(read(parts(&[4, 4]), 8, LONG).await.map(|read| read.len()), Ok(8));
        assert_eq!(read(parts(&[4, 5]), 8, LONG).await, Err(Unread::TooLarge));
        let broken = stream::iter([Ok(vec![b'x']), Err(std::io::Error::other("gone"))]);
        assert_eq!(read(Body::from_stream(broken), 8, LONG).await, Err(Unread::Broken));
    }

    #[tokio::test]
    async fn a_body_that_does_not_end_is_not_waited_for() {
        let endless = stream::iter([Ok::<_, std::io::Error>(vec![b'x'])]).chain(stream::pending());
        assert_eq!(read(Body::from_stream(endless), 8, Duration::from_millis(1)).await, Err(Unread::Late));
    }

    #[test]
    fn only_what_claims_to_be_json_is_read_as_json() {
        let json = |said: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, said.parse().unwrap());
            is_json(&headers)
        };
        assert!(is_json(&HeaderMap::new()) && json("application/json; charset=utf-8") && json("Application/X+JSON"));
        assert!(!json("text/plain") && !json("application/x-www-form-urlencoded") && !json("application/jsonp"));
    }
}
