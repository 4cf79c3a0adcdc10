//! Somebody else's client, by the way that MCP has for it: no more is given to it than a URL, and who it is to the issuer.

use interlock::journal::kind;
use serde_json::{Value, json};
use tokio::{net::TcpListener, process::Command};

use super::Gate;
use crate::{interop::packages::python_bin, swap::live::events};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_oauth_finds_its_way_and_steps_up_where_it_has_to() {
    for mode in ["legacy", "auto"] {
        // What stands before the gate, and so the name that the gate goes by.
        let before = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", before.local_addr().unwrap());
        let scopes = json!([{"tools": ["ci/run_tests"], "scopes": ["ci:run", "ci:read"]}]);
        let gate = Gate::with(json!({"audience": url, "required_scopes": ["mcp"], "scopes": scopes}), json!({})).await;
        let address = gate.served.url.trim_start_matches("http://").trim_end_matches("/mcp").to_owned();
        let passing = tokio::spawn(async move {
            loop {
                let (mut client, _) = before.accept().await.unwrap();
                let mut door = tokio::net::TcpStream::connect(&address).await.unwrap();
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut door).await });
            }
        });
        let mut python = Command::new(python_bin().join("python"));
        python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/interop/signed_in.py"));
        python.args([&url, &gate.issuer.url, "gate", "s3cret-gate", mode, "ci__run_tests"]);
        let ended = python.output().await.unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success(), "{mode}: {said}");
        let told: Value = serde_json::from_slice(&ended.stdout).unwrap();
        assert_eq!(told["error"], false, "{mode}: {told}");
        // It asked for the least, was told what the call takes, and asked for all of it.
        let asked: Vec<String> = gate.issuer.asked_for_tokens().iter().map(|(_, form)| form["scope"].clone()).collect();
        let [first, second] = asked.as_slice() else { panic!("{mode}: {asked:?}") };
        let mut second: Vec<&str> = second.split(' ').collect();
        second.sort_unstable();
        assert_eq!((first.as_str(), second.as_slice()), ("mcp", &["ci:read", "ci:run", "mcp"][..]), "{mode}");
        passing.abort();
        let Gate { folder, issuer, served } = gate;
        served.stop().await;
        let admitted = events(folder.path()).await.into_iter().find(|event| event.kind == kind::CALL_ADMITTED).unwrap();
        assert_eq!(admitted.body["caller"]["principal"], format!("{}#gate", issuer.url));
    }
}
