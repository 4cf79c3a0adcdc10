//! What comes to the door for people and is none of theirs: forged, altered, too late, too large.

use std::time::Duration;

use axum::{body::Body, http::Request};
use interlock::{
    admin::{Admin, Config, Links, serve},
    journal::kind,
    listening::Bounds,
    tasks::Tasks,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{Browser, Gateway, folder, of_kind};
use crate::{
    mediation::{asking, request},
    swap::live::events,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_form_of_ones_own_page_about_what_it_showed_is_an_answer() {
    let folder = folder(json!({}), json!({}));
    let gateway = Gateway::start(folder.path()).await;
    let mut ids = Vec::new();
    for nth in [1, 2] {
        let (_, pending) = gateway.pay(json!({"payment_id": "p", "amount": nth, "to": "x"}), &[]).await;
        ids.push(pending["approvals"][0].as_str().unwrap().to_owned());
    }
    let mut dana = Browser::at(&gateway.page);
    dana.enter(&gateway.link, "dana", "").await;
    let (path, other) = (format!("/approvals/{}", ids[0]), format!("/approvals/{}", ids[1]));
    let page = dana.get(&path).await;
    let (token, seen, elsewhere) = (page.field("token"), page.field("seen"), dana.get(&other).await.field("seen"));
    let form = [("token", &*token), ("seen", &*seen), ("answer", "approve")];

    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1", &gateway.root] {
        let (client, request) = dana.form(&path, &form).build_split();
        let mut request = request.unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        assert_eq!(client.execute(request).await.unwrap().status(), 403, "{origin}");
    }
    let (client, request) = dana.form(&path, &form).build_split();
    let mut request = request.unwrap();
    request.headers_mut().remove("origin");
    assert_eq!(client.execute(request).await.unwrap().status(), 403, "no origin");
    assert_eq!(status(dana.form(&path, &form).header("sec-fetch-site", "same-site")).await, 403);
    assert_eq!(status(dana.form(&path, &form).header("host", "evil.example")).await, 403, "DNS rebinding");

    assert_eq!(dana.post(&path, &form[1..]).await.status, 403, "no token");
    assert_eq!(dana.post(&path, &[("token", "0"), form[1], form[2]]).await.status, 403, "another token");
    let twice = [form[0], form[0], form[1], form[2]];
    assert_eq!(dana.post(&path, &twice).await.status, 403, "two tokens");
    assert_eq!(
        dana.post(&path, &[form[0], ("seen", &elsewhere), form[2]]).await.status,
        409,
        "what another page showed"
    );
    assert_eq!(dana.post(&path, &[form[0], form[2]]).await.status, 400, "nothing seen");
    assert_eq!(dana.post(&path, &[form[0], form[1], ("answer", "maybe")]).await.status, 400);
    let long = "x".repeat(70_000);
    assert_eq!(dana.post(&path, &[form[0], form[1], form[2], ("reason", &long)]).await.status, 413);
    let (client, request) = dana.form(&path, &form).build_split();
    let mut request = request.unwrap();
    request.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(client.execute(request).await.unwrap().status(), 415);
    let stranger = Browser::at(&gateway.page);
    assert_eq!(status(stranger.form(&path, &form)).await, 303, "who is not signed in is sent to sign in");
    let at_the_ais_door = Browser::at(&gateway.root);
    // There the same path shows a question to programs; whatever is posted to it is no answer.
    assert_eq!(status(at_the_ais_door.form(&path, &form)).await, 405, "it takes no such form");

    assert_eq!(dana.post(&path, &form).await.status, 303);
    assert_eq!(dana.post(&path, &form).await.status, 409, "it is answered");
    assert_eq!(dana.post("/sign-out", &[("token", &token)]).await.status, 303);
    assert_eq!(dana.get(&path).await.status, 303, "who has gone out is out");
    gateway.stop().await;
    let events = events(folder.path()).await;
    assert_eq!(
        (of_kind(&events, kind::APPROVAL_GRANTED).len(), of_kind(&events, kind::APPROVAL_REFUSED).len()),
        (1, 0)
    );
}

/// A browser without a network, before a house whose clock stands still.
struct Visitor {
    admin: Admin,
    cookie: String,
}

impl Visitor {
    async fn send(&self, method: &str, path: &str, body: String) -> (u16, Option<String>, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("origin", "http://localhost:7")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", &self.cookie)
            .body(Body::from(body))
            .unwrap();
        let answer = tower::Service::call(&mut self.admin.router(), request).await.unwrap();
        let cookie =
            answer.headers().get("set-cookie").map(|set| set.to_str().unwrap().split(';').next().unwrap().to_owned());
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, cookie, String::from_utf8(body.to_vec()).unwrap())
    }
}

