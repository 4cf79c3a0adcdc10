//! Taking connections in: so many at a time, and none that is silent. HTTP/1 alone: without TLS hardly anybody speaks
//! HTTP/2, whose connections can be kept busy with nothing.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;

use crate::tasks::Tasks;

/// Most bytes of a request's head; of what a client has sent and nobody has read yet.
const MOST_HEAD_BYTES: usize = 64 << 10;
/// How long to wait where the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_secs(1);

/// How much of it there may be.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most connections at once.
    pub most_connections: usize,
    /// How long the head of a request may take to come, the first of a connection as well as each later one.
    pub head_wait: Duration,
}

/// Takes connections in until `connections` are told to stop; each is one of them. Requests know whom they come from by
/// `ConnectInfo<SocketAddr>` in their extensions.
pub async fn listen(listener: TcpListener, router: Router, bounds: Bounds, connections: &Tasks) {
    let Bounds { most_connections, head_wait } = bounds;
    let room = Arc::new(Semaphore::new(most_connections));
    let stopping = connections.stopping();
    loop {
        // Who comes while there is no room waits where the system keeps them.
        let next = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (place, accept(&listener).await)
        };
        let Some((place, (socket, peer))) = stopping.run_until_cancelled(next).await else { return };
        let (router, stopping) = (router.clone(), stopping.clone());
        connections.spawn("http connection", async move {
            let _place = place;
            serve(socket, peer, router, head_wait, stopping).await;
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

/// Serves one connection to its end, or until the head of a request has not come for `head_wait`.
async fn serve(socket: TcpStream, peer: SocketAddr, router: Router, head_wait: Duration, stopping: CancellationToken) {
    // An answer is written in one go, so waiting for more to send only costs time.
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "a socket cannot be set to send at once");
    }
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let mut router = router.clone();
        async move { tower::Service::call(&mut router, request.map(Body::new)).await }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(head_wait).max_buf_size(MOST_HEAD_BYTES);
    let mut serving = std::pin::pin!(builder.serve_connection(TokioIo::new(socket), service));
    let served = tokio::select! {
        served = serving.as_mut() => served,
        () = stopping.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection broke off");
    }
}
