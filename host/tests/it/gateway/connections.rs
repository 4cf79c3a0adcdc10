//! What one client can take up of the door over HTTP: connections, and time.

use std::time::Duration;

use interlock::gateway::Config;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::http::Served;

/// Everything that comes until the other end hangs up.
async fn rest(socket: &mut TcpStream) -> String {
    let mut all = Vec::new();
    // A reset is an end as well. Without limits of ours, hyper's own of 30 s would end it.
    let ended = tokio::time::timeout(Duration::from_secs(20), socket.read_to_end(&mut all)).await;
    drop(ended.expect("it does not end"));
    String::from_utf8_lossy(&all).into_owned()
}

async fn connect(served: &Served) -> TcpStream {
    TcpStream::connect(served.url.trim_start_matches("http://").trim_end_matches("/mcp")).await.unwrap()
}

/// A door that is not patient.
async fn impatient() -> Served {
    let wait = Duration::from_millis(200);
    Served::with(Config { head_wait: wait, body_wait: wait, ..Default::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_on_which_no_request_comes_to_its_end_is_closed() {
    let served = impatient().await;
    let whole = "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    // Nothing at all; what may be the beginning of HTTP/2; half a head; and a whole request before the silence.
    for said in ["", "PRI * HTTP", "GET /health HTTP/1.1\r\nhost: local", whole] {
        let mut socket = connect(&served).await;
        socket.write_all(said.as_bytes()).await.unwrap();
        let answer = rest(&mut socket).await;
        assert_eq!(answer.starts_with("HTTP/1.1 200"), said == whole, "{said:?}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_come_is_answered_all_the_same() {
    let served = impatient().await;
    for path in ["/tools/echo", "/confirm/x", "/mcp"] {
        let mut socket = connect(&served).await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\ncontent-length: 10\r\n\r\n{{"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let answer = rest(&mut socket).await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{path}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_without_end_is_refused() {
    let served = Served::new().await;
    let mut socket = connect(&served).await;
    let head = format!("GET /health HTTP/1.1\r\nhost: localhost\r\nx: {}", "x".repeat(1 << 20));
    drop(socket.write_all(head.as_bytes()).await);
    let answer = rest(&mut socket).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_connections_are_served_at_once_than_there_is_room_for() {
    let served = Served::with(Config { most_connections: 1, ..Default::default() }).await;
    let ask = "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let (mut first, mut second) = (connect(&served).await, connect(&served).await);
    first.write_all(ask.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    first.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    second.write_all(ask.as_bytes()).await.unwrap();
    // The first still has its place, so nothing can have been said to the second.
    assert!(futures::poll!(std::pin::pin!(second.readable())).is_pending());
    drop(first);
    second.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}
