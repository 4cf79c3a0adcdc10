//! API keys: who is let in over HTTP, as whom, and until when.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use interlock::{
    identity::{ApiKey, Denied, IdentityError, Keys, State},
    journal::{Draft, kind},
};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    journal::world::World,
    plugins::cache,
    swap::live::{Served, events},
};

/// A folder whose gateway asks for keys, and whose one tool is for the role `ci`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = json!({
        "mcpServers": {"ci": {"component": "delivery"}},
        "policies": [{"name": "who", "component": "allow-list", "settings": {"rules": [
            {"effect": "allow", "tools": ["ci/*"], "roles": ["ci"]}]}}],
        "auth": {"keys": true},
    });
    fs::write(folder.path().join("interlock.json"), config.to_string()).unwrap();
    folder
}

pub(crate) fn interlock(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_interlock"))
        .args(arguments)
        .current_dir(folder)
        .env("INTERLOCK_CACHE_DIR", cache())
        .env_remove("INTERLOCK_CONFIG")
        .output()
        .unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Makes a key and returns what was printed.
pub(crate) fn create(folder: &Path, arguments: &[&str]) -> String {
    let (code, told, said) = interlock(folder, &[&["keys", "create"][..], arguments].concat());
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(told.lines().count(), 1, "the key alone, for scripts: {told}");
    told.trim_end().to_owned()
}

async fn status(request: RequestBuilder) -> StatusCode {
    request.send().await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_valid_key_is_let_in_and_the_call_is_its_principals() {
    let folder = folder();
    let key = create(folder.path(), &["build-agent", "--role", "ci"]);
    let other = create(folder.path(), &["reader"]);
    let served = Served::start(folder.path()).await;
    let call = || served.call(&served.url);

    let denied = call().send().await.unwrap();
    assert_eq!(denied.status(), 401);
    assert_eq!(denied.headers()["www-authenticate"], r#"Bearer realm="interlock""#);
    assert_eq!(denied.headers()["content-type"], "application/problem+json");
    let mut altered = key.clone();
    altered.replace_range(20..21, if &key[20..21] == "0" { "1" } else { "0" });
    let swapped = format!("{}{}", &key[..17], &other[17..]);
    // Well formed: only its secret is another's.
    let whole = &swapped[..81];
    let forged = format!("{whole}{}", &interlock::sandbox::sha256(whole.as_bytes())[..8]);
    assert!(forged.parse::<ApiKey>().is_ok(), "{forged}");
    for wrong in ["", "x", &altered, &swapped, &forged, &key[..key.len() - 1], &key.to_uppercase()] {
        let denied = call().header("x-api-key", wrong).send().await.unwrap();
        assert_eq!(denied.status(), 401, "{wrong}");
        let text = denied.text().await.unwrap();
        assert!(!text.contains(&key[17..]) && (wrong.len() < 3 || !text.contains(wrong)), "{text}");
    }
    // Not where proxies and histories keep it, not under another scheme, and not twice.
    assert_eq!(status(served.call(&format!("{}?api_key={key}&access_token={key}", served.url))).await, 401);
    assert_eq!(status(call().basic_auth("build-agent", Some(&key))).await, 401);
    assert_eq!(status(call().bearer_auth(&key).header("x-api-key", &key)).await, 401);

    let let_in = call().header("x-api-key", &key).send().await.unwrap();
    assert_eq!(let_in.status(), 200);
    assert!(let_in.text().await.unwrap().contains("\"isError\":false"));
    assert_eq!(status(call().bearer_auth(&key)).await, 200);
    // Known, and not entitled: that is for policies to say.
    let refused: Value = call().bearer_auth(&other).send().await.unwrap().json().await.unwrap();
    assert_eq!(refused["result"]["structuredContent"]["interlock"]["refused"][0]["policy"], "who", "{refused}");
    served.stop().await;

    let mut callers = Vec::new();
    for event in events(folder.path()).await {
        if [kind::CALL_ADMITTED, kind::CALL_REFUSED].contains(&event.kind.as_str()) {
            let caller = &event.body["caller"];
            callers.push((caller["principal"].as_str().unwrap().to_owned(), caller["roles"].clone()));
        }
    }
    let agent = ("build-agent".to_owned(), json!(["ci"]));
    assert_eq!(callers, [agent.clone(), agent, ("reader".to_owned(), json!(null))]);
    for file in files(folder.path()) {
        let bytes = fs::read(&file).unwrap();
        let found = |key: &str| bytes.windows(64).any(|window| window == &key.as_bytes()[17..81]);
        assert!(!found(&key) && !found(&other), "a secret is in {}", file.display());
    }
}

pub(crate) fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_is_let_in_nowhere_from_that_moment_on() {
    let folder = folder();
    let keys = [create(folder.path(), &["agent", "--role", "ci"]), create(folder.path(), &["agent", "--role", "ci"])];
    let (one, two) = (Served::start(folder.path()).await, Served::start(folder.path()).await);
    for served in [&one, &two] {
        assert_eq!(status(served.call(&served.url).bearer_auth(&keys[0])).await, 200);
    }
    assert_eq!(interlock(folder.path(), &["keys", "revoke", &keys[0][4..16]]).0, Some(0));
    for served in [&one, &two] {
        assert_eq!(status(served.call(&served.url).bearer_auth(&keys[0])).await, 401);
        assert_eq!(status(served.call(&served.url).bearer_auth(&keys[1])).await, 200);
    }
    // By name: every one that is left.
    assert_eq!(interlock(folder.path(), &["keys", "revoke", "agent"]).0, Some(0));
    assert_eq!(status(one.call(&one.url).bearer_auth(&keys[1])).await, 401);
    assert_eq!(interlock(folder.path(), &["keys", "revoke", "agent"]).0, Some(1), "none is left");
    // What is made while gateways run is known to them.
    let new = create(folder.path(), &["agent", "--role", "ci"]);
    assert_eq!(status(two.call(&two.url).bearer_auth(&new)).await, 200);
    // Without what they were digested with, none can be told from another.
    one.stop().await;
    two.stop().await;
    fs::rename(folder.path().join("interlock.db-pepper"), folder.path().join("elsewhere")).unwrap();
    let served = Served::start(folder.path()).await;
    assert_eq!(status(served.call(&served.url).bearer_auth(&new)).await, 503);
    served.stop().await;
}

#[test]
fn keys_are_listed_without_their_secrets_and_mistakes_are_told() {
    let folder = folder();
    let key = create(folder.path(), &["agent", "--role", "ci", "--role", "night", "--expires-days", "30"]);
    let (code, told, _) = interlock(folder.path(), &["keys", "--json"]);
    let listed: Value = serde_json::from_str(&told).unwrap();
    let (id, first) = (&key[4..16], &listed[0]);
    assert_eq!((code, &first["id"], &first["state"]), (Some(0), &json!(id), &json!("valid")));
    assert_eq!(first["roles"], json!(["ci", "night"]));
    assert!(!told.contains(&key[17..81]), "{told}");
    for (arguments, code, part) in [
        (&["create", "local"][..], 2, "`local` cannot be the name of a key"),
        (&["create", " a"], 2, "cannot be the name"),
        (&["create", "HTTPS://id.example.com#ann"], 2, "no URL"),
        (&["create", "a\u{7}b"], 2, "cannot be the name"),
        (&["create", "a\u{200b}b"], 2, "cannot be the name"),
        (&["create", "a", "--role", ""], 2, "cannot be a role"),
        (&["create", "a", "--expires-days", "0"], 2, "--expires-days"),
        (&["revoke", "nobody"], 1, "there is no key `nobody`"),
    ] {
        let (ended, _, said) = interlock(folder.path(), &[&["keys"][..], arguments].concat());
        assert!(ended == Some(code) && said.contains(part), "{arguments:?}: {ended:?} {said}");
    }
}

#[test]
fn other_machines_are_served_only_where_keys_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("interlock.json"), "{}").unwrap();
    let (code, _, said) = interlock(folder.path(), &["serve", "--http", "0.0.0.0:0"]);
    assert!(code == Some(4) && said.contains("there is no authentication"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_machines_call_by_the_names_that_are_written_down() {
    let folder = folder();
    let mut config: Value = serde_json::from_slice(&fs::read(folder.path().join("interlock.json")).unwrap()).unwrap();
    config["auth"]["hosts"] = json!(["gate.example.com"]);
    fs::write(folder.path().join("interlock.json"), config.to_string()).unwrap();
    let key = create(folder.path(), &["agent", "--role", "ci"]);
    let served = Served::start(folder.path()).await;
    for (host, expected) in [("gate.example.com", 200), ("gate.example.com:443", 200), ("evil.example.com", 403)] {
        let call = served.call(&served.url).bearer_auth(&key).header("host", host);
        assert_eq!(status(call).await, expected, "{host}");
    }
    // A page of another origin has no business here, key or no key.
    let call = served.call(&served.url).bearer_auth(&key).header("origin", "https://evil.example.com");
    assert_eq!(status(call).await, 403);
    served.stop().await;
}

#[tokio::test]
async fn a_key_ends_when_its_time_is_over() {
    let world = World::new();
    let peer = world.peer().await;
    let keys = Keys::new(peer.journal.clone(), world.folder.path().join("pepper"));
    let (key, record) = keys.create("ann", "agent", &[], Some(Duration::from_secs(60))).await.unwrap();
    let shown = key.expose();
    assert_eq!(keys.authenticate(&shown).await.unwrap().principal, "agent");
    world.clock.advance(Duration::from_secs(60));
    let denied = keys.authenticate(&shown).await;
    assert!(matches!(&denied, Err(Denied::Expired(id)) if *id == record.id), "{denied:?}");
    assert_eq!(keys.list().await.unwrap()[0].state(peer.journal.now()), State::Expired);
    assert!(matches!(keys.revoke("ann", "else").await, Err(IdentityError::NotFound(_))));
}

#[tokio::test]
async fn what_was_put_down_first_counts_whatever_is_put_down_after_it() {
    let world = World::new();
    let journal = world.peer().await.journal;
    let keys = Keys::new(journal.clone(), world.folder.path().join("pepper"));
    let (key, record) = keys.create("ann", "agent", &[], None).await.unwrap();
    let again = json!({"name": "admin", "roles": ["admin"], "digest": "00"});
    journal.append(vec![Draft::new("eve", kind::KEY_CREATED, key.id(), &again).unwrap()]).await.unwrap();
    assert_eq!(keys.authenticate(&key.expose()).await.unwrap().principal, "agent");
    // As two do who revoke it at the same time.
    let revoked = journal.now();
    for _ in 0..2 {
        let drafts = vec![Draft::new("ann", kind::KEY_REVOKED, key.id(), &json!({"name": "agent"})).unwrap()];
        journal.append(drafts).await.unwrap();
        world.clock.advance(Duration::from_secs(60));
    }
    let listed = keys.list().await.unwrap();
    assert_eq!((listed.len(), &listed[0].id, listed[0].revoked), (1, &record.id, Some(revoked)));
}

#[tokio::test]
async fn a_new_process_knows_of_more_keys_than_one_reading_returns() {
    const MADE: usize = 1001;
    let world = World::new();
    let made = |number: usize| {
        let body = json!({"name": "agent", "roles": [], "digest": "00"});
        Draft::new("ann", kind::KEY_CREATED, &format!("{number:012x}"), &body).unwrap()
    };
    world.peer().await.journal.append((0..MADE).map(made).collect()).await.unwrap();
    let keys = Keys::new(world.peer().await.journal, world.folder.path().join("pepper"));
    assert_eq!(keys.list().await.unwrap().len(), MADE);
}
