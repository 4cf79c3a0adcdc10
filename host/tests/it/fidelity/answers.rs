//! Each case of the corpus: asked of the server itself, and behind Interlock; the answers are the same.

use std::path::Path;

use serde_json::json;

use super::{
    intended,
    json::Json,
    odd::{CASES, Odd, Way},
    peer::{Era, Peer, Request},
};

/// One case.
struct Case {
    name: String,
    request: Request,
    /// Exists in the newer era only, towards servers and clients.
    modern: bool,
}

fn cases() -> Vec<Case> {
    let mut files: Vec<_> = std::fs::read_dir(CASES).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| case(file)).collect()
}

fn case(file: &Path) -> Case {
    let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut case = Json::read(&std::fs::read_to_string(file).unwrap());
    let modern = case.get("era") == Some(&"modern".into());
    let request = match case.take("ask") {
        Some(mut ask) => {
            Request { method: ask.get("method").unwrap().text().to_owned(), params: ask.take("params").unwrap() }
        }
        None => Request::new("tools/call", &json!({"name": name, "arguments": {}}).to_string()),
    };
    Case { name, request, modern }
}

/// Asks every case through one door, and returns what came otherwise than it should.
async fn compare(server: &Odd, through: &mut Peer, client: Era) -> Vec<String> {
    let mut direct = server.directly().await;
    // One tool must be called before another.
    through.ask(&Request::new("tools/call", r#"{"name":"odd__mirror"}"#)).await;
    let mut cases = cases();
    cases.retain(|case| !case.modern || (server.era, client) == (Era::Modern, Era::Modern));
    let list = Request::new("tools/list", "{}");
    cases.push(Case { name: "the list of tools".to_owned(), request: list, modern: false });
    let mut wrong = Vec::new();
    let (mut said, told) = (direct.welcome().await, through.welcome().await);
    let capabilities = intended::capabilities(said.take("capabilities").unwrap());
    if told.get("capabilities") != Some(&capabilities) || told.get("instructions") != said.get("instructions") {
        wrong.push(format!("what the server says of itself ({client:?} client)\n{}", said.difference(&told)));
    }
    for Case { name, request, .. } in cases {
        let expected = intended::answer(&request.method, direct.ask(&request).await, client);
        let got = intended::unsealed(through.ask(&intended::request(&request)).await);
        if got != expected {
            wrong.push(format!("{name} ({client:?} client)\n{}", expected.difference(&got)));
        }
    }
    direct.close().await;
    wrong
}

/// Everything, from one kind of server, through both doors to clients of both eras.
async fn passes_unharmed(way: Way, era: Era) {
    let server = Odd::start(way, era).await;
    let house = server.house();
    let mut wrong = Vec::new();
    for client in Era::BOTH {
        let mut stdio = Peer::start(house.interlock(&["serve"]), client).await;
        wrong.extend(compare(&server, &mut stdio, client).await);
        stdio.close().await;
    }
    let door = house.open().await;
    for client in Era::BOTH {
        let mut http = Peer::reach(&door.url, client).await;
        wrong.extend(compare(&server, &mut http, client).await);
        http.close().await;
    }
    door.close().await;
    house.assert_whole().await;
    assert!(wrong.is_empty(), "{} answers were harmed:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn what_a_legacy_server_on_stdio_says_passes_unharmed() {
    passes_unharmed(Way::Stdio, Era::Legacy).await;
}

#[tokio::test]
async fn what_a_modern_server_on_stdio_says_passes_unharmed() {
    passes_unharmed(Way::Stdio, Era::Modern).await;
}

#[tokio::test]
async fn what_a_legacy_server_on_http_says_passes_unharmed() {
    passes_unharmed(Way::Http, Era::Legacy).await;
}

#[tokio::test]
async fn what_a_modern_server_on_http_says_passes_unharmed() {
    passes_unharmed(Way::Http, Era::Modern).await;
}
