//! A house for the call path: one journal file, any number of processes over it, one server whose tools wait to be let go.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use interlock::{
    approvals::Escalation,
    call::{CallId, Caller, ToolName},
    clock::{Clock, ManualClock, Timestamp},
    config,
    downstream::{
        Announcements, Catalogue, FromServer, Link, Offers, RpcError, ServerError, TASKS, Tool, ToolServer,
        declares_tasks, digest,
    },
    identity::Pepper,
    journal::{Durability, Event, Journal, Query, Sequence, kind},
    mediation::{Answer, CallRequest, Config, Derivation, HEARTBEAT, Mediator},
    policy::Policies,
    sandbox::{Sandbox, Supply, standard_plugins},
    tasks::Tasks,
};
use interlock_glob::Glob;
use serde_json::{Map, Value, json};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::plugins::{cache, fault};

/// How long questions stay open whose policy does not say.
const EXPIRE: Duration = Duration::from_secs(3600);

/// One engine for all tests: it keeps what it has compiled, and takes components of drafts too.
fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| Sandbox::start_with_drafts(Some(&cache())).unwrap())
}

/// A server whose tools do what their names say. Those whose name begins with `slow_` wait until they are let go.
#[derive(Debug)]
pub(crate) struct Shop {
    offers: ArcSwap<Offers>,
    /// What it offers as soon as a call has been admitted after this position.
    later: Mutex<Option<(Journal, Sequence, Arc<Offers>)>>,
    sent: watch::Sender<Vec<(String, Value)>>,
    go: Semaphore,
    running: AtomicUsize,
    most: AtomicUsize,
    /// What is told of the task that `job` became; none: no such task is known.
    pub(crate) task: watch::Sender<Option<Value>>,
    asked: watch::Sender<Vec<(String, Value)>>,
}

/// The server's own id of that task.
pub(crate) const TASK: &str = "the shop's own";

const TOOLS: [(&str, &str); 10] = [
    ("look", "readOnlyHint"),
    ("check", "idempotentHint"),
    ("pay", "destructiveHint"),
    ("slow_pay", "destructiveHint"),
    ("fail", ""),
    ("error", ""),
    ("lose", ""),
    ("away", ""),
    ("ask", ""),
    ("job", ""),
];

impl Shop {
    fn new() -> Self {
        Self {
            offers: ArcSwap::new(Self::offering("", "")),
            later: Mutex::default(),
            sent: watch::Sender::new(Vec::new()),
            go: Semaphore::new(0),
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            task: watch::Sender::new(Some(json!({ "status": "working", "pollIntervalMs": 1 }))),
            asked: watch::Sender::new(Vec::new()),
        }
    }

    /// All tools, one of which is described so.
    fn offering(described: &str, description: &str) -> Arc<Offers> {
        let tools = TOOLS.map(|(name, hint)| {
            let mut definition = json!({ "name": name, "inputSchema": { "type": "object" } });
            if name == described {
                definition["description"] = description.into();
            }
            let hints =
                [("readOnlyHint", "read_only"), ("idempotentHint", "idempotent"), ("destructiveHint", "destructive")];
            let hints: Vec<String> =
                hints.iter().filter(|(theirs, _)| *theirs == hint).map(|(_, ours)| (*ours).to_owned()).collect();
            Tool {
                name: ToolName::new("shop", name),
                exposed: format!("shop__{name}"),
                digest: digest(&definition),
                definition: Arc::new(definition),
                hints: hints.into(),
            }
        });
        Arc::new(Offers { tools: tools.into(), ..Offers::default() })
    }

    /// From now on this tool is described so, and all others as in the beginning.
    pub(crate) fn describe(&self, tool: &str, description: &str) {
        self.offers.store(Self::offering(tool, description));
    }

