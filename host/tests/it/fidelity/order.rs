//! What servers tell during calls reaches their clients in the order of the wire, and before the answers.

use futures::future::join_all;
use serde_json::json;

use super::{
    json::Json,
    odd::{Odd, Way},
    peer::{Era, Peer, Request},
};

const CALLS: usize = 200;
const STEPS: usize = 50;
const AT_ONCE: usize = 10;

/// What a client is told of one call: the place of its kind, and the step.
#[derive(Debug, PartialEq)]
enum Told {
    Progress(usize),
    Log(usize),
    Answer,
}

fn number(json: Option<&Json>) -> usize {
    json.unwrap().to_string().parse().unwrap()
}

fn request(call: usize, logs: bool) -> Request {
    let arguments = json!({"call": call, "steps": STEPS, "logs": logs});
    let params = json!({"name": "odd__steps", "arguments": arguments, "_meta": {"progressToken": call}});
    Request::new("tools/call", &params.to_string())
}

/// The call that a message is about, and what it tells.
fn told(message: &Json) -> (usize, Told) {
    let params = message.get("params");
    match message.get("method").map(Json::text) {
        Some("notifications/progress") => {
            let params = params.unwrap();
            (number(params.get("progressToken")), Told::Progress(number(params.get("progress"))))
        }
        Some("notifications/message") => {
            let data = params.unwrap().get("data").unwrap();
            (number(data.get("call")), Told::Log(number(data.get("step"))))
        }
        Some(_) => panic!("{message}"),
        None => (number(message.get("result").unwrap_or_else(|| panic!("{message}")).get("call")), Told::Answer),
    }
}

/// Everything that is to be told of a call.
fn expected(logs: bool) -> Vec<Told> {
    let steps = (1..=STEPS).flat_map(|step| [Some(Told::Progress(step)), logs.then_some(Told::Log(step))]);
    steps.flatten().chain([Told::Answer]).collect()
}

/// Makes these calls, so many at once, and checks what each is told, on its own stream where there is one.
async fn in_order(through: &mut Peer, calls: usize, logs: bool, at_once: usize) {
    let requests: Vec<_> = (0..calls).map(|call| request(call, logs)).collect();
    let mut all: Vec<Vec<Told>> = (0..calls).map(|_| Vec::new()).collect();
    for (stream, message) in through.ask_all(&requests, at_once).await {
        let (call, what) = told(&message);
        assert!(stream.is_none_or(|stream| stream == call), "on the stream of call {stream:?}: {message}");
        all[call].push(what);
    }
    for (call, told) in all.iter().enumerate() {
        assert_eq!(*told, expected(logs), "call {call}");
    }
}

/// From one kind of server, through both doors, to clients of both eras.
async fn arrives_in_order(way: Way, era: Era) {
    let server = Odd::start(way, era).await;
    let house = server.house();
    let door = house.open().await;
    for client in Era::BOTH {
        let stdio = Peer::start(house.interlock(&["serve"]), client).await;
        for mut peer in [stdio, Peer::reach(&door.url, client).await] {
            // On stdio a server does not say which of several calls it logs for.
            in_order(&mut peer, CALLS, way == Way::Http, AT_ONCE).await;
            in_order(&mut peer, 5, true, 1).await;
            peer.close().await;
        }
    }
    door.close().await;
}

#[tokio::test]
async fn what_a_legacy_server_on_stdio_tells_arrives_in_order() {
    arrives_in_order(Way::Stdio, Era::Legacy).await;
}

#[tokio::test]
async fn what_a_modern_server_on_stdio_tells_arrives_in_order() {
    arrives_in_order(Way::Stdio, Era::Modern).await;
}

#[tokio::test]
async fn what_a_legacy_server_on_http_tells_arrives_in_order() {
    arrives_in_order(Way::Http, Era::Legacy).await;
}

#[tokio::test]
async fn what_a_modern_server_on_http_tells_arrives_in_order() {
    arrives_in_order(Way::Http, Era::Modern).await;
}

/// A client of the older era whose connection breaks off again and again, each time at another place.
#[tokio::test]
async fn a_client_that_comes_back_misses_nothing_and_hears_nothing_twice() {
    let server = Odd::start(Way::Http, Era::Legacy).await;
    let house = server.house();
    let door = house.open().await;
    let peer = Peer::reach(&door.url, Era::Legacy).await;
    let calls = (0..20).map(|call| {
        let peer = &peer;
        async move {
            let said = peer.ask_in_pieces(call, &request(call, true), call + 1).await;
            let told: Vec<_> = said.iter().map(told).collect();
            let expected: Vec<_> = expected(true).into_iter().map(|told| (call, told)).collect();
            assert_eq!(told, expected);
        }
    });
    join_all(calls).await;
    peer.close().await;
    door.close().await;
}
