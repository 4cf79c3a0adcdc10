//! Each odd request: what the server gets of it behind Interlock is what it would get without it.

use super::{
    intended,
    json::Json,
    odd::{Odd, Way},
    peer::{Era, Peer, Request},
};

/// The corpus: a list of requests to something that answers with what it received.
const REQUESTS: &str = include_str!("requests.json");

/// Sends every request through one door, and returns what arrived otherwise than it should.
async fn compare(server: &Odd, through: &mut Peer, client: Era) -> Vec<String> {
    let mut wrong = Vec::new();
    for case in Json::read(REQUESTS).items() {
        let request = Request {
            method: case.get("method").unwrap().text().to_owned(),
            params: case.get("params").unwrap().clone(),
        };
        let expected = intended::received(request.sent(client), (client, server.era));
        let answer = through.ask(&intended::request(&request)).await;
        let received = answer.get("result").and_then(|result| result.get("received"));
        let got = received.map(|received| intended::received(received.clone(), (client, server.era)));
        if got.as_ref() != Some(&expected) {
            let odd = case.get("odd").unwrap().text();
            let difference = expected.difference(&got.unwrap_or(answer));
            wrong.push(format!("{odd} ({client:?} client)\n{difference}"));
        }
    }
    wrong
}

/// Everything that is asked of one kind of server, through both doors by clients of both eras.
async fn arrives_unharmed(way: Way, era: Era) {
    let server = Odd::start(way, era).await;
    let house = server.house();
    let door = house.open().await;
    let mut wrong = Vec::new();
    for client in Era::BOTH {
        let mut stdio = Peer::start(house.interlock(&["serve"]), client).await;
        wrong.extend(compare(&server, &mut stdio, client).await);
        stdio.close().await;
        let mut http = Peer::reach(&door.url, client).await;
        wrong.extend(compare(&server, &mut http, client).await);
        http.close().await;
    }
    door.close().await;
    house.assert_whole().await;
    assert!(wrong.is_empty(), "{} requests were harmed:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn what_is_asked_of_a_server_on_stdio_arrives_unharmed() {
    arrives_unharmed(Way::Stdio, Era::Legacy).await;
    arrives_unharmed(Way::Stdio, Era::Modern).await;
}

#[tokio::test]
async fn what_is_asked_of_a_server_on_http_arrives_unharmed() {
    arrives_unharmed(Way::Http, Era::Legacy).await;
    arrives_unharmed(Way::Http, Era::Modern).await;
}

/// What a modern client comes back with reaches the server, with the server's own state, byte for byte.
#[tokio::test]
async fn what_a_client_answers_to_a_question_that_nobody_knows_arrives_unharmed() {
    for way in Way::BOTH {
        let server = Odd::start(way, Era::Modern).await;
        let house = server.house();
        let door = house.open().await;
        let stdio = Peer::start(house.interlock(&["serve"]), Era::Modern).await;
        for mut peer in [stdio, Peer::reach(&door.url, Era::Modern).await] {
            let mut request = Request::new("tools/call", r#"{"name":"odd__asking","arguments":{"z":1e30,"a":null}}"#);
            let asked = peer.ask(&request).await;
            let state = asked.get("result").unwrap().get("requestState").unwrap().clone();
            let responses = Json::read(
                r#"{"odd":{"action":"beam","z":[18446744073709551615,null],"a":{"":"𝔘\u0000"}},"":null,"unasked":-0.0}"#,
            );
            request.params.put("requestState", state);
            request.params.put("inputResponses", responses.clone());
            let answer = peer.ask(&request).await;
            let received = answer.get("result").and_then(|result| result.get("received"));
            let received = received.unwrap_or_else(|| panic!("{answer}"));
            assert_eq!(received.get("inputResponses"), Some(&responses));
            assert_eq!(received.get("requestState"), Some(&"opaque \u{2603} \0\n\u{1d11e}".into()));
            peer.close().await;
        }
        door.close().await;
    }
}
