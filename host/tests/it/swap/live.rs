//! The program as users run it, with many clients at work, while files change under it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use interlock::{
    journal::{Event, Query, kind},
    sandbox::standard_plugins,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::{configuration, first, put, rule, second, sha256};
use crate::plugins::cache;

/// Callers at once.
const CLIENTS: usize = 32;
/// How often the component is swapped under them.
const SWAPS: usize = 20;

/// `interlock serve --http`, killed when dropped.
pub(crate) struct Served {
    child: Child,
    pub(crate) url: String,
    client: reqwest::Client,
    said: Arc<Mutex<String>>,
}

impl Served {
    pub(crate) async fn start(folder: &Path) -> Self {
        Self::start_as(folder, Command::new(env!("CARGO_BIN_EXE_interlock"))).await
    }

    /// As somebody who may read only what the files' modes say: root may read everything, but for this.
    async fn start_as_anybody(folder: &Path) -> Self {
        let is_root = std::process::Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        if !is_root {
            return Self::start(folder).await;
        }
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-dac_override,-dac_read_search", "--", env!("CARGO_BIN_EXE_interlock")]);
        Self::start_as(folder, command).await
    }

    /// As a command with arguments of its own, which come first.
    pub(crate) async fn start_as(folder: &Path, mut command: Command) -> Self {
        let mut child = command
            .args(["serve", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .current_dir(folder)
            .env("INTERLOCK_CACHE_DIR", cache())
            .env_remove("INTERLOCK_CONFIG")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = loop {
            let line = lines.next_line().await.unwrap().expect("it ended before it served");
            if let Some((_, address)) = line.split_once("http://") {
                break format!("http://{address}");
            }
        };
        let said = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&said);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                heard.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        Self { child, url, client: reqwest::Client::builder().no_proxy().build().unwrap(), said }
    }

    /// What it has said on standard error so far, since it serves.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// A call of `ci__run_tests`, to be sent to this address.
    pub(crate) fn call(&self, url: &str) -> reqwest::RequestBuilder {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "swap", "version": "1"},
        });
        let call = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "ci__run_tests", "arguments": {"revision": "r1"}, "_meta": meta},
        });
        self.client
            .post(url)
            .header("Accept", "application/json, text/event-stream")
            .header("MCP-Protocol-Version", "2026-07-28")
            .header("Mcp-Method", "tools/call")
            .header("Mcp-Name", "ci__run_tests")
            .json(&call)
    }

    /// Makes a call and returns the codes of all refusals.
    async fn codes(&self) -> Vec<String> {
        let answer: Value = self.call(&self.url).send().await.unwrap().json().await.unwrap();
        let refused = answer["result"]["structuredContent"]["interlock"]["refused"].as_array();
        let refused = refused.unwrap_or_else(|| panic!("a call was lost: {answer}"));
        refused.iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect()
    }

    /// Calls until the answer has this code.
    async fn until(&self, code: &str) {
        while self.codes().await[0] != code {}
    }

    /// Another one in its place, which knows nothing but what the journal has.
    pub(crate) async fn again(self, folder: &Path) -> Self {
        self.stop().await;
        Self::start(folder).await
    }

    pub(crate) async fn stop(mut self) {
        let pid = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").arg(pid).status().unwrap().success());
        assert!(self.child.wait().await.unwrap().success());
    }
}

pub(crate) async fn events(folder: &Path) -> Vec<Event> {
    let config =
        interlock::config::load(&folder.join("interlock.json"), &|_| None, &interlock::sandbox::standard_plugins());
    let (journal, _) = interlock::app::open_journal(&config.unwrap()).await.unwrap();
    let (mut all, mut query) = (Vec::new(), Query::default());
    loop {
        let some = journal.read(&query).await.unwrap();
        let Some(last) = some.last() else { break };
        query.after = last.seq;
        all.extend(some);
    }
    journal.close(std::time::Duration::from_secs(60)).await;
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_many_callers_every_call_is_judged_by_one_set_and_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "rule.wasm", &first());
    let mut config = configuration();
    let mut other = rule();
    other["name"] = "other".into();
    config["policies"] = json!([rule(), other]);
    fs::write(folder.path().join("interlock.json"), config.to_string()).unwrap();
    let served = Arc::new(Served::start(folder.path()).await);
    let over = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (served, over) = (served.clone(), over.clone());
            tokio::spawn(async move {
                let mut calls = 0;
                while !over.load(Ordering::SeqCst) {
                    let codes = served.codes().await;
                    // Both policies are the one file.
                    assert!(
                        codes == ["told_to", "told_to"] || codes == ["told_2x", "told_2x"],
                        "half of each: {codes:?}"
                    );
                    calls += 1;
                }
                calls
            })
        })
        .collect();
    for swap in 0..SWAPS {
        let (bytes, code) = if swap % 2 == 0 { (second(), "told_2x") } else { (first(), "told_to") };
        put(folder.path(), "rule.wasm", &bytes);
        served.until(code).await;
        assert_eq!(served.codes().await[0], code, "after the first new verdict there is no old one");
    }
    over.store(true, Ordering::SeqCst);
    let mut made = 0;
    for caller in callers {
        made += caller.await.unwrap();
    }
    Arc::into_inner(served).unwrap().stop().await;
    let (mut sets, mut judged) = (BTreeMap::new(), 0);
    for event in events(folder.path()).await {
        match event.kind.as_str() {
            kind::CONFIG_APPLIED => {
                let components: Vec<_> =
                    event.body["policies"].as_array().unwrap().iter().map(|one| one["component"].clone()).collect();
                assert_eq!(components[0], components[1]);
                sets.insert(event.body["set"].as_str().unwrap().to_owned(), components[0].clone());
            }
            kind::CALL_REFUSED => {
                judged += 1;
                // On record before any call that names it.
                let component = &sets[event.body["set"].as_str().unwrap()];
                let is_second = *component == json!(sha256(&second()));
                let code = if is_second { "told_2x" } else { "told_to" };
                let policies = event.body["policies"].as_array().unwrap();
                assert!(policies.len() == 2 && policies.iter().all(|one| one["code"] == code), "{}", event.body);
            }
            _ => {}
        }
    }
    assert_eq!(sets.len(), 2);
    assert!(judged >= made + SWAPS, "{made} calls were answered, {judged} are on record");
}