    /// The same from the moment at which the next call has been admitted.
    pub(crate) fn describe_once_admitted(&self, journal: &Journal, tool: &str, description: &str) {
        let later = (journal.clone(), journal.head(), Self::offering(tool, description));
        *self.later.lock().unwrap() = Some(later);
    }

    /// What has reached the server, in order: tool and arguments.
    pub(crate) fn sent(&self) -> Vec<(String, Value)> {
        self.sent.borrow().clone()
    }

    /// What else the server was asked, in order: method and parameters.
    pub(crate) fn asked(&self) -> Vec<(String, Value)> {
        self.asked.borrow().clone()
    }

    /// Waits until so many calls have reached the server.
    pub(crate) async fn until_sent(&self, number: usize) {
        in_the_end(self.sent.subscribe().wait_for(|sent| sent.len() >= number)).await.unwrap();
    }

    /// Lets so many slow calls go, those to come included.
    pub(crate) fn let_go(&self, number: usize) {
        self.go.add_permits(number);
    }

    /// The most calls that were running at one time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl ToolServer for Shop {
    fn name(&self) -> &str {
        "shop"
    }

    fn offers(&self) -> Arc<Offers> {
        let later = self.later.lock().unwrap().take_if(|(journal, after, _)| {
            journal.since(*after).unwrap().iter().any(|event| event.kind == kind::CALL_ADMITTED)
        });
        if let Some((_, _, offers)) = later {
            self.offers.store(offers);
        }
        self.offers.load_full()
    }

    async fn call_tool(&self, permit: interlock::journal::Permit, link: Link) -> Result<Value, ServerError> {
        let call = permit.call();
        let arguments = Value::Object((*call.arguments).clone());
        let server = || "shop".to_owned();
        if call.tool.tool() == "away" {
            return Err(ServerError::Unavailable { server: server(), reason: "it is closed".to_owned() });
        }
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        self.sent.send_modify(|sent| sent.push((call.tool.tool().to_owned(), arguments.clone())));
        if call.tool.tool().starts_with("slow_") {
            self.go.acquire().await.unwrap().forget();
        }
        self.running.fetch_sub(1, Ordering::SeqCst);
        match call.tool.tool() {
            "fail" => Ok(json!({ "content": [{ "type": "text", "text": "out of stock" }], "isError": true })),
            "error" => Err(RpcError { code: -32_050, message: "no".to_owned(), data: None }.into()),
            "lose" => Err(ServerError::Lost { server: server(), reason: "the line is dead".to_owned() }),
            "job" if declares_tasks(&link.capabilities) => {
                Ok(json!({ "resultType": "task", "taskId": TASK, "status": "working", "pollIntervalMs": 1,
                "result": "too early" }))
            }
            "ask" => Ok(json!({ "resultType": "input_required", "inputRequests": {} })),
            _ => Ok(json!({
                "content": [{ "type": "text", "text": "s3cret" }],
                "structuredContent": { "echo": arguments, "secret": "s3cret" },
                "isError": false,
            })),
        }
    }

    async fn request(&self, method: &str, params: Value, _: Link) -> Result<Value, ServerError> {
        self.asked.send_modify(|asked| asked.push((method.to_owned(), params)));
        let no = |code| RpcError { code, message: "no".to_owned(), data: None };
        match (method, self.task.borrow().clone()) {
            ("tasks/get" | "tasks/update" | "tasks/cancel", None) => Err(no(-32_602).into()),
            ("tasks/get", Some(mut state)) => {
                state["taskId"] = TASK.into();
                Ok(state)
            }
            ("tasks/update" | "tasks/cancel", Some(_)) => Ok(json!({ "resultType": "complete" })),
            _ => Err(no(-32_601).into()),
        }
    }
}

/// One journal file, and what is the same for every process over it.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) shop: Arc<Shop>,
    policies: Value,
    hold_open: Duration,
    heartbeat: Duration,
    pin_tools: bool,
    pub(super) idempotency: Vec<Derivation>,
    /// What the journal does not keep.
    pub(super) redact: Vec<(Glob, Vec<String>)>,
    escalate: Vec<Escalation>,
}

