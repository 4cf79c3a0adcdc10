//! The door for people: the real program, its pages driven as a browser without scripts would.

mod bounds;
mod keys;

use std::{collections::HashMap, fs, path::Path, process::Stdio};

use interlock::journal::{Event, kind};
use reqwest::{Client, Response, StatusCode, redirect};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::{mediation::in_the_end, plugins::cache, swap::live::events};

/// A bank whose larger payments need approval, and whose gateway chooses its ports itself.
pub(crate) fn folder(rule: Value, more: Value) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut gate = json!({"tools": ["bank/process_payment"], "preview": "Pay {/amount} to {/to}"});
    gate.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
    let mut config = json!({
        "mcpServers": {"bank": {"component": "payments"}},
        "policies": [{"name": "large", "component": "approval", "settings": {"rules": [gate]}}],
        "approvals": {"hold_open_seconds": 0},
        "admin": {"listen": "127.0.0.1:0"},
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fs::write(folder.path().join("interlock.json"), config.to_string()).unwrap();
    folder
}

/// `interlock` at the command line: what it prints.
pub(crate) fn interlock(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_interlock"));
    command.args(arguments).current_dir(folder).env("INTERLOCK_CACHE_DIR", cache()).env_remove("INTERLOCK_CONFIG");
    let ended = command.output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    if ended.status.success() { Ok(String::from_utf8(ended.stdout).unwrap()) } else { Err(said) }
}

/// A gateway with both its doors.
pub(crate) struct Gateway {
    child: Child,
    /// Of the AI's door.
    pub(crate) root: String,
    /// Of the people's, where it is served.
    pub(crate) page: String,
    /// The link that lets one person in.
    pub(crate) link: String,
    client: Client,
}

impl Gateway {
    /// Starts one, and reads what it says until `last` is in it.
    pub(crate) async fn start_until(folder: &Path, last: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_interlock"))
            .args(["serve", "--http", "127.0.0.1:0"])
            .current_dir(folder)
            .env("INTERLOCK_CACHE_DIR", cache())
            .env_remove("INTERLOCK_CONFIG")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (mut root, mut page, mut link) = (String::new(), String::new(), String::new());
        loop {
            let line = lines.next_line().await.unwrap().expect("it ended before it served");
            let address = || format!("http://{}", line.split_once("http://").unwrap().1);
            if line.contains("serves MCP") {
                root = address().trim_end_matches("/mcp").to_owned();
            } else if line.contains("serves people") {
                page = address().trim_end_matches("/approvals").to_owned();
            } else if line.contains("/enter?link=") {
                link = address();
            }
            if line.contains(last) {
                break;
            }
        }
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let client = Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        Self { child, root, page, link, client }
    }

    pub(crate) async fn start(folder: &Path) -> Self {
        Self::start_until(folder, "/enter?link=").await
    }

    /// A payment by the AI's door: the status, and what is told.
    pub(crate) async fn pay(&self, arguments: Value, headers: &[(&'static str, &str)]) -> (StatusCode, Value) {
        let mut request = self.client.post(format!("{}/tools/bank/process_payment", self.root)).json(&arguments);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    /// A payment by MCP, in the session `s`, as one of a batch.
    async fn over_mcp(&self, arguments: Value, batch: Value) -> Value {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "interlock/session": "s", "interlock/batch": batch,
        });
        let params = json!({"name": "bank__process_payment", "arguments": arguments, "_meta": meta});
        let request = self.client.post(format!("{}/mcp", self.root));
        let request = request.header("accept", "application/json, text/event-stream");
        let request = request.header("mcp-protocol-version", "2026-07-28").header("mcp-method", "tools/call");
        let request = request.header("mcp-name", "bank__process_payment");
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        request.json(&body).send().await.unwrap().json().await.unwrap()
    }

    pub(crate) async fn stop(mut self) {
        let pid = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").arg(pid).status().unwrap().success());
        assert!(self.child.wait().await.unwrap().success());
    }
}

/// Somebody with a browser that follows no redirects, so that tests see them.
pub(crate) struct Browser {
    client: Client,
    base: String,
    cookie: Option<String>,
}

/// A page as it came.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    /// Where it leads on to.
    pub(crate) to: Option<String>,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) text: String,
}

impl Page {
    /// The value of a hidden field.
    pub(crate) fn field(&self, name: &str) -> String {
        let (_, rest) =
            self.text.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{}", self.text));
        rest.split('"').next().unwrap().to_owned()
    }
}

