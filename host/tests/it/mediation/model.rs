//! Admission against a model that is too simple to be wrong: random calls, ends, settlements, answers of humans and passing
//! of time, by two processes over one journal. Each is told what the model says.

use std::{sync::Arc, time::Duration};

use interlock::{
    approvals::{Approvals, Reply},
    call::{CallId, Outcome},
    clock::Clock,
    journal::{Draft, Verified, body, kind},
};
use proptest::prelude::*;
use serde_json::json;
use tokio::task::JoinSet;

use super::world::{House, World, id, in_the_end, policy, request, told};

/// How many calls of the exclusive group may run, how many of the limited ones may come in a minute, and how long
/// questions and answers live.
const AT_ONCE: usize = 2;
const A_MINUTE: usize = 3;
const LIVES_MS: u64 = 600_000;

#[derive(Clone, Debug)]
enum Step {
    /// A call that runs until it is let go, and shares its group with those that get lost.
    Slow,
    LetGo,
    /// A call of which no answer ever comes.
    Lose,
    Settle,
    Check,
    /// Uses up a check, and comes so often and no more.
    Pay,
    Look,
    /// A call that a human must have approved: one of two that differ. Its tool fails, which uses the yes up all the same.
    Sign(usize),
    Answer(usize, bool),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Slow),
        2 => Just(Step::LetGo),
        2 => Just(Step::Lose),
        2 => Just(Step::Settle),
        3 => Just(Step::Check),
        4 => Just(Step::Pay),
        3 => Just(Step::Look),
        6 => (0..2_usize).prop_map(Step::Sign),
        4 => (0..2_usize, prop::bool::weighted(0.7)).prop_map(|(nth, yes)| Step::Answer(nth, yes)),
        // None of them adds up to exactly a minute, or to exactly the life of a question.
        2 => prop_oneof![Just(7_001_u64), Just(61_003), Just(300_007)].prop_map(Step::Wait),
    ]
}

/// A question about one of the two calls.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Asked {
    Nothing,
    Open { until: u64 },
    Granted { until: u64 },
    Refused { until: u64 },
}

#[derive(Debug)]
struct Model {
    now: u64,
    slow: usize,
    lost: Vec<CallId>,
    checks: usize,
    paid: Vec<u64>,
    looked: Vec<u64>,
    asked: [Asked; 2],
}

impl Model {
    fn in_a_minute(&self, when: &[u64]) -> usize {
        when.iter().filter(|at| **at + 60_000 >= self.now).count()
    }

    fn slow(&mut self) -> Vec<&'static str> {
        if self.slow + self.lost.len() >= AT_ONCE {
            return vec!["exclusive_busy"];
        }
        self.slow += 1;
        vec!["ok"]
    }

    fn pay(&mut self) -> Vec<&'static str> {
        let mut refused = Vec::new();
        if self.checks == 0 {
            refused.push("sequence_unmet");
        }
        if self.in_a_minute(&self.paid) >= A_MINUTE {
            refused.push("rate_exceeded");
        }
        if !refused.is_empty() {
            return refused;
        }
        self.checks -= 1;
        self.paid.push(self.now);
        vec!["ok"]
    }

    fn look(&mut self) -> Vec<&'static str> {
        if self.in_a_minute(&self.looked) >= A_MINUTE {
            return vec!["rate_exceeded"];
        }
        self.looked.push(self.now);
        vec!["ok"]
    }

    fn sign(&mut self, nth: usize) -> Vec<&'static str> {
        let (next, told) = match self.asked[nth] {
            Asked::Open { until } if self.now < until => (self.asked[nth], "approval_pending"),
            Asked::Refused { until } if self.now < until => (self.asked[nth], "approval_refused"),
            Asked::Granted { until } if self.now < until => (Asked::Nothing, "failed"),
            Asked::Open { .. } | Asked::Granted { .. } => (Asked::Nothing, "approval_expired"),
            Asked::Nothing | Asked::Refused { .. } => (Asked::Open { until: self.now + LIVES_MS }, "approval_pending"),
        };
        self.asked[nth] = next;
        vec![told]
    }

    /// Whether the question can be answered.
    fn answer(&mut self, nth: usize, yes: bool) -> bool {
        match self.asked[nth] {
            Asked::Open { until } if self.now < until => {
                // A yes lives as long from now as the question did; a no as long as the question would have.
                self.asked[nth] =
                    if yes { Asked::Granted { until: self.now + LIVES_MS } } else { Asked::Refused { until } };
                true
            }
            Asked::Nothing | Asked::Open { .. } | Asked::Granted { .. } | Asked::Refused { .. } => false,
        }
    }
}

