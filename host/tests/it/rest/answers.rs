//! Questions to people over REST: who sees them, who may answer, and what becomes of the call.

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::{Door, folder, interlock, key, read};
use crate::swap::live::Served;

/// A bank whose large payments a treasurer must agree to.
fn bank(more: Value) -> tempfile::TempDir {
    let mut config = json!({
        "auth": {"keys": true},
        "policies": [{"name": "large", "component": "approval", "settings": {"rules": [
            {"tools": ["bank/process_payment"], "when": {"argument": "/amount", "op": ">", "value": 100},
             "roles": ["treasurer"], "preview": "Pay {/amount}"}]}}],
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    folder(config)
}

async fn said(request: RequestBuilder) -> (u16, Value) {
    let (status, body) = read(request.send().await.unwrap()).await;
    (status.as_u16(), body)
}

fn payment(amount: u32) -> Value {
    json!({"payment_id": "p1", "amount": amount, "to": "ACME"})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_principal_with_the_role_says_yes_and_the_call_goes_through_once() {
    let folder = bank(json!({}));
    let keys = [
        ("agent", &["agent"][..]),
        ("dana", &["dana", "--role", "treasurer"]),
        ("ian", &["ian", "--role", "intern"]),
        ("agent as treasurer", &["agent", "--role", "treasurer"]),
    ]
    .map(|(name, arguments)| (name, key(folder.path(), arguments)));
    let of = |name: &str| keys.iter().find(|(of, _)| *of == name).unwrap().1.clone();
    let served = Served::start(folder.path()).await;
    let door = Door::of(&served);
    let get = |who: &str, path: &str| said(door.get(path).bearer_auth(of(who)));
    let pay = |amount| said(door.post("/tools/bank/process_payment").bearer_auth(of("agent")).json(&payment(amount)));
    let confirm = |who: &str, id: &str, approve: bool| {
        let body = json!({"approve": approve, "reason": "by phone"});
        said(door.post(&format!("/confirm/{id}")).bearer_auth(of(who)).json(&body))
    };

    let (status, pending) = pay(500).await;
    let id = pending["approval_id"].as_str().unwrap().to_owned();
    let call = pending["call"].as_str().unwrap().to_owned();
    assert_eq!((status, &pending["requires_confirmation"]), (202, &json!(true)), "{pending}");
    let links = &pending["links"];
    assert_eq!(
        (&links["confirm"], &links["call"]),
        (&json!(format!("/confirm/{id}")), &json!(format!("/calls/{call}")))
    );
    let page = door.client.get(links["page"].as_str().unwrap()).send().await.unwrap();
    assert!(page.url().path().starts_with("/sign-in"), "people show who they are first: {}", page.url());
    assert_eq!(pending["approvals"], json!([id]));

    // Seen by whoever asked and whoever may answer, and by nobody else.
    for (who, may_answer) in [("agent", Some(false)), ("dana", Some(true)), ("ian", None)] {
        let (status, listed) = get(who, "/approvals").await;
        let listed = listed["approvals"].as_array().unwrap();
        assert_eq!((status, listed.len()), (200, usize::from(may_answer.is_some())), "{who}: {listed:?}");
        let (status, one) = get(who, &format!("/approvals/{id}")).await;
        match may_answer {
            None => assert_eq!(status, 404),
            Some(may) => {
                assert_eq!((status, &one), (200, &listed[0]));
                let asked = &one["calls"][0];
                let told = [&one["may_answer"], &asked["preview"], &one["state"], &asked["arguments"], &one["caller"]];
                assert_eq!(
                    told.map(Value::clone),
                    [json!(may), json!("Pay 500"), json!("open"), payment(500), json!("agent")]
                );
            }
        }
    }
    assert_eq!(confirm("ian", &id, true).await.0, 404, "it is none of his business");
    assert_eq!(confirm("dana", "no-such-id", true).await.0, 404);
    assert_eq!(confirm("agent", &id, true).await.0, 403);
    let (status, own) = confirm("agent as treasurer", &id, true).await;
    assert_eq!((status, &own["detail"]), (403, &json!("`agent` made this call and may not approve it.")));
    for wrong in [json!({}), json!({"approve": "yes"}), json!({"approve": true, "roles": ["treasurer"]}), json!([])] {
        let sent = door.post(&format!("/confirm/{id}")).bearer_auth(of("dana")).json(&wrong);
        assert_eq!(said(sent).await.0, 400, "{wrong}");
    }
    let long = json!({"approve": true, "reason": "x".repeat(2001)});
    assert_eq!(said(door.post(&format!("/confirm/{id}")).bearer_auth(of("dana")).json(&long)).await.0, 400);
    let (_, shown) = get("dana", &format!("/approvals/{id}")).await;
    assert_eq!(shown["state"], "open");
    // An answer may say what was shown, and then counts for nothing else.
    let other = json!({"approve": false, "seen": "0".repeat(64)});
    assert_eq!(said(door.post(&format!("/confirm/{id}")).bearer_auth(of("dana")).json(&other)).await.0, 409);
    assert_eq!(shown["digest"].as_str().unwrap().len(), 64);

    let yes = json!({"approve": true, "reason": "by phone", "seen": shown["digest"]});
    let (status, granted) = said(door.post(&format!("/confirm/{id}")).bearer_auth(of("dana")).json(&yes)).await;
    assert_eq!(
        (status, &granted["state"], &granted["answers"][0]["reason"]),
        (200, &json!("granted"), &json!("by phone"))
    );
    assert_eq!(confirm("dana", &id, false).await.0, 409, "it is over");
    assert_eq!(pay(499).await.0, 202, "another amount is another question");
    assert_eq!(pay(500).await.0, 200);
    let (status, again) = pay(500).await;
    assert!(status == 202 && again["approval_id"] != json!(id), "a yes is good for one call");
    // A no is a no.
    assert_eq!(confirm("dana", again["approval_id"].as_str().unwrap(), false).await.1["state"], "refused");
    assert_eq!(pay(500).await.0, 403);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_is_known_nobody_can_answer_here() {
    let folder = bank(json!({"auth": {}}));
    let served = Served::start(folder.path()).await;
    let door = Door::of(&served);
    let (_, pending) = said(door.post("/tools/bank/process_payment").json(&payment(500))).await;
    let id = pending["approval_id"].as_str().unwrap();
    assert_eq!(said(door.get("/approvals")).await.1["approvals"][0]["id"], id);
    let (status, refused) = said(door.post(&format!("/confirm/{id}")).json(&json!({"approve": true}))).await;
    assert!(status == 403 && refused["detail"].as_str().unwrap().contains("keys create"), "{refused}");
    interlock(folder.path(), &["approvals", "approve", id, "--as", "dana", "--role", "treasurer"]);
    assert_eq!(said(door.post("/tools/bank/process_payment").json(&payment(500))).await.0, 200);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_told_of_to_whoever_made_it_and_to_nobody_else() {
    let folder = bank(json!({}));
    let (agent, other) = (key(folder.path(), &["agent"]), key(folder.path(), &["other", "--role", "treasurer"]));
    let served = Served::start(folder.path()).await;
    let door = Door::of(&served);
    let status = |call: &Value, key: &str| {
        said(door.get(&format!("/calls/{}", call["call"].as_str().unwrap())).bearer_auth(key))
    };
    let call =
        |tool: &str, arguments: Value| said(door.post(&format!("/tools/{tool}")).bearer_auth(&agent).json(&arguments));

    let (_, answer) = call("bank/fraud_check", json!({"payment_id": "p1", "amount": 5})).await;
    let (found, told) = status(&answer, &agent).await;
    assert_eq!(
        (found, &told["state"], &told["tool"]),
        (200, &json!("succeeded"), &json!("bank/fraud_check")),
        "{told}"
    );
    assert_eq!(told["result"], answer["result"]);
    assert_eq!(status(&answer, &other).await.0, 404);

    let (_, waiting) = call("bank/process_payment", payment(500)).await;
    let (_, told) = status(&waiting, &agent).await;
    // The app was sent away: this call is over, the question is not.
    assert_eq!((&told["state"], &told["approvals"]), (&json!("refused"), &waiting["approvals"]), "{told}");
    assert_eq!(told["refused"][0]["code"], "approval_pending");
    assert_eq!(status(&waiting, &other).await.0, 404, "not even to who may approve it");
    served.stop().await;
    // What is told is in the journal: another gateway knows it as well.
    let served = Served::start(folder.path()).await;
    let door = Door::of(&served);
    let path = format!("/calls/{}", answer["call"].as_str().unwrap());
    assert_eq!(said(door.get(&path).bearer_auth(&agent)).await.1["result"], answer["result"]);
    assert_eq!(door.get(&path).bearer_auth(&other).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_gets_one_answer_when_all_of_it_is_there() {
    let folder = bank(json!({}));
    let (agent, dana) = (key(folder.path(), &["agent"]), key(folder.path(), &["dana", "--role", "treasurer"]));
    let served = Served::start(folder.path()).await;
    let door = Door::of(&served);
    let pay = |amount| {
        let call = door.post("/tools/bank/process_payment").bearer_auth(&agent).json(&payment(amount));
        said(call.header("interlock-batch", "wages;size=2"))
    };
    let (_, first) = pay(500).await;
    let id = first["approval_id"].as_str().unwrap().to_owned();
    let confirm = || said(door.post(&format!("/confirm/{id}")).bearer_auth(&dana).json(&json!({"approve": true})));
    assert_eq!(confirm().await.0, 409, "one of two is there");
    assert_eq!(pay(600).await.1["approval_id"], json!(id));
    let (_, listed) = said(door.get("/approvals").bearer_auth(&dana)).await;
    let question = &listed["approvals"][0];
    assert_eq!((listed["approvals"].as_array().unwrap().len(), &question["id"]), (1, &json!(id)));
    assert_eq!((question["calls"].as_array().unwrap().len(), &question["batch"]["name"]), (2, &json!("wages")));
    let (status, granted) = confirm().await;
    assert_eq!((status, &granted["state"]), (200, &json!("granted")));
    assert_eq!((pay(500).await.0, pay(600).await.0), (200, 200));
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_answers_for_somebody_else_sees_their_questions_too() {
    let folder = bank(json!({}));
    let (agent, ian) = (key(folder.path(), &["agent"]), key(folder.path(), &["ian"]));
    let served = Served::start(folder.path()).await;
    let door = Door::of(&served);
    let (_, pending) = said(door.post("/tools/bank/process_payment").bearer_auth(&agent).json(&payment(500))).await;
    let id = pending["approval_id"].as_str().unwrap();
    assert_eq!(said(door.get(&format!("/approvals/{id}")).bearer_auth(&ian)).await.0, 404);
    let delegate = ["approvals", "delegate", "--from", "dana", "--to", "ian", "--role", "treasurer", "--minutes", "60"];
    interlock(folder.path(), &delegate);
    let (status, granted) =
        said(door.post(&format!("/confirm/{id}")).bearer_auth(&ian).json(&json!({"approve": true}))).await;
    assert_eq!(
        (status, &granted["state"], &granted["answers"][0]["on_behalf_of"]),
        (200, &json!("granted"), &json!("dana"))
    );
    served.stop().await;
}