impl Browser {
    pub(crate) fn at(base: &str) -> Self {
        let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
        Self { client, base: base.to_owned(), cookie: None }
    }

    async fn read(&mut self, answer: Response) -> Page {
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        if let Some(set) = header("set-cookie") {
            assert!(set.contains("; HttpOnly; SameSite=Strict"), "{set}");
            self.cookie = Some(set.split(';').next().unwrap().to_owned());
        }
        let headers =
            answer.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let (status, to, headers) = (answer.status(), header("location"), headers.collect());
        Page { status, to, headers, text: answer.text().await.unwrap() }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Page {
        let mut request = self.client.get(format!("{}{path}", self.base));
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let answer = request.send().await.unwrap();
        self.read(answer).await
    }

    /// A form, ready to be sent from a page of this site.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let request = self
            .client
            .post(format!("{}{path}", self.base))
            .header("origin", &self.base)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.finish());
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let answer = self.form(path, fields).send().await.unwrap();
        self.read(answer).await
    }

    /// Comes in by a link.
    pub(crate) async fn enter(&mut self, link: &str, name: &str, roles: &str) -> Page {
        let page = self.get(link.strip_prefix(&self.base).unwrap()).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let secret = page.field("link");
        self.post("/enter", &[("link", &secret), ("name", name), ("roles", roles)]).await
    }

    /// Answers a question as its page shows it.
    pub(crate) async fn answer(&mut self, id: &str, answer: &str, reason: &str) -> Page {
        let path = format!("/approvals/{id}");
        let page = self.get(&path).await;
        let (token, seen) = (page.field("token"), page.field("seen"));
        self.post(&path, &[("token", &token), ("seen", &seen), ("answer", answer), ("reason", reason)]).await
    }
}

