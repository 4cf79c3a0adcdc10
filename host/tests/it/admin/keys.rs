//! The door for people where API keys are asked for: who somebody is, and which roles they hold, their key tells.

use interlock::journal::kind;
use serde_json::json;

use super::{Browser, Gateway, folder, interlock, of_kind};
use crate::swap::live::events;

fn key(folder: &std::path::Path, name: &str, role: &str) -> String {
    interlock(folder, &["keys", "create", name, "--role", role]).unwrap().trim().to_owned()
}

async fn signed_in(gateway: &Gateway, key: &str) -> Browser {
    let mut browser = Browser::at(&gateway.page);
    assert_eq!(browser.post("/sign-in", &[("key", key)]).await.to.as_deref(), Some("/approvals"));
    browser
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_with_two_keys_are_two_voices_and_nobody_answers_their_own_call() {
    let folder = folder(json!({"roles": ["lead"], "quorum": 2}), json!({"auth": {"keys": true}}));
    let of = |name: &str, role: &str| key(folder.path(), name, role);
    let keys = [of("ann", "lead"), of("bob", "lead"), of("cleo", "lead"), of("eve", "clerk")];
    let gateway = Gateway::start_until(folder.path(), "serves people").await;
    let payment = json!({"payment_id": "p1", "amount": 500, "to": "ACME"});
    let (status, pending) = gateway.pay(payment.clone(), &[("x-api-key", &keys[0])]).await;
    assert_eq!(status, 202, "{pending}");
    let id = pending["approvals"][0].as_str().unwrap();

    let mut nobody = Browser::at(&gateway.page);
    for wrong in ["", "x", &keys[0][..80], &keys[0].to_uppercase()] {
        let denied = nobody.post("/sign-in", &[("key", wrong)]).await;
        assert!(denied.status == 403 && !denied.headers.contains_key("set-cookie"), "{wrong}");
    }
    // A key in an address is none, and neither is a link.
    assert_eq!(nobody.get(&format!("/approvals?key={}", keys[1])).await.status, 303);
    assert_eq!(nobody.post("/enter", &[("link", "x"), ("name", "x")]).await.status, 404);

    let mut ann = signed_in(&gateway, &keys[0]).await;
    let page = ann.get(&format!("/approvals/{id}")).await;
    assert!(page.text.contains("made this call and may not approve it"), "{}", page.text);
    let token = page.field("token");
    let digest = page.text.split_once("<code>").unwrap().1.split('<').next().unwrap().to_owned();
    let form = [("token", &*token), ("seen", &*digest), ("answer", "approve")];
    assert_eq!(ann.post(&format!("/approvals/{id}"), &form).await.status, 403);
    let mut eve = signed_in(&gateway, &keys[3]).await;
    // To whom it is no business of, it is not there.
    let list = eve.get("/approvals").await;
    assert!(!list.text.contains(id), "{}", list.text);
    assert_eq!(eve.get(&format!("/approvals/{id}")).await.status, 404);
    let token = list.field("token");
    assert_eq!(eve.post(&format!("/approvals/{id}"), &[("token", &*token), form[1], form[2]]).await.status, 404);

    let mut bob = signed_in(&gateway, &keys[1]).await;
    assert_eq!(bob.answer(id, "approve", "").await.status, 303);
    let token = bob.get("/approvals").await.field("token");
    assert_eq!(bob.post(&format!("/approvals/{id}"), &[("token", &*token), form[1], form[2]]).await.status, 409);
    assert_eq!(gateway.pay(payment.clone(), &[("x-api-key", &keys[0])]).await.0, 202, "one of two");
    let mut cleo = signed_in(&gateway, &keys[2]).await;
    assert_eq!(cleo.answer(id, "approve", "").await.status, 303);
    assert_eq!(gateway.pay(payment, &[("x-api-key", &keys[0])]).await.0, 200);
    gateway.stop().await;

    let granted = of_kind(&events(folder.path()).await, kind::APPROVAL_GRANTED);
    let by: Vec<_> = granted.iter().map(|event| (event["by"].as_str().unwrap(), event["roles"].clone())).collect();
    assert_eq!(by, [("bob", json!(["lead"])), ("cleo", json!(["lead"]))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_holds_a_key_delegates_by_it_and_is_out_as_soon_as_it_is_revoked() {
    let folder = folder(json!({"roles": ["lead"]}), json!({"auth": {"keys": true}}));
    let of = |name: &str, role: &str| key(folder.path(), name, role);
    let (agent, ann, bob) = (of("agent", "agent"), of("ann", "lead"), of("bob", "clerk"));
    let gateway = Gateway::start_until(folder.path(), "serves people").await;
    let mut ann = signed_in(&gateway, &ann).await;
    let token = ann.get("/delegations").await.field("token");
    let form = |role, to| [("token", &*token), ("role", role), ("to", to), ("minutes", "60"), ("reason", "holiday")];
    for (role, to) in [("board", "bob"), ("lead", ""), ("lead", "Ann")] {
        assert!(ann.post("/delegations", &form(role, to)).await.status.as_u16() >= 400, "{role} {to}");
    }
    assert_eq!(ann.post("/delegations", &form("lead", "bob")).await.status, 303);
    let (_, pending) = gateway.pay(json!({"payment_id": "p", "amount": 1, "to": "x"}), &[("x-api-key", &agent)]).await;
    let id = pending["approvals"][0].as_str().unwrap();
    let mut bob = signed_in(&gateway, &bob).await;
    assert_eq!(bob.answer(id, "approve", "").await.status, 303);
    assert!(bob.get(&format!("/approvals/{id}")).await.text.contains("ann"), "it is told for whom");

    // What bob has from ann, he neither delegates nor ends; ann does end it.
    let delegations = bob.get("/delegations").await;
    assert!(!delegations.text.contains("/end\""), "{}", delegations.text);
    let page = ann.get("/delegations").await;
    let end = page.text.split_once("action=\"/delegations/").unwrap().1.split('"').next().unwrap().to_owned();
    let token_of_bob = delegations.field("token");
    assert_eq!(bob.post(&format!("/delegations/{end}"), &[("token", &token_of_bob)]).await.status, 404);
    assert_eq!(ann.post(&format!("/delegations/{end}"), &[("token", &token)]).await.status, 303);

    interlock(folder.path(), &["keys", "revoke", "ann"]).unwrap();
    let out = ann.get("/approvals").await;
    assert_eq!((out.status.as_u16(), out.to.as_deref()), (303, Some("/sign-in")));
    let said = interlock(folder.path(), &["approvals", "link"]).unwrap_err();
    assert!(said.contains("API keys"), "{said}");
    gateway.stop().await;
    let events = events(folder.path()).await;
    assert_eq!(of_kind(&events, kind::APPROVAL_GRANTED)[0]["on_behalf"]["of"], "ann");
    assert_eq!(of_kind(&events, kind::APPROVAL_DELEGATION_ENDED).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_delegates_at_the_command_line_within_what_keys_tell() {
    let folder = folder(json!({"roles": ["lead"]}), json!({"auth": {"keys": true}}));
    key(folder.path(), "ann", "lead");
    let delegate = |more: &[&str]| interlock(folder.path(), &[&["approvals", "delegate"][..], more].concat());
    let lacks = delegate(&["--from", "ann", "--to", "bob", "--role", "board", "--minutes", "5"]).unwrap_err();
    assert!(lacks.contains("no key with the role `board`"), "{lacks}");
    let none = delegate(&["--from", "zoe", "--to", "bob", "--minutes", "5"]).unwrap_err();
    assert!(none.contains("at least one role"), "{none}");
    delegate(&["--from", "ann", "--to", "bob", "--minutes", "5", "--reason", "lunch"]).unwrap();
    let listed: serde_json::Value = serde_json::from_str(&delegate(&["--json"]).unwrap()).unwrap();
    assert_eq!((&listed[0]["roles"], &listed[0]["state"]), (&json!(["lead"]), &json!("in force")));
    delegate(&["--end", listed[0]["id"].as_str().unwrap()]).unwrap();
    assert!(delegate(&[]).unwrap().contains("ended"));
}