fn world() -> World {
    let global = || json!({"scope": "global"});
    let used_up = json!({"rules": [{"tools": ["shop/pay"], "after": [{"tool": "shop/check", "consume": true}]}]});
    let group = json!({"groups": [{"tools": ["shop/slow_pay", "shop/lose"], "at_most": AT_ONCE}]});
    let limit = |tool: &str| json!({"tools": [tool], "max_calls": A_MINUTE, "per_seconds": 60});
    let limits = json!({"limits": [limit("shop/pay"), limit("shop/look")]});
    let gate = json!({"rules": [{"tools": ["shop/fail"], "expire_minutes": LIVES_MS / 60_000}]});
    let forbids = json!({"rules": []});
    World::with(json!([
        policy("group", "exclusive", group, global()),
        policy("paid-once", "sequence", used_up, global()),
        policy("slowly", "rate-limit", limits, global()),
        policy("signed", "approval", gate, global()),
        policy("in-shadow", "allow-list", forbids, json!({"scope": "global", "mode": "shadow"})),
    ]))
}

/// What is under way besides the model.
struct Play {
    world: World,
    houses: [Arc<House>; 2],
    model: Model,
    running: JoinSet<Vec<String>>,
}

impl Play {
    async fn new() -> Self {
        let world = world();
        let houses = [Arc::new(world.house().await), Arc::new(world.house().await)];
        let now = world.clock.now().0;
        let asked = [Asked::Nothing; 2];
        let model = Model { now, slow: 0, lost: vec![], checks: 0, paid: vec![], looked: vec![], asked };
        Self { world, houses, model, running: JoinSet::new() }
    }

    async fn take(&mut self, step: &Step, house: &Arc<House>) {
        match step {
            Step::Slow => {
                let (before, caller) = (self.world.shop.sent().len(), house.clone());
                self.running.spawn(async move { caller.call("slow_pay", json!({})).await });
                match self.model.slow().as_slice() {
                    ["ok"] => self.world.shop.until_sent(before + 1).await,
                    refused => assert_eq!(in_the_end(self.running.join_next()).await.unwrap().unwrap(), refused),
                }
            }
            Step::LetGo => {
                if self.model.slow > 0 {
                    self.model.slow -= 1;
                    self.world.shop.let_go(1);
                    assert_eq!(in_the_end(self.running.join_next()).await.unwrap().unwrap(), ["ok"]);
                }
            }
            Step::Lose => {
                let answer = house.send(request("lose", json!({}))).await;
                if self.model.slow + self.model.lost.len() >= AT_ONCE {
                    assert_eq!(told(&answer), ["exclusive_busy"]);
                } else {
                    assert_eq!(told(&answer), ["outcome_unknown"]);
                    self.model.lost.push(id(&answer));
                }
            }
            Step::Settle => {
                if !self.model.lost.is_empty() {
                    let call = self.model.lost.remove(0);
                    let settled = body::Settled { outcome: Outcome::Failed, by: "olga".to_owned(), reason: None };
                    let draft = Draft::new("olga", kind::CALL_SETTLED, call.as_str(), &settled).unwrap();
                    house.journal.append(vec![draft]).await.unwrap();
                }
            }
            Step::Check => {
                self.model.checks += 1;
                assert_eq!(house.call("check", json!({})).await, ["ok"]);
            }
            Step::Pay => assert_eq!(house.call("pay", json!({})).await, self.model.pay()),
            Step::Look => assert_eq!(house.call("look", json!({})).await, self.model.look()),
            Step::Sign(nth) => {
                assert_eq!(house.call("fail", json!({"nth": nth})).await, self.model.sign(*nth));
            }
            Step::Answer(nth, yes) => {
                let all = house.mediator.approvals().list().await.unwrap();
                let about = all.iter().rev().find(|approval| approval.arguments == json!({"nth": nth}));
                let answered = match about {
                    Some(about) => {
                        house.mediator.approvals().answer(&about.id, Reply::desk("olga", *yes)).await.is_ok()
                    }
                    None => false,
                };
                assert_eq!(answered, self.model.answer(*nth, *yes));
            }
            Step::Wait(ms) => {
                self.world.clock.advance(Duration::from_millis(*ms));
                self.model.now += ms;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_call_is_told_what_the_model_says(steps in proptest::collection::vec((step(), 0..2_usize), 1..60)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let mut play = Play::new().await;
            for (at, (step, by)) in steps.iter().enumerate() {
                let house = play.houses[*by].clone();
                play.take(step, &house).await;
                // A process that comes late knows as much as those that were there.
                if at == steps.len() / 2 {
                    play.houses[1] = Arc::new(play.world.house().await);
                }
            }
            play.world.shop.let_go(play.model.slow);
            while let Some(told) = in_the_end(play.running.join_next()).await {
                assert_eq!(told.unwrap(), ["ok"]);
            }
            assert!(play.world.shop.most_at_once() <= AT_ONCE + 1, "the group, and one call beside it");
            // Folds that were fed event by event are those that are read from the store.
            let rebuilt = Approvals::new(play.houses[0].journal.clone()).list().await.unwrap();
            for house in &play.houses {
                assert_eq!(house.mediator.approvals().list().await.unwrap(), rebuilt);
            }
            assert!(matches!(play.houses[0].journal.verify().await.unwrap(), Verified::Whole { .. }));
        });
    }
}