/// One process.
pub(crate) struct House {
    pub(crate) mediator: Mediator,
    pub(crate) journal: Journal,
    /// Those of the calls that are under way.
    pub(crate) tasks: Tasks,
}

/// A policy of the configuration. `more` are the keys beside name, component and settings; its time is ample, so that
/// a machine that is busy with other things fails no test.
pub(crate) fn policy(name: &str, component: &str, settings: Value, more: Value) -> Value {
    let component = match component {
        "misbehaves" | "recites" | "rewrites" | "reviews" => fault(component).to_str().unwrap().to_owned(),
        standard => standard.to_owned(),
    };
    let mut policy =
        json!({ "name": name, "component": component, "settings": settings, "limits": {"time_ms": 30_000} });
    policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    policy
}

impl World {
    pub(crate) fn with(policies: Value) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::new(Timestamp(1_767_603_600_000))),
            shop: Arc::new(Shop::new()),
            policies,
            hold_open: Duration::ZERO,
            heartbeat: HEARTBEAT,
            pin_tools: true,
            idempotency: Vec::new(),
            redact: Vec::new(),
            escalate: Vec::new(),
        }
    }

    /// Questions for the role `from` may be answered by the role `to` as well after a while.
    pub(crate) fn escalating(mut self, from: &str, to: &str, after: Duration) -> Self {
        self.escalate.push(Escalation { from: from.to_owned(), to: to.to_owned(), after });
        self
    }

    /// Whatever definitions servers show.
    pub(crate) fn without_pins(mut self) -> Self {
        self.pin_tools = false;
        self
    }

    /// How long clients are held for a human's answer; not at all unless this says so.
    pub(crate) fn holding_open(mut self, hold_open: Duration, heartbeat: Duration) -> Self {
        (self.hold_open, self.heartbeat) = (hold_open, heartbeat);
        self
    }

    /// Starts a process over the journal.
    pub(crate) async fn house(&self) -> House {
        let text = json!({ "mcpServers": { "shop": { "command": "true" } }, "policies": self.policies }).to_string();
        let config = config::parse(Path::new("interlock.json"), &text, &|_| None, &standard_plugins())
            .unwrap_or_else(|problems| panic!("{problems}"));
        let policies = Policies::load(sandbox(), &Supply::of_anyone(), config.policies)
            .await
            .unwrap_or_else(|errors| panic!("{errors:?}"));
        let clock: Arc<dyn Clock> = self.clock.clone();
        let journal = interlock::journal::Config {
            path: self.database(),
            mirror_dir: None,
            redact: self.redact.clone(),
            max_body_bytes: 64 << 10,
            durability: Durability::BeforeCall,
        };
        let seal = Some(Pepper::read_or_make(&journal.seal()).unwrap());
        let journal = Journal::open(journal, clock, Tasks::new()).await.unwrap();
        let server: Arc<dyn ToolServer> = self.shop.clone();
        let catalogue = Catalogue::new(vec![(server, "shop__".to_owned())], Announcements::new());
        let told = Config {
            hold_open: self.hold_open,
            expire: EXPIRE,
            escalate: self.escalate.clone(),
            heartbeat: self.heartbeat,
            describe_rules: true,
            pin_tools: self.pin_tools,
            seal,
            idempotency: self.idempotency.clone(),
        };
        let tasks = Tasks::new();
        let mediator = Mediator::new(told, catalogue, policies, journal.clone(), tasks.clone());
        House { mediator, journal, tasks }
    }

    pub(crate) fn database(&self) -> std::path::PathBuf {
        self.folder.path().join("interlock.db")
    }
}

