//! A plain HTTP client that keeps its connections and makes the same call again and again.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::measure::{Samples, micros};

/// What so many callers saw.
pub(crate) struct Seen {
    /// Microseconds from request to answer.
    pub(crate) latency: Samples,
    pub(crate) per_second: f64,
}

/// Has so many connections call at once, each as soon as it has its answer: first to warm up, then to be counted.
pub(crate) async fn drive(
    at: SocketAddr,
    tool: &str,
    callers: usize,
    warm: Duration,
    counted: Duration,
) -> Result<Seen> {
    drive_each(at, tool, callers, warm, counted, |_| 0).await
}

/// The same, each with the customer's number that it is given.
pub(crate) async fn drive_each(
    at: SocketAddr,
    tool: &str,
    callers: usize,
    warm: Duration,
    counted: Duration,
    customer: impl Fn(usize) -> usize,
) -> Result<Seen> {
    let begin = Instant::now() + warm;
    let end = begin + counted;
    let all = try_join_all((0..callers).map(customer).map(|customer| async move {
        let mut caller = Caller::connect(at, tool, &customer_of(customer)).await?;
        let mut latency = Samples::default();
        loop {
            let start = Instant::now();
            if start >= end {
                return anyhow::Ok(latency);
            }
            caller.call().await?;
            if start >= begin {
                latency.push(micros(start.elapsed()));
            }
        }
    }))
    .await?;
    let mut latency = Samples::default();
    all.into_iter().for_each(|one| latency.extend(one));
    let per_second = latency.len() as f64 / counted.as_secs_f64();
    Ok(Seen { latency, per_second })
}

/// Makes one call.
pub(crate) async fn once(at: SocketAddr, tool: &str) -> Result<()> {
    Caller::connect(at, tool, &customer_of(0)).await?.call().await
}

/// Arguments of 200 B.
fn customer_of(number: usize) -> Value {
    json!({"text": "x".repeat(174), "customer": format!("{number:02}")})
}

/// One connection.
pub(crate) struct Caller {
    socket: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Caller {
    /// A connection for calls of one tool: MCP 2026-07-28, where each request stands for itself.
    pub(crate) async fn connect(at: SocketAddr, tool: &str, arguments: &Value) -> Result<Self> {
        let body = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {
                "name": tool,
                "arguments": arguments,
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": {},
                    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
                },
            },
        })
        .to_string();
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: {at}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n\
             Mcp-Method: tools/call\r\nMcp-Name: {tool}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let socket = TcpStream::connect(at).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, request: request.into_bytes(), answer: Vec::with_capacity(4096) })
    }

    async fn call(&mut self) -> Result<()> {
        let answer = self.ask().await?;
        let fits = answer.starts_with("HTTP/1.1 200") && answer.contains("xxxxxxxx");
        ensure!(fits && !answer.contains("\"isError\":true"), "not what was asked for: {answer}");
        Ok(())
    }

    /// Makes the call, and returns the answer as it came.
    pub(crate) async fn ask(&mut self) -> Result<&str> {
        self.socket.write_all(&self.request).await?;
        self.answer.clear();
        loop {
            ensure!(self.socket.read_buf(&mut self.answer).await? > 0, "the server hung up");
            let text = std::str::from_utf8(&self.answer)?;
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
            });
            let whole = match length {
                Some(length) => body.len() >= length?,
                // A call that had to wait: its answer comes as the last event of a stream.
                None => body.ends_with("0\r\n\r\n"),
            };
            if whole {
                break;
            }
        }
        Ok(std::str::from_utf8(&self.answer)?)
    }
}