pub(crate) fn of_kind(events: &[Event], kind: &str) -> Vec<Value> {
    events.iter().filter(|event| event.kind == kind).map(|event| (*event.body).clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_is_looked_at_and_answered_on_a_page_without_scripts() {
    let folder = folder(json!({}), json!({}));
    let gateway = Gateway::start(folder.path()).await;
    let hostile =
        json!({"payment_id": "p1", "amount": 500, "to": "<script>alert(1)</script>\u{202e}\"'", "n\u{200f}": "]]>"});
    let (status, pending) = gateway.pay(hostile.clone(), &[]).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{pending}");
    let id = pending["approvals"][0].as_str().unwrap();

    let mut dana = Browser::at(&gateway.page);
    for path in ["/approvals", &format!("/approvals/{id}"), "/delegations"] {
        let away = dana.get(path).await;
        assert!(away.status == 303 && away.to.unwrap().starts_with("/sign-in"), "{path}");
        assert!(!away.text.contains("script"), "{path}");
    }
    assert_eq!(dana.enter(&gateway.link, "dana", "lead, board").await.to.as_deref(), Some("/approvals"));
    let list = dana.get("/approvals").await;
    assert!(list.text.contains(id) && list.text.contains("Pay 500 to &lt;script&gt;"), "{}", list.text);

    let page = dana.get(&format!("/approvals/{id}")).await;
    for raw in ["<script", "\u{202e}", "\u{200f}", "href=\"http", "onclick"] {
        assert!(!page.text.contains(raw), "{raw}: {}", page.text);
    }
    for shown in ["&lt;script&gt;alert(1)&lt;/script&gt;", "\\u{202e}", "&quot;amount&quot;: 500", "large", "local"] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    let csp = &page.headers["content-security-policy"];
    assert!(
        csp.starts_with("default-src 'none';") && csp.contains("frame-ancestors 'none'") && !csp.contains("script")
    );
    assert_eq!((&*page.headers["x-frame-options"], &*page.headers["cache-control"]), ("DENY", "no-store"));

    assert_eq!(dana.answer(id, "approve", "the invoice is there").await.to, Some(format!("/approvals/{id}")));
    let answered = dana.get(&format!("/approvals/{id}")).await;
    assert!(answered.text.contains("granted") && answered.text.contains("the invoice is there"));
    assert!(!answered.text.contains("name=\"seen\""), "there is nothing more to answer");
    assert_eq!(gateway.pay(hostile, &[]).await.0, 200);
    gateway.stop().await;

    let granted = of_kind(&events(folder.path()).await, kind::APPROVAL_GRANTED);
    assert_eq!((granted.len(), &granted[0]["by"], &granted[0]["channel"]), (1, &json!("dana"), &json!("page")));
    assert_eq!((&granted[0]["seen"], &granted[0]["roles"]), (&json!(page.field("seen")), &json!(["lead", "board"])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_lets_one_person_in_whoever_made_it_and_nobody_twice() {
    let folder = folder(json!({}), json!({}));
    let gateway = Gateway::start(folder.path()).await;
    let mut dana = Browser::at(&gateway.page);
    // Being looked at does not use it up.
    for _ in 0..2 {
        let path = gateway.link.strip_prefix(&gateway.page).unwrap().to_owned();
        assert_eq!(dana.get(&path).await.status, 200);
    }
    let secret = &*gateway.link.split_once("link=").unwrap().1.to_owned();
    assert_eq!(
        dana.post("/enter", &[("link", secret), ("name", " ")]).await.status,
        400,
        "nobody comes in without a name"
    );
    let (mut one, mut other) = (Browser::at(&gateway.page), Browser::at(&gateway.page));
    let form = [("link", secret), ("name", "dana")];
    let (one, other) = tokio::join!(one.post("/enter", &form), other.post("/enter", &form));
    let mut all = [one.status.as_u16(), other.status.as_u16()];
    all.sort_unstable();
    assert_eq!(all, [303, 403], "of two at the same instant, one");
    for wrong in ["", "0", &"0".repeat(64), secret] {
        assert_eq!(dana.get(&format!("/enter?link={wrong}")).await.status, 403, "{wrong}");
        assert_eq!(dana.post("/enter", &[("link", wrong), ("name", "x")]).await.status, 403, "{wrong}");
    }
    assert_eq!(dana.post("/sign-in", &[("key", "ilk_x")]).await.status, 404, "no keys are asked for");

    gateway.stop().await;
    let said = interlock(folder.path(), &["approvals", "link"]).unwrap_err();
    assert!(said.contains("no gateway serves the page"), "{said}");
    let text = fs::read(folder.path().join("interlock.db")).unwrap();
    assert!(!text.windows(64).any(|window| window == secret.as_bytes()), "the secret is in the journal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_answers_is_told_that_arguments_are_not_there_to_their_end() {
    let journal = json!({"max_body_kib": 1});
    let folder = folder(json!({}), json!({"journal": journal}));
    let gateway = Gateway::start(folder.path()).await;
    let payment = |to: &str| json!({"payment_id": "p", "amount": 1, "to": to, "note": "x".repeat(4096)});
    let (_, pending) = gateway.pay(payment("a"), &[]).await;
    let (_, whole) = gateway.pay(json!({"payment_id": "p", "amount": 1, "to": "b"}), &[]).await;
    let mut dana = Browser::at(&gateway.page);
    dana.enter(&gateway.link, "dana", "").await;
    for (asked, cut) in [(&pending, true), (&whole, false)] {
        let id = asked["approvals"][0].as_str().unwrap();
        assert_eq!(dana.get(&format!("/approvals/{id}")).await.text.contains("too large to be kept whole"), cut);
        assert_eq!(interlock(folder.path(), &["approvals", "show", id]).unwrap().contains("too large to be kept"), cut);
        let told = reqwest::get(format!("{}/approvals/{id}", gateway.root)).await.unwrap();
        assert_eq!(told.json::<Value>().await.unwrap()["calls"][0]["arguments_cut"], cut);
    }
    // A yes is for all of what was asked, and for nothing else with the same beginning.
    let id = pending["approvals"][0].as_str().unwrap();
    assert_eq!(dana.answer(id, "approve", "").await.status, 303);
    let mut other = payment("a");
    other["note"] = format!("{}y", "x".repeat(4095)).into();
    assert_eq!(gateway.pay(other, &[]).await.0, 202);
    assert_eq!(gateway.pay(payment("a"), &[]).await.0, 200);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_port_is_taken_calls_are_served_all_the_same_and_a_link_can_be_made_beside_it() {
    let folder = folder(json!({}), json!({}));
    let first = Gateway::start(folder.path()).await;
    let listen = first.page.trim_start_matches("http://").to_owned();
    let path = folder.path().join("interlock.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("127.0.0.1:0", &listen)).unwrap();
    let second = Gateway::start_until(folder.path(), "people are not served at").await;
    for arguments in [["serve", "--admin", "0.0.0.0:0"], ["serve", "--http", "0.0.0.0:0"]] {
        assert!(interlock(folder.path(), &arguments).unwrap_err().contains("reachable from other machines"));
    }
    let (status, pending) = second.pay(json!({"payment_id": "p", "amount": 1, "to": "x"}), &[]).await;
    assert_eq!(status, 202);
    // Made by a third process, for the page of the first, wherever that may be, about a question of the second.
    fs::write(&path, &text).unwrap();
    let status: Value = serde_json::from_str(&interlock(folder.path(), &["status", "--json"]).unwrap()).unwrap();
    let page = json!({"url": first.page, "keys": false});
    assert_eq!((&status["serving"][0]["page"], &status["serving"][1]["page"]), (&page, &Value::Null));
    let link = interlock(folder.path(), &["approvals", "link"]).unwrap();
    let mut dana = Browser::at(&first.page);
    dana.enter(link.trim(), "dana", "").await;
    let answered = dana.answer(pending["approvals"][0].as_str().unwrap(), "refuse", "not today").await;
    assert_eq!(answered.status, 303);
    let (status, refused) = second.pay(json!({"payment_id": "p", "amount": 1, "to": "x"}), &[]).await;
    assert_eq!((status.as_u16(), &refused["refused"][0]["code"]), (403, &json!("approval_refused")));
    assert!(refused["detail"].as_str().unwrap().contains("not today"), "{refused}");
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_sent_to_whoever_else_has_the_address() {
    let squatter = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = squatter.local_addr().unwrap().to_string();
    let folder = folder(json!({}), json!({"admin": {"listen": address}}));
    let said = interlock(folder.path(), &["serve", "--http", "127.0.0.1:0"]).unwrap_err();
    assert!(said.contains(&format!("people cannot be served at {address}")), "{said}");
    drop(squatter);

    // Of two gateways the second one serves people once the first has ended.
    let first = Gateway::start(folder.path()).await;
    let second = Gateway::start_until(folder.path(), "people are not served at").await;
    let (_, pending) = second.pay(json!({"payment_id": "p", "amount": 1, "to": "x"}), &[]).await;
    assert!(pending["links"]["page"].as_str().unwrap().starts_with(&first.page), "{pending}");
    let page = first.page.clone();
    first.stop().await;
    let link = in_the_end(async {
        loop {
            match interlock(folder.path(), &["approvals", "link"]) {
                Ok(link) => return link,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    });
    let link = link.await;
    let mut dana = Browser::at(&page);
    assert_eq!(dana.enter(link.trim(), "dana", "").await.to.as_deref(), Some("/approvals"));
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_made_for_what_a_gateway_asks_for_and_not_for_what_the_file_says_by_now() {
    let folder = folder(json!({}), json!({}));
    let gateway = Gateway::start(folder.path()).await;
    let path = folder.path().join("interlock.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config["auth"] = json!({"keys": true});
    fs::write(path, config.to_string()).unwrap();
    let link = interlock(folder.path(), &["approvals", "link"]).unwrap();
    let mut dana = Browser::at(&gateway.page);
    assert_eq!(dana.enter(link.trim(), "dana", "").await.to.as_deref(), Some("/approvals"));
    gateway.stop().await;
}

/// Orders a stop; what is said beside it.
fn stopped(folder: &Path) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_interlock"));
    command.args(["stop", "--reason", "x"]).current_dir(folder).env("INTERLOCK_CACHE_DIR", cache());
    let ended = command.env_remove("INTERLOCK_CONFIG").output().unwrap();
    assert!(ended.status.success());
    String::from_utf8(ended.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_id_is_no_beginning_of_one() {
    let folder = folder(json!({}), json!({}));
    let gateway = Gateway::start(folder.path()).await;
    gateway.pay(json!({"payment_id": "p", "amount": 1, "to": "x"}), &[]).await;
    assert!(!stopped(folder.path()).contains("no gateway is running"));
    for arguments in [
        &["approvals", "approve", "", "--as", "dana"][..],
        &["approvals", "refuse", ""],
        &["approvals", "show", ""],
        &["approvals", "delegate", "--end", ""],
        &["resume", ""],
        &["calls", "show", ""],
    ] {
        let said = interlock(folder.path(), arguments).unwrap_err();
        assert!(said.contains("a value is required"), "{arguments:?}: {said}");
    }
    gateway.stop().await;
    assert!(stopped(folder.path()).contains("no gateway is running that uses the journal"));
    let said = interlock(folder.path(), &["stop", "--principal", " ", "--reason", "x"]).unwrap_err();
    assert!(said.contains("`--principal` is empty"), "{said}");
    assert_eq!(of_kind(&events(folder.path()).await, kind::APPROVAL_GRANTED), Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_stdio_the_page_is_there_where_it_is_configured_and_the_ai_app_is_shown_no_link() {
    for configured in [true, false] {
        let folder = folder(json!({}), json!({}));
        if !configured {
            let path = folder.path().join("interlock.json");
            let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            config.as_object_mut().unwrap().remove("admin");
            fs::write(path, config.to_string()).unwrap();
        }
        let child = Command::new(env!("CARGO_BIN_EXE_interlock"))
            .arg("serve")
            .current_dir(folder.path())
            .env("INTERLOCK_CACHE_DIR", cache())
            .env_remove("INTERLOCK_CONFIG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The app has hung up: it ends.
        let ended = child.wait_with_output().await.unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(ended.status.success() && ended.stdout.is_empty(), "{said}");
        assert_eq!(said.contains("serves people at http://127.0.0.1:"), configured, "{said}");
        assert!(!said.contains("link="), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_one_question_on_the_page_over_rest_and_at_the_command_line() {
    let folder = folder(json!({}), json!({}));
    let gateway = Gateway::start(folder.path()).await;
    let payment = |nth: u32| json!({"payment_id": format!("p{nth}"), "amount": nth, "to": "x"});
    let batch = [("interlock-batch", "salaries;size=2"), ("interlock-session", "s")];
    for wrong in ["salaries", "salaries;size=0", "salaries;size=101", ";size=2", "a;size=two"] {
        assert_eq!(gateway.pay(payment(1), &[("interlock-batch", wrong)]).await.0, 400, "{wrong}");
    }
    let (_, first) = gateway.pay(payment(1), &batch).await;
    let id = first["approvals"][0].as_str().unwrap().to_owned();
    let mut dana = Browser::at(&gateway.page);
    dana.enter(&gateway.link, "dana", "").await;
    let early = dana.get(&format!("/approvals/{id}")).await;
    assert!(early.text.contains("1 of 2") && !early.text.contains("name=\"seen\""), "{}", early.text);
    let said = interlock(folder.path(), &["approvals", "approve", &id, "--as", "dana"]).unwrap_err();
    assert!(said.contains("of the 2 calls"), "{said}");

    // The other comes in by MCP, in the same session.
    let second = gateway.over_mcp(payment(2), json!({"name": "salaries", "size": 2})).await;
    let refused = &second["result"]["structuredContent"]["interlock"]["refused"][0];
    assert_eq!((&refused["code"], &refused["approval"]), (&json!("approval_pending"), &json!(id)), "{second}");
    let wrong = gateway.over_mcp(payment(2), json!({"name": "salaries", "size": 0})).await;
    assert_eq!(wrong["error"]["code"], -32602, "{wrong}");
    let listed: Value = serde_json::from_str(&interlock(folder.path(), &["approvals", "--json"]).unwrap()).unwrap();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["id"]), (1, &json!(id)));
    let shown: Value =
        serde_json::from_str(&interlock(folder.path(), &["approvals", "show", &id, "--json"]).unwrap()).unwrap();
    assert_eq!((shown["approvals"].as_array().unwrap().len(), &shown["batch"]["name"]), (2, &json!("salaries")));
    let part = shown["approvals"][1]["id"].as_str().unwrap();
    let said = interlock(folder.path(), &["approvals", "refuse", part, "--as", "dana"]).unwrap_err();
    assert!(said.contains("answered together"), "{said}");
    let page = dana.get(&format!("/approvals/{id}")).await;
    assert_eq!(json!(page.field("seen")), shown["digest"]);
    assert!(page.text.contains("&quot;p1&quot;") && page.text.contains("&quot;p2&quot;"), "{}", page.text);
    let seen = shown["digest"].as_str().unwrap();
    interlock(folder.path(), &["approvals", "approve", &id, "--as", "dana", "--seen", seen]).unwrap();
    for nth in [1, 2] {
        assert_eq!(gateway.pay(payment(nth), &batch).await.0, 200);
    }
    gateway.stop().await;
}
