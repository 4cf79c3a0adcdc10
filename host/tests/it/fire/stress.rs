//! Several processes, many tasks each, one journal: whatever comes at once, no rule is broken, and nothing is lost or
//! refused without need. `cargo xtask stress` is this test with more of everything.

use std::{sync::Arc, time::Instant};

use serde_json::json;
use tokio::task::JoinSet;

use super::{
    asked,
    dice::Dice,
    gateway::{Gateway, Told},
    house::House,
    in_the_end,
    judge::{Judge, RARE, policies},
    record::Record,
};

/// How many accounts all processes share.
const ACCOUNTS: u64 = 8;

/// What one task does, in an order of its own.
#[derive(Clone, Copy, Debug)]
enum Act {
    Solo,
    Wait,
    CheckAndPay,
    PayOnly,
    Rare,
    Sign,
}

/// One task's acts. What must be done in any case, is.
async fn act(gateway: Arc<Gateway>, process: u64, acts: Vec<Act>, mut dice: Dice) {
    for act in acts {
        let (ms, account) = (dice.below(4), dice.below(ACCOUNTS));
        match act {
            Act::Solo => drop(gateway.call("solo", json!({"ms": ms})).await),
            Act::Rare => drop(gateway.call("rare", json!({})).await),
            Act::PayOnly => drop(gateway.call("pay", json!({"account": account})).await),
            Act::CheckAndPay => {
                let checked = gateway.call("check", json!({"ms": ms, "account": account})).await;
                assert_eq!(checked, Told::Done);
                drop(gateway.call("pay", json!({"account": account})).await);
            }
            Act::Wait => assert_eq!(gateway.call("wait", json!({"ms": ms})).await, Told::Done),
            // All of one process sign the very same thing: each needs a yes of its own all the same.
            Act::Sign => assert_eq!(gateway.call("sign", json!({"to": process})).await, Told::Done),
        }
    }
}

/// Answers every question with yes, each by a process of its own, until aborted.
async fn approve(house: Arc<House>, mut record: Record) {
    let mut last = 0;
    loop {
        for event in record.after(last).await {
            last = event.seq;
            if event.kind == "approval.asked" {
                house.run(&["approvals", "approve", &event.subject, "--as", "olga", "--role", "boss"]).await;
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_rule_is_broken_and_nothing_is_lost_when_many_processes_and_tasks_come_at_once() {
    let (processes, tasks, rounds) = (asked("PROCESSES", 3), asked("TASKS", 8), asked("ROUNDS", 2));
    let seed = asked("SEED", 1);
    eprintln!("{processes} processes x {tasks} tasks x {rounds} rounds, seed {seed}");
    let house = Arc::new(House::with(policies()).await);
    let starting = (0..processes).map(|_| house.gateway());
    let gateways: Vec<_> = futures::future::join_all(starting).await.into_iter().map(Arc::new).collect();
    let began = Instant::now();
    let approver = tokio::spawn(approve(house.clone(), house.record().await));
    let mut all = JoinSet::new();
    for (process, gateway) in (0..).zip(&gateways) {
        for task in 0..tasks {
            let mut dice = Dice::new(seed ^ (process << 32) ^ (task << 16));
            let mut acts = Vec::new();
            for _ in 0..rounds {
                let pay = if task % 3 == 0 { Act::PayOnly } else { Act::CheckAndPay };
                acts.extend([Act::Solo, Act::Wait, pay, Act::Rare]);
            }
            dice.shuffle(&mut acts);
            // First of all, so that those who wait for the same yes wake up together.
            if task % 2 == 0 {
                acts.insert(0, Act::Sign);
            }
            all.spawn(act(gateway.clone(), process, acts, dice));
        }
    }
    while let Some(done) = all.join_next().await {
        done.unwrap_or_else(|error| panic!("{error}\n{}", house.log()));
    }
    approver.abort();
    let took = began.elapsed();

    let mut judge = Judge::default();
    let mut record = house.record().await;
    judge.read(&record.all().await);
    judge.assert_all_signed();
    assert!(judge.calls.values().all(|call| call.outcome.as_deref() == Some("succeeded")));
    assert_eq!(
        judge.calls.len(),
        house.server.arrived().len(),
        "what was admitted was sent, once, and nothing else was"
    );
    assert_eq!((house.server.most_at_once("solo"), house.server.most_at_once("wait")), (1, 1));
    assert_eq!(judge.admissions("wait"), (processes * tasks * rounds) as usize);
    assert_eq!(judge.admissions("sign"), (processes * tasks.div_ceil(2)) as usize);
    assert_eq!(judge.admissions("rare"), RARE.min((processes * tasks * rounds) as usize));
    assert!(judge.admissions("solo") > 0);
    // What no payment has used up yet is still there to be used, once.
    for (account, unused) in judge.unused.clone() {
        let account: u64 = account.parse().unwrap();
        for left in (0..=unused).rev() {
            let told = gateways[0].call("pay", json!({"account": account})).await;
            assert_eq!(told.word(), if left > 0 { "done" } else { "sequence_unmet" }, "{left} left of {account}");
        }
    }
    for gateway in gateways {
        let gateway = Arc::into_inner(gateway).unwrap();
        assert!(in_the_end(gateway.leave()).await.success());
    }
    house.run(&["audit", "verify"]).await;
    eprintln!(
        "{} calls and {} refusals in {:.1} s: {:?}",
        judge.calls.len(),
        judge.refused.values().sum::<usize>(),
        took.as_secs_f64(),
        judge.refused
    );
}
