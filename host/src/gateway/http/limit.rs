//! The cheap guard: how many requests one peer, and one principal, may make, before anything that costs is done for
//! them. Exact limits, across processes, are for policies.

use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    middleware::Next,
    response::Response,
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use lru::LruCache;
use serde_json::{Map, Value, json};

use super::{Door, problem::later, reply};
use crate::{
    call::Caller,
    downstream::RpcError,
    gateway::{
        Rate,
        message::{self, BUSY},
    },
};

/// Most peers, and most principals, whose requests are counted. Whoever was silent for longest is forgotten first, and
/// then begins anew.
const MOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Peer(IpAddr);

impl Peer {
    /// Of IPv6, the network: one machine has as many addresses there as it likes.
    fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// Who has made how many requests.
#[derive(Debug)]
pub(super) struct Limits {
    peers: Counted<Peer>,
    principals: Counted<String>,
}

impl Limits {
    /// Nobody has made any.
    pub(super) fn new(rate: Rate) -> Self {
        Self { peers: Counted::new(rate, MonotonicClock), principals: Counted::new(rate, MonotonicClock) }
    }
}

type Direct<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

#[derive(Debug)]
struct Counted<K: Hash + Eq, C: Clock = MonotonicClock> {
    quota: Quota,
    clock: C,
    held: Mutex<LruCache<K, Arc<Direct<C>>>>,
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> Counted<K, C> {
    fn new(rate: Rate, clock: C) -> Self {
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        Self { quota, clock, held: Mutex::new(LruCache::new(MOST)) }
    }

    /// Counts one request; if it is one too many, how long to wait for the next.
    fn take(&self, who: &K) -> Result<(), Duration> {
        let limiter = {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(RateLimiter::direct_with_clock(self.quota, self.clock.clone()));
            Arc::clone(held.get_or_insert_ref(who, new))
        };
        limiter.check().map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

/// Counts a request for the machine that it comes from.
pub(super) async fn of_peer(State(door): State<Door>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| Peer::of(peer.ip()));
    let taken = peer.map_or(Ok(()), |peer| door.limits.peers.take(&peer));
    pass(taken, request, next).await
}

/// Counts a request for the principal whose it is.
pub(super) async fn of_principal(State(door): State<Door>, request: Request, next: Next) -> Response {
    let known = request.extensions().get::<Caller>();
    let taken = known.map_or(Ok(()), |caller| door.limits.principals.take(&caller.principal));
    pass(taken, request, next).await
}

async fn pass(taken: Result<(), Duration>, request: Request, next: Next) -> Response {
    match taken {
        Ok(()) => next.run(request).await,
        Err(wait) => too_many(request.uri().path() == super::MCP, wait),
    }
}

/// The response to whoever asks too often, in the words of the protocol they speak.
fn too_many(is_mcp: bool, wait: Duration) -> Response {
    const DETAIL: &str = "Too many requests. Wait before the next one.";
    let seconds = wait.as_secs().saturating_add(1);
    if !is_mcp {
        return later(StatusCode::TOO_MANY_REQUESTS, DETAIL, seconds, Map::new());
    }
    let error =
        RpcError { code: BUSY, message: DETAIL.to_owned(), data: Some(json!({ "retryAfterSeconds": seconds })) };
    let mut response = reply::json(StatusCode::TOO_MANY_REQUESTS, &message::error(&Value::Null, error));
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn counted(per_second: u32, burst: u32) -> (Counted<u32, FakeRelativeClock>, FakeRelativeClock) {
        let number = |number| NonZeroU32::new(number).unwrap();
        let clock = FakeRelativeClock::default();
        (Counted::new(Rate { per_second: number(per_second), burst: number(burst) }, clock.clone()), clock)
    }

    #[test]
    fn each_may_ask_so_often_and_no_oftener_and_is_told_how_long_to_wait() {
        let (counted, clock) = counted(1, 2);
        assert_eq!([counted.take(&1), counted.take(&1)], [Ok(()), Ok(())]);
        assert_eq!(counted.take(&1), Err(Duration::from_secs(1)));
        assert_eq!(counted.take(&2), Ok(()), "another is another");
        clock.advance(Duration::from_secs(1));
        assert_eq!(counted.take(&1), Ok(()));
        assert!(counted.take(&1).is_err());
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let (counted, _) = counted(1, 1);
        for who in 0..2 * u32::try_from(MOST.get()).unwrap() {
            assert_eq!(counted.take(&who), Ok(()));
        }
        assert_eq!(counted.held.lock().unwrap().len(), MOST.get());
    }

    #[test]
    fn one_machine_is_one_peer_however_many_addresses_it_has() {
        let peer = |text: &str| Peer::of(text.parse().unwrap());
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:0:2"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
        assert_ne!(peer("192.0.2.1"), peer("192.0.2.2"));
    }
}