/// A call by `alice`, who is an agent, in session `s`.
pub(crate) fn request(tool: &str, arguments: Value) -> CallRequest {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    CallRequest {
        tool: format!("shop/{tool}"),
        arguments,
        beside: Map::new(),
        caller: Caller { principal: "alice".to_owned(), roles: vec!["agent".to_owned()], client: None },
        session: "s".to_owned(),
        continues: None,
        idempotency_key: None,
        answers: Vec::new(),
        batch: None,
    }
}

/// The client's end of one request.
pub(crate) struct Client {
    pub(crate) cancel: CancellationToken,
    pub(crate) messages: mpsc::Receiver<FromServer>,
}

/// A line to a client that wants progress.
pub(crate) fn line() -> (Link, Client) {
    let (sender, messages) = mpsc::channel(64);
    let cancel = CancellationToken::new();
    let link = Link {
        messages: sender,
        cancel: cancel.clone(),
        meta: Map::new(),
        wants_progress: true,
        capabilities: json!({ "extensions": { TASKS: {} } }),
        takes_input_required: true,
        resumes: None,
        log_level: None,
    };
    (link, Client { cancel, messages })
}

impl House {
    pub(crate) async fn send(&self, request: CallRequest) -> Answer {
        self.mediator.call(request, line().0).await
    }

    /// Makes a call and tells how it ended, in one word each: `ok`, or the codes of all refusals.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Vec<String> {
        told(&self.send(request(tool, arguments)).await)
    }

    /// The events of these kinds, oldest first, all of them durable.
    pub(crate) async fn events(&self, kind: &str) -> Vec<Event> {
        self.journal.flush().await.unwrap();
        let query = Query { kinds: vec![kind.to_owned()], ..Query::default() };
        self.journal.read(&query).await.unwrap()
    }

    /// Waits until the journal, as this process sees it, holds so many events of a kind.
    pub(crate) async fn until(&self, kind: &str, number: usize) -> Vec<Event> {
        let mut changes = self.journal.changes();
        let enough = async {
            loop {
                let seen = *changes.borrow_and_update();
                let mut events = self.events(kind).await;
                // What is on disk already may be known to this process only in a moment.
                events.retain(|event| event.seq <= seen);
                if events.len() >= number {
                    return events;
                }
                changes.changed().await.unwrap();
            }
        };
        in_the_end(enough).await
    }

    /// What became of each admitted call, in the order of their ends. Fails unless each has exactly one end.
    pub(crate) async fn outcomes(&self) -> Vec<String> {
        let subjects = |events: &[Event]| {
            let mut all: Vec<String> = events.iter().map(|event| event.subject.clone()).collect();
            all.sort();
            all
        };
        let (admitted, finished) = (self.events(kind::CALL_ADMITTED).await, self.events(kind::CALL_FINISHED).await);
        assert_eq!(subjects(&admitted), subjects(&finished), "every admitted call has exactly one end");
        finished.iter().map(|event| event.body["outcome"].as_str().unwrap().to_owned()).collect()
    }
}

/// What must happen sooner or later. A minute late, it is taken not to happen at all, so that a test fails and tells where.
pub(crate) async fn in_the_end<T>(happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), happens).await.expect("it does not happen")
}

/// `ok`, `failed`, `input_required`, the codes of refusals, or `error CODE`.
pub(crate) fn told(answer: &Answer) -> Vec<String> {
    match answer {
        Answer::Result { result, .. } if result["resultType"] == "input_required" => vec!["input_required".to_owned()],
        Answer::Result { result, .. } if result["isError"] == true => vec!["failed".to_owned()],
        Answer::Result { .. } => vec!["ok".to_owned()],
        Answer::Refused { refused, .. } => refused.iter().map(|one| one.refusal.code.clone()).collect(),
        Answer::Error { error, .. } => vec![format!("error {}", error.code)],
    }
}

/// The call's id.
pub(crate) fn id(answer: &Answer) -> CallId {
    match answer {
        Answer::Result { call, .. } | Answer::Refused { call, .. } | Answer::Error { call, .. } => call.clone(),
    }
}