/// Runs `interlock` in the folder: its exit code, and what it says.
async fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlock"));
    command.args(arguments).current_dir(folder).env_remove("INTERLOCK_CONFIG").kill_on_drop(true);
    let output = command.output().await.unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

async fn json(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&run(folder, &[arguments, &["--json"]].concat()).await.1).unwrap()
}

/// What `interlock status` says of the one gateway, as a person and as a program read it.
async fn status(folder: &Path) -> (String, Value) {
    let page = json(folder, &["status"]).await;
    (run(folder, &["status"]).await.1, page["serving"][0].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_look_at_a_candidate_put_it_in_force_and_take_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    put(at, "rule.wasm", &first());
    let mut config = configuration();
    config["policies"][0]["rollout"] = json!({"mode": "shadow"});
    put(at, "interlock.json", config.to_string().as_bytes());
    let served = Served::start(at).await;
    served.until("told_to").await;
    let (code, said) = run(at, &["plugin", "promote", "rule"]).await;
    assert!(code == Some(1) && said.contains("no candidate"), "{code:?} {said}");
    put(at, "rule.wasm", &second());
    while json(at, &["plugin", "list"]).await[0]["diverged"].as_u64().unwrap_or_default() == 0 {
        assert_eq!(served.codes().await, ["told_to"]);
    }
    let shown = json(at, &["plugin", "show", "rule"]).await;
    assert_eq!(
        (&shown["component"], &shown["candidate"]["component"]),
        (&json!(sha256(&first())), &json!(sha256(&second())))
    );
    let (_, text) = run(at, &["plugin", "show", "rule"]).await;
    assert!(text.contains("ci/run_tests: refuse (told_to), the candidate: refuse (told_2x)"), "{text}");
    assert_eq!(run(at, &["plugin", "promote", "rule", "--as", "ann"]).await.0, Some(0));
    served.until("told_2x").await;
    assert_eq!(run(at, &["plugin", "rollback", "rule"]).await.0, Some(0));
    served.until("told_to").await;
    let shown = json(at, &["plugin", "show", "rule"]).await;
    assert_eq!((&shown["taken_back"], &shown["candidate"]), (&json!(sha256(&second())), &Value::Null));
    for arguments in [["plugin", "rollback", "nobody"], ["plugin", "show", "nobody"]] {
        let (code, said) = run(at, &arguments).await;
        assert!(code == Some(1) && said.contains("knows of no policy `nobody`"), "{code:?} {said}");
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_and_not_in_force_can_be_seen_from_outside() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "rule.wasm", &first());
    put(folder.path(), "interlock.json", configuration().to_string().as_bytes());
    let served = Served::start(folder.path()).await;
    let (_, serving) = status(folder.path()).await;
    assert_eq!((&serving["pid"], &serving["kept"]), (&json!(served.child.id()), &json!([])));
    put(folder.path(), "rule.wasm", b"nothing");
    let (text, serving) = loop {
        let (text, serving) = status(folder.path()).await;
        if serving["kept"] != json!([]) {
            break (text, serving);
        }
    };
    assert_eq!(serving["kept"][0]["name"], "rule");
    assert!(text.contains("keeps policy `rule` as it was: not a WebAssembly component"), "{text}");
    let mut config = configuration();
    config["policies"][0]["settings"]["how"] = "never heard of".into();
    put(folder.path(), "interlock.json", config.to_string().as_bytes());
    put(folder.path(), "rule.wasm", &first());
    let text = loop {
        let (text, serving) = status(folder.path()).await;
        if serving["rejected"] != json!([]) {
            break text;
        }
    };
    assert!(text.contains("goes by the configuration before: policy `rule`: `settings/how`"), "{text}");
    assert_eq!(served.codes().await, ["told_to"]);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_taken_over_however_they_are_changed() {
    let folder = tempfile::tempdir().unwrap();
    // As Kubernetes mounts them: each file a link through one link that is swapped.
    let mount = |name: &str, rule: &[u8], config: &Value| {
        let at = folder.path().join(name);
        fs::create_dir(&at).unwrap();
        fs::write(at.join("rule.wasm"), rule).unwrap();
        fs::write(at.join("interlock.json"), config.to_string()).unwrap();
        symlink(name, folder.path().join("..next")).unwrap();
        fs::rename(folder.path().join("..next"), folder.path().join("..data")).unwrap();
    };
    mount("..1", &first(), &configuration());
    for name in ["rule.wasm", "interlock.json"] {
        symlink(format!("..data/{name}"), folder.path().join(name)).unwrap();
    }
    let served = Served::start(folder.path()).await;
    served.until("told_to").await;
    mount("..2", &second(), &configuration());
    served.until("told_2x").await;
    // Written in place.
    fs::write(folder.path().join("rule.wasm"), first()).unwrap();
    served.until("told_to").await;
    // Moved into the link's place.
    put(folder.path(), "rule.wasm", &second());
    served.until("told_2x").await;
    // Another configuration names another file.
    put(folder.path(), "third.wasm", &first());
    let mut config = configuration();
    config["policies"][0]["component"] = "./third.wasm".into();
    put(folder.path(), "interlock.json", config.to_string().as_bytes());
    served.until("told_to").await;
    // And is followed from now on.
    put(folder.path(), "third.wasm", &second());
    served.until("told_2x").await;
    // Gone, and back with something else.
    fs::remove_file(folder.path().join("third.wasm")).unwrap();
    put(folder.path(), "third.wasm", &first());
    served.until("told_to").await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_may_not_be_read_leaves_the_one_before_at_work() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, "rule.wasm", &first());
    fs::write(folder.join("interlock.json"), configuration().to_string()).unwrap();
    let served = Served::start_as_anybody(folder).await;
    put(folder, "closed.wasm", &second());
    fs::set_permissions(folder.join("closed.wasm"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::rename(folder.join("closed.wasm"), folder.join("rule.wasm")).unwrap();
    let config = interlock::config::load(&folder.join("interlock.json"), &|_| None, &standard_plugins()).unwrap();
    let (journal, _) = interlock::app::open_journal(&config).await.unwrap();
    let mut changes = journal.changes();
    let query = Query { kinds: vec![kind::PLUGIN_REJECTED.to_owned()], ..Query::default() };
    let rejected = loop {
        if let Some(rejected) = journal.read(&query).await.unwrap().pop() {
            break rejected;
        }
        changes.changed().await.unwrap();
    };
    let reason = rejected.body["reason"].as_str().unwrap();
    assert!(reason.contains("cannot be read") && reason.contains("Permission denied"), "{reason}");
    assert_eq!(served.codes().await, ["told_to"]);
    fs::set_permissions(folder.join("rule.wasm"), fs::Permissions::from_mode(0o644)).unwrap();
    served.until("told_2x").await;
    journal.close(std::time::Duration::from_secs(60)).await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_counts_at_once_whatever_the_configuration_holds_and_whatever_is_being_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    put(at, "rule.wasm", &first());
    put(at, "interlock.json", configuration().to_string().as_bytes());
    let served = Served::start(at).await;
    served.until("told_to").await;
    put(at, "rule.wasm", &second());
    served.until("told_2x").await;

    // A comma too many must not keep anybody from taking back what is bad.
    put(at, "interlock.json", b"{\"mcpServers\":");
    let (code, said) = run(at, &["plugin", "rollback", "rule"]).await;
    assert!(code == Some(0) && said.contains("cannot be used at the moment"), "{code:?} {said}");
    assert_eq!(served.codes().await, ["told_to"], "it was said to be in force");
    assert_eq!(run(at, &["status"]).await.0, Some(0));
    let (_, listed) = run(at, &["plugin", "list"]).await;
    assert!(listed.contains("rule    enforce"), "by what gateways go: {listed}");
    let (code, said) = run(at, &["plugin", "rollback", "rule"]).await;
    assert!(code == Some(1) && said.contains("no earlier component"), "what was taken back does not come so: {said}");
    assert_eq!(served.codes().await, ["told_to"]);

    // A registry that says nothing, for as long as it likes.
    let registry = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = configuration();
    let silent = format!("oci://{}/rule@sha256:{}", registry.local_addr().unwrap(), "0".repeat(64));
    config["policies"] = json!([rule(), {"name": "silent", "component": silent}]);
    put(at, "interlock.json", config.to_string().as_bytes());
    let _asked = registry.accept().await.unwrap();
    let back = sha256(&second());
    assert_eq!(run(at, &["plugin", "rollback", "rule", "--to", &back]).await.0, Some(0));
    assert_eq!(served.codes().await, ["told_2x"]);
    drop(registry);
    served.stop().await;
}
