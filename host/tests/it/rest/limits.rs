//! How often one caller may ask at the door.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Door, folder, key, read};
use crate::swap::live::{Served, events};

/// More than any limit here takes to come to.
const MANY: usize = 1000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_often_is_told_when_to_come_back_before_any_policy_is_asked() {
    let folder = folder(json!({"limits": {"requests_per_second": 1, "burst": 3}}));
    let served = Served::start(folder.path()).await;
    let door = Door::of(&served);
    let mut limited = None;
    for _ in 0..MANY {
        let answer = door.get("/mcp/tools").send().await.unwrap();
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            limited = Some(answer);
            break;
        }
    }
    let limited = limited.expect("nobody was told to wait");
    assert!(limited.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    read(limited).await;
    // MCP has words of its own for it.
    for _ in 0..MANY {
        let answer = served.call(&served.url).send().await.unwrap();
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            assert!(answer.headers().contains_key("retry-after"));
            let told: Value = answer.json().await.unwrap();
            assert_eq!((&told["jsonrpc"], &told["error"]["code"]), (&json!("2.0"), &json!(-32000)), "{told}");
            served.stop().await;
            // What was let through was no call of a tool that there is.
            assert!(events(folder.path()).await.iter().all(|event| event.kind != "call.admitted"));
            return;
        }
    }
    panic!("nobody was told to wait");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_principal_is_limited_by_itself_whatever_keys_it_has() {
    let folder = folder(json!({"auth": {"keys": true}, "limits": {"requests_per_second": 1, "burst": 1000}}));
    let keys = [key(folder.path(), &["loud"]), key(folder.path(), &["loud"])];
    let served = Served::start(folder.path()).await;
    let door = Door::of(&served);
    // Of what one address may ask for, who shows no key takes up a part, and no principal does.
    for _ in 0..5 {
        assert_eq!(door.get("/mcp/tools").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
    let mut asked = 0;
    while door.get("/mcp/tools").bearer_auth(&keys[asked % 2]).send().await.unwrap().status() == StatusCode::OK {
        asked += 1;
    }
    assert!(asked >= 900, "{asked}");
    served.stop().await;
}
