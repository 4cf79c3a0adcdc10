//! Webhooks: what people are told, by whom, how often, and what it means that they could not be.

use std::{
    fs,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use interlock::{
    journal::kind,
    notices::{Format, News, Webhook, tell},
    secret::Secret,
};
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::{
    admin::{Browser, Gateway, folder, interlock, of_kind},
    mediation::{asking, in_the_end, request},
    swap::live::events,
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Somebody who is told.
#[derive(Clone)]
struct Receiver {
    address: SocketAddr,
    heard: watch::Sender<Vec<(HeaderMap, String)>>,
    status: Arc<Mutex<StatusCode>>,
    /// Whether it answers at all.
    awake: watch::Sender<bool>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let receiver = Self {
            address,
            heard: watch::Sender::default(),
            status: Arc::new(Mutex::new(StatusCode::OK)),
            awake: watch::Sender::new(true),
        };
        async fn hear(State(receiver): State<Receiver>, headers: HeaderMap, body: String) -> (StatusCode, HeaderMap) {
            receiver.heard.send_modify(|heard| heard.push((headers, body)));
            receiver.awake.subscribe().wait_for(|awake| *awake).await.unwrap();
            let status = *receiver.status.lock().unwrap();
            let elsewhere = format!("http://{}/elsewhere", receiver.address).parse().unwrap();
            (status, HeaderMap::from_iter([(axum::http::header::LOCATION, elsewhere)]))
        }
        let router = Router::new().fallback(hear).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    fn answers(&self, status: u16) {
        *self.status.lock().unwrap() = StatusCode::from_u16(status).unwrap();
    }

    /// Waits for so many messages.
    async fn until(&self, number: usize) -> Vec<(HeaderMap, String)> {
        let mut heard = self.heard.subscribe();
        in_the_end(heard.wait_for(|heard| heard.len() >= number)).await.unwrap().clone()
    }

    fn folder(&self, more: Value) -> TempDir {
        let mut webhook = json!({"url": format!("http://{}/hook", self.address), "secret": SECRET});
        webhook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        folder(json!({}), json!({"approvals": {"hold_open_seconds": 0, "webhooks": [webhook]}}))
    }
}

/// The message, if it is signed as it says.
fn checked((headers, body): &(HeaderMap, String)) -> Value {
    let header = |name: &str| headers[name].to_str().unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&BASE64_STANDARD.decode(&SECRET[6..]).unwrap()).unwrap();
    mac.update(format!("{}.{}.{body}", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    let signature = header("webhook-signature").strip_prefix("v1,").unwrap();
    mac.verify_slice(&BASE64_STANDARD.decode(signature).unwrap()).unwrap();
    serde_json::from_str(body).unwrap()
}

fn payment(amount: u32) -> Value {
    json!({"payment_id": "p", "amount": amount, "to": "<@everyone> & \u{202e}co", "secret": "canary"})
}

/// Waits until the journal says so of a question.
async fn until(folder: &TempDir, kind: &str, number: usize) -> Vec<Value> {
    in_the_end(async {
        loop {
            let found = of_kind(&events(folder.path()).await, kind);
            if found.len() >= number {
                return found;
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_and_what_becomes_of_it_are_told_once_signed_and_with_a_link() {
    let receiver = Receiver::start().await;
    let folder = receiver.folder(json!({}));
    let gateways = [Gateway::start(folder.path()).await, Gateway::start(folder.path()).await];
    receiver.awake.send_replace(false);
    let (_, pending) = gateways[1].pay(payment(500), &[]).await;
    let id = pending["approvals"][0].as_str().unwrap();
    let told = checked(&receiver.until(1).await[0]);
    // As long as it has not answered, the other gateway knows no more than that it is not told: were it to tell too, it would.
    let mut heard = receiver.heard.subscribe();
    let twice = heard.wait_for(|heard| heard.len() > 1);
    assert!(tokio::time::timeout(Duration::from_secs(1), twice).await.is_err(), "it is told twice");
    receiver.awake.send_replace(true);
    assert_eq!((&told["type"], &told["data"]["id"]), (&json!("approval.asked"), &json!(id)));
    assert_eq!(told["data"]["calls"][0]["tool"], "bank/process_payment");
    assert!(!told.to_string().contains("canary"), "arguments are for the page: {told}");
    let link = told["data"]["link"].as_str().unwrap();
    let at = gateways.iter().find(|gateway| link.starts_with(&gateway.page)).unwrap();
    let mut dana = Browser::at(&at.page);
    assert_eq!(dana.get(&link[at.page.len()..]).await.to, Some(format!("/sign-in?approval={id}")));

    interlock(folder.path(), &["approvals", "refuse", id, "--as", "dana", "--reason", "no"]).unwrap();
    let heard = receiver.until(2).await;
    let refused = checked(&heard[1]);
    assert_eq!((&refused["type"], &refused["data"]["answers"][0]["by"]), (&json!("approval.refused"), &json!("dana")));
    until(&folder, kind::APPROVAL_TOLD, 2).await;
    for gateway in gateways {
        gateway.stop().await;
    }
    // After the end of the one that told, another comes and finds that all is told.
    let again = Gateway::start(folder.path()).await;
    let (_, pending) = again.pay(payment(501), &[]).await;
    let heard = receiver.until(3).await;
    assert_eq!(checked(&heard[2])["data"]["id"], pending["approvals"][0]);
    let ids: Vec<_> = heard.iter().map(|(headers, _)| headers["webhook-id"].to_str().unwrap().to_owned()).collect();
    assert_eq!(ids[..2], [format!("{id}.asked"), format!("{id}.refused")]);
    again.stop().await;
    assert_eq!(receiver.heard.borrow().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_could_be_told_of_is_unreachable_until_somebody_can() {
    let receiver = Receiver::start().await;
    // It does not go where it is sent.
    receiver.answers(307);
    let folder = receiver.folder(json!({}));
    let gateway = Gateway::start(folder.path()).await;
    assert_eq!(gateway.pay(payment(1), &[]).await.0, 202);
    let unreachable = until(&folder, kind::APPROVAL_UNREACHABLE, 1).await;
    assert_eq!(unreachable[0], json!({"channel": "webhook", "reason": "the webhook answers with 307"}));
    let (status, told) = gateway.pay(payment(1), &[]).await;
    assert_eq!((status.as_u16(), &told["refused"][0]["code"]), (202, &json!("approval_unreachable")), "{told}");
    let listed: Value = serde_json::from_str(&interlock(folder.path(), &["approvals", "--json"]).unwrap()).unwrap();
    assert_eq!(listed[0]["state"], "unreachable");
    gateway.stop().await;

    receiver.answers(200);
    let gateway = Gateway::start(folder.path()).await;
    until(&folder, kind::APPROVAL_TOLD, 1).await;
    assert_eq!(gateway.pay(payment(1), &[]).await.1["refused"][0]["code"], "approval_pending");
    gateway.stop().await;
    let heard = receiver.heard.borrow().clone();
    assert_eq!(heard.len(), 2);
    assert_eq!(heard[0].0["webhook-id"], heard[1].0["webhook-id"], "a receiver can tell that it is the same");
    assert_eq!(of_kind(&events(folder.path()).await, kind::APPROVAL_GRANTED).len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_answer_for_one_question_is_not_tried_with_each() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let tried = Arc::new(AtomicUsize::new(0));
    let counted = tried.clone();
    // Hangs up on whoever comes.
    let hanging_up = tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let folder = folder(json!({}), json!({}));
    let gateway = Gateway::start(folder.path()).await;
    for amount in 1..=6 {
        gateway.pay(payment(amount), &[]).await;
    }
    gateway.stop().await;
    // All of them are there when somebody begins to tell.
    let path = folder.path().join("interlock.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config["approvals"]["webhooks"] = json!([{"url": url, "secret": SECRET}]);
    fs::write(path, config.to_string()).unwrap();
    let gateway = Gateway::start(folder.path()).await;
    until(&folder, kind::APPROVAL_UNREACHABLE, 6).await;
    gateway.stop().await;
    hanging_up.abort();
    // Five times each, alone, would be thirty times.
    assert!(tried.load(Ordering::Relaxed) < 20, "{tried:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_question_that_was_answered_before_it_could_be_told_the_answer_is_told() {
    let receiver = Receiver::start().await;
    let folder = receiver.folder(json!({}));
    let gateway = Gateway::start(folder.path()).await;
    receiver.awake.send_replace(false);
    gateway.pay(payment(1), &[]).await;
    receiver.until(1).await;
    // As long as the first message is on its way, nothing is told of the next question.
    let (_, pending) = gateway.pay(payment(2), &[]).await;
    let id = pending["approvals"][0].as_str().unwrap();
    interlock(folder.path(), &["approvals", "refuse", id, "--as", "dana"]).unwrap();
    receiver.awake.send_replace(true);
    let told = checked(&receiver.until(2).await[1]);
    assert_eq!((&told["type"], &told["data"]["id"]), (&json!("approval.refused"), &json!(id)));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_others_may_answer_too_they_are_told() {
    const QUARTER: Duration = Duration::from_secs(15 * 60);
    let receiver = Receiver::start().await;
    let world = asking(json!({"tools": ["shop/pay"], "roles": ["lead"]})).escalating("lead", "director", QUARTER);
    let house = world.house().await;
    let url = Secret::new(format!("http://{}/", receiver.address));
    let secret = Some(Secret::new(SECRET));
    let webhook = Webhook { url, secret, format: Format::Json, events: News::ALL.to_vec() };
    let telling = tokio::spawn(tell(house.mediator.approvals().clone(), vec![webhook], None));
    house.send(request("pay", json!({}))).await;
    receiver.until(1).await;
    world.clock.advance(QUARTER);
    let told = receiver.until(2).await;
    let whom = |nth: usize| {
        let told = checked(&told[nth]);
        (told["type"].clone(), told["data"]["roles"].clone(), told["data"]["link"].clone())
    };
    assert_eq!(whom(0), (json!("approval.asked"), json!(["lead"]), Value::Null));
    assert_eq!(whom(1), (json!("approval.escalated"), json!(["lead", "director"]), Value::Null));
    telling.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_for_the_moment_is_tried_again() {
    let receiver = Receiver::start().await;
    receiver.answers(503);
    let folder = receiver.folder(json!({}));
    let gateway = Gateway::start(folder.path()).await;
    gateway.pay(payment(1), &[]).await;
    receiver.until(2).await;
    receiver.answers(200);
    until(&folder, kind::APPROVAL_TOLD, 1).await;
    gateway.stop().await;
    assert_eq!(of_kind(&events(folder.path()).await, kind::APPROVAL_UNREACHABLE), Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_slack_strangers_text_mentions_and_links_nobody() {
    let receiver = Receiver::start().await;
    let folder = receiver.folder(json!({"format": "slack", "events": []}));
    let gateway = Gateway::start(folder.path()).await;
    let (_, pending) = gateway.pay(payment(1), &[]).await;
    let told = checked(&receiver.until(1).await[0]);
    let blocks = told["blocks"].as_array().unwrap();
    assert!(blocks[..2].iter().all(|block| block["text"]["type"] == "plain_text"), "{told}");
    let preview = blocks[1]["text"]["text"].as_str().unwrap();
    assert!(
        preview.contains("Pay 1 to <@everyone> & \\u{202e}co") || preview.contains("Pay 1 to <@everyone> &  co"),
        "{preview}"
    );
    let link = blocks[2]["elements"][0]["url"].as_str().unwrap();
    assert!(link.ends_with(pending["approvals"][0].as_str().unwrap()), "{link}");
    gateway.stop().await;
    let secrets = fs::read(folder.path().join("interlock.db")).unwrap();
    assert!(!secrets.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
}
