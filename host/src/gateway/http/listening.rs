//! Taking connections in: so many at a time, and none that is silent.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use futures::FutureExt;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;

use super::limit::Peer;
use crate::{gateway::Config, tasks::Tasks};

/// Most bytes of a request's head over HTTP/1; of what a client has sent and nobody has read yet.
const MOST_HEAD_BYTES: usize = 64 << 10;
/// Most bytes of a request's headers over HTTP/2.
const MOST_HEADERS_BYTES: u32 = 64 << 10;
/// Most requests at once on one connection of HTTP/2.
const MOST_STREAMS: u32 = 128;
/// After so much silence on a connection of HTTP/2 the other end is asked whether it is there still.
const PING: Duration = Duration::from_secs(30);
/// How long to wait where the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_secs(1);

/// Takes connections in until `connections` are told to stop; each is one of them.
pub(super) async fn listen(listener: TcpListener, router: Router, config: &Config, connections: &Tasks) {
    let room = Arc::new(Semaphore::new(config.most_connections));
    let stopping = connections.stopping();
    loop {
        // Who comes while there is no room waits where the system keeps them.
        let next = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (place, accept(&listener).await)
        };
        let Some((place, (socket, peer))) = stopping.run_until_cancelled(next).await else { return };
        let (router, head_wait, stopping) = (router.clone(), config.head_wait, stopping.clone());
        let executor = Executor(connections.clone());
        connections.spawn("http connection", async move {
            let _place = place;
            serve(socket, peer, router, head_wait, executor, stopping).await;
        });
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                tracing::error!(%error, "a connection could not be taken in");
                tokio::time::sleep(NO_ROOM).await;
            }
        }
    }
}

/// Whether somebody only went away before they were let in.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    [ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&error.kind())
}

/// Serves one connection to its end.
///
/// The head of a request, the first as well as each later one, has `head_wait` to come; then the connection is closed.
async fn serve(
    socket: TcpStream,
    peer: SocketAddr,
    router: Router,
    head_wait: Duration,
    executor: Executor,
    stopping: CancellationToken,
) {
    // An answer is written in one go, so waiting for more to send only costs time.
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "a socket cannot be set to send at once");
    }
    let spoken = CancellationToken::new();
    let (heard, peer) = (spoken.clone(), Peer::of(peer.ip()));
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        heard.cancel();
        request.extensions_mut().insert(peer);
        let mut router = router.clone();
        async move { tower::Service::call(&mut router, request.map(Body::new)).await }
    });
    let mut builder = Builder::new(executor);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_wait).max_buf_size(MOST_HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .max_header_list_size(MOST_HEADERS_BYTES)
        .max_concurrent_streams(MOST_STREAMS);
    let mut serving = std::pin::pin!(builder.serve_connection(TokioIo::new(socket), service));
    // Until it is known which HTTP the peer speaks, no timer of hyper's is running.
    let silent = async {
        if tokio::time::timeout(head_wait, spoken.cancelled()).await.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    let served = tokio::select! {
        served = serving.as_mut() => served,
        () = silent => Ok(()),
        () = stopping.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(error, "a connection broke off");
    }
}

/// Spawns what hyper does beside a connection, as tasks of its owner.
#[derive(Clone, Debug)]
struct Executor(Tasks);

impl<F: Future<Output: Send> + Send + 'static> hyper::rt::Executor<F> for Executor {
    fn execute(&self, work: F) {
        self.0.spawn("http stream", work.map(drop));
    }
}
