//! A database in a folder of its own, and calls to put into it.

use std::{path::Path, sync::Arc, time::Duration};

use interlock::{
    call::{Call, CallId, Caller, Outcome},
    clock::{Clock, ManualClock, Timestamp},
    journal::{Admission, Config, Draft, Durability, Guard, Journal, Permit, body, kind},
    ledger::{Ledger, View},
    scope::ScopeKey,
    tasks::Tasks,
};
use serde_json::{Map, Value, json};

/// A folder, a clock, and the peers that were opened over it.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) clock: Arc<ManualClock>,
}

/// One process, as far as the journal can tell.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) journal: Journal,
    pub(super) ledger: Ledger,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp(1_767_603_600_000)));
        Self { folder: tempfile::tempdir().unwrap(), clock }
    }

    pub(super) fn config(&self) -> Config {
        config(self.folder.path())
    }

    pub(crate) async fn peer(&self) -> Peer {
        self.peer_with(self.config()).await
    }

    pub(super) async fn peer_with(&self, config: Config) -> Peer {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let journal = Journal::open(config, clock, Tasks::new()).await.unwrap();
        Peer { ledger: Ledger::new(journal.clone()), journal }
    }
}

pub(super) fn config(folder: &Path) -> Config {
    Config {
        path: folder.join("interlock.db"),
        mirror_dir: None,
        redact: Vec::new(),
        max_body_bytes: 64 * 1024,
        durability: Durability::BeforeCall,
    }
}

impl Peer {
    /// Admits under a guard.
    pub(super) async fn try_admit(&self, call: &Call, guard: Guard) -> Option<Permit> {
        let drafts = vec![admitted(call, self.journal.process())];
        match self.journal.admit(call.clone(), drafts, guard).await.unwrap() {
            Admission::Admitted(permit) => Some(permit),
            Admission::Conflict => None,
        }
    }

    /// Admits without looking.
    pub(super) async fn admit(&self, call: &Call) -> Permit {
        self.try_admit(call, Guard::none()).await.unwrap()
    }

    /// Ends a call and waits until it is recorded.
    pub(super) async fn finish(&self, call: &Call, outcome: Outcome, result: Option<Value>) {
        self.journal.finish(finished(call, outcome, result)).await.unwrap();
        self.journal.flush().await.unwrap();
    }

    pub(super) async fn view(&self) -> View {
        self.ledger.view().await.unwrap()
    }

    pub(super) async fn close(&self) {
        assert!(self.journal.close(Duration::from_secs(10)).await, "the journal did not end");
    }
}

/// A call of a tool in session `s` of `alice`.
pub(super) fn call(tool: &str, arguments: Value) -> Call {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    Call {
        id: CallId::new(),
        tool: tool.parse().unwrap(),
        arguments: Arc::new(arguments),
        beside: Arc::default(),
        caller: Caller { principal: "alice".to_owned(), roles: vec!["agent".to_owned()], client: None },
        session: "s".to_owned(),
        received: Timestamp(0),
        hints: Arc::new([]),
        definition: "d".into(),
        continues: None,
        idempotency: None,
        batch: None,
    }
}

pub(super) fn admitted(call: &Call, process: &str) -> Draft {
    let body = body::Admitted {
        tool: call.tool.clone(),
        arguments: Value::Object(call.arguments.as_ref().clone()),
        arguments_before: None,
        beside: Map::new(),
        definition: call.definition.to_string(),
        caller: call.caller.clone(),
        session: call.session.clone(),
        hints: Vec::new(),
        received: call.received,
        policies: Vec::new(),
        set: String::new(),
        scopes: Vec::new(),
        view: interlock::journal::Sequence(0),
        approvals: Vec::new(),
        continues: None,
        idempotency: None,
        process: process.to_owned(),
    };
    Draft::new(&call.caller.principal, kind::CALL_ADMITTED, call.id.as_str(), &body).unwrap()
}

pub(super) fn finished(call: &Call, outcome: Outcome, result: Option<Value>) -> Draft {
    let body = body::Finished {
        tool: call.tool.clone(),
        outcome,
        result,
        duration_ms: 1,
        process: String::new(),
        reason: None,
    };
    Draft::new("interlock", kind::CALL_FINISHED, call.id.as_str(), &body).unwrap()
}

pub(super) fn settled(call: &Call, outcome: Outcome) -> Draft {
    let body = body::Settled { outcome, by: "olga".to_owned(), reason: None };
    Draft::new("olga", kind::CALL_SETTLED, call.id.as_str(), &body).unwrap()
}

/// Something that has nothing to do with calls.
pub(super) fn note(text: &str) -> Draft {
    Draft { actor: "test".to_owned(), kind: "test.note".to_owned(), subject: text.to_owned(), body: json!({}) }
}

pub(super) fn session() -> ScopeKey {
    ScopeKey::Session { principal: "alice".to_owned(), session: "s".to_owned() }
}
