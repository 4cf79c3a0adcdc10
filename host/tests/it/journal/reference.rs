//! The ledger against a reference that is too simple to be wrong: random histories, every question, warm and cold.

use std::sync::Arc;

use interlock::{
    call::{Call, Outcome},
    clock::{Clock, Timestamp},
    journal::{Committed, Durability, PastCall},
    ledger::{Ledger, ScopeView},
    scope::ScopeKey,
};
use interlock_glob::Glob;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{Peer, World, admitted, call, finished, note, settled};

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    Admit { tool: usize, principal: usize, session: usize, customer: usize, amount: i32 },
    Finish { call: usize, outcome: Outcome },
    Settle { call: usize, outcome: Outcome },
    Wait { ms: u64 },
}

const TOOLS: [&str; 3] = ["a/x", "a/y", "b/x"];
const PRINCIPALS: [&str; 2] = ["alice", "bob"];
const SESSIONS: [&str; 2] = ["s", "t"];
const START: u64 = 1_767_603_600_000;

fn step() -> impl Strategy<Value = Step> {
    let outcome =
        prop_oneof![Just(Outcome::Succeeded), Just(Outcome::Failed), Just(Outcome::Unknown), Just(Outcome::Cancelled),];
    prop_oneof![
        4 => (0..3_usize, 0..2_usize, 0..2_usize, 0..3_usize, -5..50)
            .prop_map(|(tool, principal, session, customer, amount)| {
                Step::Admit { tool, principal, session, customer, amount }
            }),
        4 => (0..8_usize, outcome.clone()).prop_map(|(call, outcome)| Step::Finish { call, outcome }),
        2 => (0..8_usize, outcome).prop_map(|(call, outcome)| Step::Settle { call, outcome }),
        1 => (1..2000_u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

/// A call of the reference.
#[derive(Clone, Debug)]
struct Known {
    call: Call,
    at: Timestamp,
    outcome: Option<Outcome>,
    settled: bool,
}

impl Known {
    fn is_open(&self) -> bool {
        match self.outcome {
            None => true,
            Some(Outcome::Unknown) => !self.settled,
            Some(_) => false,
        }
    }

    fn word(&self) -> &str {
        self.outcome.map_or("running", Outcome::as_str)
    }
}

/// A question, as a policy can ask it.
#[derive(Clone, Debug)]
enum Question {
    Latest(&'static str, Option<&'static str>),
    Running(&'static str),
    Count(&'static str, Option<&'static str>, u64),
    Recent(&'static str, u32),
    Matching(&'static str, Option<&'static str>, Value, u32),
    Sum(&'static str, u64),
}

fn questions() -> Vec<Question> {
    use Question::{Count, Latest, Matching, Recent, Running, Sum};
    vec![
        Latest("a/x", None),
        Latest("**", Some("succeeded")),
        Latest("a/*", Some("running")),
        Latest("**", Some("unknown")),
        Latest("**", Some("no such outcome")),
        Running("**"),
        Running("b/*"),
        Count("**", None, 0),
        Count("a/*", Some("succeeded"), 0),
        Count("**", None, START + 1500),
        Count("**", Some("running"), START + 500),
        Count("**", Some("unknown"), START + 500),
        Recent("**", 2),
        Recent("a/y", 100),
        Recent("a/y", 0),
        Matching("**", Some("succeeded"), json!("c0"), 2),
        Matching("a/*", None, json!("c1"), 3),
        Sum("**", 0),
        Sum("a/*", START + 1000),
    ]
}

fn scopes() -> Vec<ScopeKey> {
    let alice = || "alice".to_owned();
    vec![
        ScopeKey::Session { principal: alice(), session: "s".to_owned() },
        ScopeKey::Caller { principal: alice() },
        ScopeKey::Global,
        ScopeKey::Argument { pointer: "/customer".to_owned(), value: "\"c0\"".to_owned() },
    ]
}

/// What the reference says, as text.
fn expected(history: &[Known], scope: &ScopeKey, question: &Question) -> String {
    let of = |tool: &'static str, outcome: Option<&'static str>| {
        history.iter().filter(move |known| {
            Glob::new(tool).matches(known.call.tool.as_str())
                && scope.holds(&known.call.caller.principal, &known.call.session, &known.call.arguments)
                && outcome.is_none_or(|outcome| known.word() == outcome)
        })
    };
    let list = |calls: Vec<&Known>| {
        let calls: Vec<_> = calls.iter().map(|known| format!("{}:{}", known.call.id, known.word())).collect();
        calls.join(",")
    };
    match question {
        Question::Latest(tool, outcome) => list(of(tool, *outcome).next_back().into_iter().collect()),
        Question::Running(tool) => list(of(tool, None).filter(|known| known.is_open()).collect()),
        Question::Count(tool, outcome, since) => {
            of(tool, *outcome).filter(|known| known.at.0 >= *since).count().to_string()
        }
        Question::Recent(tool, limit) => list(of(tool, None).rev().take(*limit as usize).collect()),
        Question::Matching(tool, outcome, value, limit) => list(
            of(tool, *outcome)
                .rev()
                .filter(|known| known.call.arguments.get("customer") == Some(value))
                .take(*limit as usize)
                .collect(),
        ),
        Question::Sum(tool, since) => of(tool, None)
            .filter(|known| known.at.0 >= *since)
            .map(|known| known.call.arguments["amount"].as_i64().unwrap())
            .sum::<i64>()
            .to_string(),
    }
}

/// What the ledger says, as text.
async fn answered(scope: &ScopeView, question: &Question) -> String {
    let list = |calls: Vec<Arc<PastCall>>| {
        let word = |call: &PastCall| call.outcome.map_or("running", Outcome::as_str).to_owned();
        calls.iter().map(|call| format!("{}:{}", call.id, word(call))).collect::<Vec<_>>().join(",")
    };
    match question {
        Question::Latest(tool, outcome) => list(scope.latest(tool, *outcome).await.unwrap().into_iter().collect()),
        Question::Running(tool) => list(scope.running(tool).await.unwrap()),
        Question::Count(tool, outcome, since) => {
            scope.count(tool, *outcome, Timestamp(*since)).await.unwrap().to_string()
        }
        Question::Recent(tool, limit) => list(scope.recent(tool, *limit).await.unwrap()),
        Question::Matching(tool, outcome, value, limit) => {
            let same = [("/customer".to_owned(), value.clone())];
            list(scope.matching(tool, *outcome, &same, *limit).await.unwrap())
        }
        Question::Sum(tool, since) => scope.sum(tool, "/amount", Timestamp(*since)).await.unwrap().to_string(),
    }
}

async fn check(ledger: &Ledger, history: &[Known]) {
    let view = ledger.view().await.unwrap();
    for scope in scopes() {
        for question in questions() {
            let answer = answered(&view.scope(scope.clone()), &question).await;
            assert_eq!(answer, expected(history, &scope, &question), "{question:?} in {scope}");
        }
    }
}

/// Does one step through a peer, and in the reference.
async fn take(step: &Step, world: &World, peer: &Peer, history: &mut Vec<Known>) {
    match step {
        Step::Admit { tool, principal, session, customer, amount } => {
            let mut call = call(TOOLS[*tool], json!({"customer": format!("c{customer}"), "amount": amount}));
            call.caller.principal = PRINCIPALS[*principal].to_owned();
            call.session = SESSIONS[*session].to_owned();
            peer.journal.append(vec![admitted(&call, peer.journal.process())]).await.unwrap();
            history.push(Known { call, at: world.clock.now(), outcome: None, settled: false });
        }
        Step::Finish { call, outcome } => {
            let Some(known) = history.get_mut(*call) else { return };
            peer.journal.append(vec![finished(&known.call, *outcome, None)]).await.unwrap();
            if known.is_open() {
                known.outcome = Some(*outcome);
            }
        }
        Step::Settle { call, outcome } => {
            let Some(known) = history.get_mut(*call) else { return };
            peer.journal.append(vec![settled(&known.call, *outcome)]).await.unwrap();
            if known.is_open() && known.outcome.is_some() && *outcome != Outcome::Unknown {
                (known.outcome, known.settled) = (Some(*outcome), true);
            }
        }
        Step::Wait { ms } => world.clock.advance(std::time::Duration::from_millis(*ms)),
    }
}

async fn world() -> (World, Peer, Peer) {
    let world = World::new();
    let config = || {
        let mut config = world.config();
        config.durability = Durability::Batched;
        config
    };
    let (one, two) = (world.peer_with(config()).await, world.peer_with(config()).await);
    (world, one, two)
}

fn run<F: Future<Output = ()>>(test: F) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_is_that_of_the_reference_warm_and_cold(steps in proptest::collection::vec(step(), 1..40)) {
        run(async {
            let (world, one, two) = world().await;
            let mut history = Vec::new();
            check(&two.ledger, &history).await;
            for (at, step) in steps.iter().enumerate() {
                // Two processes write in turn; the second one's ledger has been there from the beginning.
                take(step, &world, if at % 2 == 0 { &one } else { &two }, &mut history).await;
                if at % 3 == 0 {
                    check(&two.ledger, &history).await;
                }
            }
            check(&two.ledger, &history).await;
            check(&Ledger::new(two.journal.clone()), &history).await;
            check(&world.peer().await.ledger, &history).await;
        });
    }

    #[test]
    fn a_guard_conflicts_exactly_if_an_answer_has_changed(
        steps in proptest::collection::vec(step(), 0..25),
        last in step(),
    ) {
        run(async {
            let (world, one, two) = world().await;
            let mut history = Vec::new();
            for step in &steps {
                take(step, &world, &one, &mut history).await;
            }
            let mut asked = Vec::new();
            for scope in scopes() {
                for question in questions() {
                    let view = two.view().await;
                    answered(&view.scope(scope.clone()), &question).await;
                    asked.push((scope.clone(), question, view));
                }
            }
            let before = history.clone();
            take(&last, &world, &one, &mut history).await;
            for (scope, question, view) in asked {
                let changed = expected(&before, &scope, &question) != expected(&history, &scope, &question);
                let committed = two.journal.commit(vec![note("x")], view.guard()).await.unwrap();
                assert_eq!(committed == Committed::Conflict, changed, "{question:?} in {scope}, after {last:?}");
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn folds_that_are_loaded_in_the_midst_of_events_lose_none_and_double_none() {
    let (_world, one, two) = world().await;
    let mut writers = tokio::task::JoinSet::new();
    for at in 0..6_usize {
        let peer = if at % 2 == 0 { one.clone() } else { two.clone() };
        writers.spawn(async move {
            for round in 0..40_usize {
                // Now and then a tool that nobody has called before.
                let new = format!("a/new-{at}-{round}");
                let tool = if round % 4 == 0 { &new } else { TOOLS[(at + round) % 3] };
                let mut call = call(tool, json!({"customer": format!("c{}", round % 3), "amount": 1}));
                call.session = SESSIONS[round % 2].to_owned();
                peer.journal.append(vec![admitted(&call, peer.journal.process())]).await.unwrap();
                let outcome = if round % 5 == 0 { Outcome::Unknown } else { Outcome::Succeeded };
                peer.journal.finish(finished(&call, outcome, None)).await.unwrap();
                if round % 10 == 0 {
                    peer.journal.append(vec![settled(&call, Outcome::Failed)]).await.unwrap();
                }
            }
        });
    }
    // Each ledger loads each question for the first time while events come in, and feeds it from then on.
    let mut ledgers = Vec::new();
    while !writers.is_empty() {
        let ledger = Ledger::new(if ledgers.len() % 2 == 0 { one.journal.clone() } else { two.journal.clone() });
        for scope in scopes() {
            for question in questions() {
                answered(&ledger.view().await.unwrap().scope(scope.clone()), &question).await;
            }
        }
        ledgers.push(ledger);
        while writers.try_join_next().is_some_and(|task| task.is_ok()) {}
    }
    for peer in [&one, &two] {
        peer.journal.flush().await.unwrap();
    }
    let fresh = Ledger::new(one.journal.clone());
    for scope in scopes() {
        for question in questions() {
            let expected = answered(&fresh.view().await.unwrap().scope(scope.clone()), &question).await;
            for (at, ledger) in ledgers.iter().enumerate() {
                let answer = answered(&ledger.view().await.unwrap().scope(scope.clone()), &question).await;
                assert_eq!(answer, expected, "{question:?} in {scope}, ledger {at} of {}", ledgers.len());
            }
        }
    }
}