fn field(page: &str, name: &str) -> String {
    page.split_once(&format!("name=\"{name}\" value=\"")).unwrap().1.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn after_its_time_a_question_cannot_be_answered_and_a_session_and_a_link_end_too() {
    let world = asking(json!({"tools": ["shop/pay"], "expire_minutes": 20}));
    let house = world.house().await;
    let (hosts, origins) = (vec!["localhost".to_owned()], vec!["http://localhost:7".to_owned()]);
    let approvals = house.mediator.approvals().clone();
    let bounds = Bounds { most_connections: 1, head_wait: Duration::from_secs(30) };
    let admin = Admin::new(Config { hosts, origins, secure: false, bounds }, approvals.clone(), None);
    let links = Links::new(house.journal.clone());
    let secret = async || links.make("test", "").await.unwrap().expose().split_once("link=").unwrap().1.to_owned();
    let mut visitor = Visitor { admin, cookie: String::new() };
    let late = secret().await;
    world.clock.advance(Duration::from_secs(601));
    assert_eq!(visitor.send("GET", &format!("/enter?link={late}"), String::new()).await.0, 403);
    let form = format!("link={}&name=olga", secret().await);
    let (status, cookie, _) = visitor.send("POST", "/enter", form).await;
    assert_eq!(status, 303);
    visitor.cookie = cookie.unwrap();

    house.send(request("pay", json!({}))).await;
    let id = approvals.list().await.unwrap()[0].id.clone();
    let path = format!("/approvals/{id}");
    let (_, _, page) = visitor.send("GET", &path, String::new()).await;
    let form = format!("token={}&seen={}&answer=approve", field(&page, "token"), field(&page, "seen"));
    world.clock.advance(Duration::from_secs(1201));
    let (status, _, page) = visitor.send("POST", &path, form.clone()).await;
    assert!(status == 409 && page.contains("is expired, not open"), "{status}: {page}");
    assert_eq!(house.events(kind::APPROVAL_GRANTED).await, []);
    world.clock.advance(Duration::from_secs(1801));
    assert_eq!(visitor.send("POST", &path, form).await.0, 303, "half an hour without a request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_says_nothing_makes_room_for_others() {
    let world = asking(json!({"tools": ["shop/pay"]}));
    let house = world.house().await;
    let bounds = Bounds { most_connections: 1, head_wait: Duration::from_millis(200) };
    let config = Config { hosts: vec!["localhost".to_owned()], origins: Vec::new(), secure: false, bounds };
    let admin = Admin::new(config, house.mediator.approvals().clone(), None);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, tasks) = (listener.local_addr().unwrap(), Tasks::new());
    let served = tasks.clone();
    let serving = tokio::spawn(async move { serve(&admin, listener, &served).await });
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut next = TcpStream::connect(address).await.unwrap();
    next.write_all(b"GET /sign-in HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let (mut nothing, mut answer) = (Vec::new(), [0; 12]);
    next.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    // It is over: whatever was said to it, the door has hung up.
    drop(silent.read_to_end(&mut nothing).await);
    tasks.stop(Duration::from_secs(10)).await;
    serving.await.unwrap();
}
