//! The door's stdio streams with nothing but JSON lines at the other end.

use interlock::gateway::serve_stdio;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf, split},
    task::JoinHandle,
};

use super::behind::House;

pub(super) struct Wire {
    write: WriteHalf<DuplexStream>,
    read: Lines<BufReader<ReadHalf<DuplexStream>>>,
    served: JoinHandle<Result<(), interlock::gateway::GatewayError>>,
}

impl Wire {
    pub(super) fn to(house: &House) -> Self {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (input, output) = split(theirs);
        let gateway = house.gateway.clone();
        let served = tokio::spawn(async move { serve_stdio(&gateway, input, output).await });
        let (read, write) = split(ours);
        Self { write, read: BufReader::new(read).lines(), served }
    }

    /// A wire on which `initialize` is done, with these capabilities.
    pub(super) async fn legacy(house: &House, capabilities: Value) -> Self {
        let mut wire = Self::to(house);
        let welcome = wire
            .ask(
                "initialize",
                json!({"protocolVersion": "2025-06-18", "capabilities": capabilities,
                "clientInfo": {"name": "raw", "version": "1"}}),
            )
            .await;
        assert_eq!(welcome["result"]["protocolVersion"], "2025-06-18");
        wire.tell("notifications/initialized", json!({})).await;
        wire
    }

    pub(super) async fn line(&mut self, line: impl AsRef<[u8]>) {
        self.write.write_all(line.as_ref()).await.unwrap();
        self.write.write_all(b"\n").await.unwrap();
    }

    pub(super) async fn send(&mut self, message: Value) {
        self.line(message.to_string()).await;
    }

    pub(super) async fn tell(&mut self, method: &str, params: Value) {
        self.send(json!({"jsonrpc": "2.0", "method": method, "params": params})).await;
    }

    pub(super) async fn request(&mut self, id: Value, method: &str, params: Value) {
        self.send(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
    }

    pub(super) async fn next(&mut self) -> Value {
        serde_json::from_str(&self.read.next_line().await.unwrap().expect("the door has hung up")).unwrap()
    }

    /// One request and the next message, which is taken to be its answer.
    pub(super) async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.request(json!("ask"), method, params).await;
        let answer = self.next().await;
        assert_eq!(answer["id"], "ask", "{answer}");
        answer
    }

    /// Hangs up, and returns everything that still comes.
    pub(super) async fn hang_up(mut self) -> Vec<Value> {
        self.write.shutdown().await.unwrap();
        let mut rest = Vec::new();
        while let Some(line) = self.read.next_line().await.unwrap() {
            rest.push(serde_json::from_str(&line).unwrap());
        }
        self.served.await.unwrap().unwrap();
        rest
    }
}

/// The parameters of a modern request: these, and what every one must say.
pub(super) fn modern(params: Value) -> Value {
    modern_as(params, json!({"elicitation": {}}))
}

pub(super) fn modern_as(mut params: Value, capabilities: Value) -> Value {
    let meta = params.as_object_mut().unwrap().entry("_meta").or_insert_with(|| json!({}));
    meta["io.modelcontextprotocol/protocolVersion"] = "2026-07-28".into();
    meta["io.modelcontextprotocol/clientCapabilities"] = capabilities;
    meta["io.modelcontextprotocol/clientInfo"] = json!({"name": "raw", "version": "1"});
    params
}
