//! Bodies of requests, read to their end: of bounded size, in bounded time, and all together in bounded memory.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::Response,
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde_json::{Map, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::{later, problem};
use crate::gateway::{Config, unambiguous::Unambiguous};

/// What a place in memory has room for.
const PLACE_BYTES: usize = 1024;

/// How bodies are read. Clones share the memory.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    most: usize,
    patience: Duration,
    places: Arc<Semaphore>,
}

/// A body, and its place in memory: give it back when what was made of it is no longer needed.
#[derive(Debug)]
pub(super) struct Whole<T> {
    pub(super) body: T,
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// Why a body could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is larger than what is taken in.
    TooLarge,
    /// It did not come to its end in time.
    Late,
    /// The connection broke, or it was malformed.
    Broken,
    /// Too much is being read for others.
    NoRoom,
}

impl Unread {
    /// The status that says so, and a sentence.
    pub(super) fn told(self) -> (StatusCode, &'static str) {
        match self {
            Self::NoRoom => (StatusCode::SERVICE_UNAVAILABLE, "Too much is being read at the moment."),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large."),
            Self::Late => (StatusCode::REQUEST_TIMEOUT, "The body did not come to its end in time."),
            Self::Broken => (StatusCode::BAD_REQUEST, "The body broke off."),
        }
    }
}

impl Reader {
    /// Reads as the door is told to.
    pub(super) fn new(config: &Config) -> Self {
        let places = Arc::new(Semaphore::new(config.most_read_bytes / PLACE_BYTES));
        Self { most: config.most_bytes, patience: config.body_wait, places }
    }

    /// The same for bodies of at most so many bytes.
    pub(super) fn at_most(&self, most: usize) -> Self {
        Self { most: most.min(self.most), ..self.clone() }
    }

    /// Reads a body to its end.
    ///
    /// # Errors
    /// If it is too large, or takes too long, or there is no room.
    pub(super) async fn read(&self, body: Body) -> Result<Whole<Bytes>, Unread> {
        tokio::time::timeout(self.patience, self.collect(body)).await.unwrap_or(Err(Unread::Late))
    }

    async fn collect(&self, body: Body) -> Result<Whole<Bytes>, Unread> {
        let (mut chunks, mut whole) = (body.into_data_stream(), BytesMut::new());
        let mut place: Option<OwnedSemaphorePermit> = None;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| Unread::Broken)?;
            let size = whole.len().saturating_add(chunk.len());
            if size > self.most {
                return Err(Unread::TooLarge);
            }
            let held = place.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
            let more = size.div_ceil(PLACE_BYTES).saturating_sub(held);
            let more = u32::try_from(more).map_err(|_| Unread::TooLarge)?;
            let more = Arc::clone(&self.places).try_acquire_many_owned(more).map_err(|_| Unread::NoRoom)?;
            match &mut place {
                Some(place) => place.merge(more),
                None => place = Some(more),
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(Whole { body: whole.freeze(), place })
    }

    /// Reads a body that is a JSON object; none is an empty one.
    ///
    /// # Errors
    /// The response that says what is wrong with it.
    pub(super) async fn object(
        &self,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Whole<Map<String, Value>>, Box<Response>> {
        let wrong = |status, detail: &str| Box::new(problem(status, detail, Map::new()));
        let Whole { body, place } = self.read(body).await.map_err(|unread| match unread.told() {
            (status @ StatusCode::SERVICE_UNAVAILABLE, detail) => Box::new(later(status, detail, 1, Map::new())),
            (status, detail) => wrong(status, detail),
        })?;
        if !is_json(headers) {
            let detail = "The body is JSON: `Content-Type: application/json`.";
            return Err(wrong(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        if body.is_empty() {
            return Ok(Whole { body: Map::new(), place });
        }
        match serde_json::from_slice(&body) {
            Ok(Unambiguous(Value::Object(object))) => Ok(Whole { body: object, place }),
            Ok(Unambiguous(_)) => Err(wrong(StatusCode::BAD_REQUEST, "The body is not a JSON object.")),
            Err(error) => Err(wrong(StatusCode::BAD_REQUEST, &format!("The body cannot be read: {error}."))),
        }
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

    fn reader(most_bytes: usize, most_read_bytes: usize, body_wait: Duration) -> Reader {
        Reader::new(&Config { most_bytes, most_read_bytes, body_wait, ..Config::default() })
    }

    fn parts(sizes: &[usize]) -> Body {
        let chunks: Vec<_> = sizes.iter().map(|size| Ok::<_, std::io::Error>(vec![b'x'; *size])).collect();
        Body::from_stream(stream::iter(chunks))
    }

    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_and_no_further() {
        let reader = reader(8, 1 << 20, LONG);
        assert_eq!(reader.read(parts(&[4, 4])).await.unwrap().body.len(), 8);
        assert_eq!(reader.read(parts(&[4, 5])).await.unwrap_err(), Unread::TooLarge);
        let broken = stream::iter([Ok(vec![b'x']), Err(std::io::Error::other("gone"))]);
        assert_eq!(reader.read(Body::from_stream(broken)).await.unwrap_err(), Unread::Broken);
    }

    #[tokio::test]
    async fn a_body_that_does_not_end_is_not_waited_for() {
        let endless = stream::iter([Ok::<_, std::io::Error>(vec![b'x'])]).chain(stream::pending());
        let reader = reader(8, 1 << 20, Duration::from_millis(1));
        assert_eq!(reader.read(Body::from_stream(endless)).await.unwrap_err(), Unread::Late);
    }

    #[tokio::test]
    async fn no_more_is_held_for_all_together_than_there_is_room_for() {
        let reader = reader(1 << 20, 4 * PLACE_BYTES, LONG);
        let held = reader.read(parts(&[1, 1, 3 * PLACE_BYTES - 2])).await.unwrap();
        assert_eq!(reader.read(parts(&[PLACE_BYTES, 1])).await.unwrap_err(), Unread::NoRoom);
        assert_eq!(reader.read(parts(&[PLACE_BYTES])).await.unwrap().body.len(), PLACE_BYTES);
        drop(held);
        assert!(reader.read(parts(&[4 * PLACE_BYTES])).await.is_ok());
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
