//! A guest never keeps a thread for longer than a tick: whoever shares the thread with it keeps getting turns.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use interlock::sandbox::{Fault, Sandbox};
use serde_json::json;

use super::{
    Nothing, call,
    faults::{PLENTY, judge, load},
    kinds::{Shelf, act, review, rewrite},
};
use crate::plugins::cache;

/// Turns that another task gets while a guest spins, long before the guest's time is over.
const TURNS: usize = 50;

/// Fails unless another task of the same thread gets its turns while this call goes on, which would never end.
async fn leaves_turns<T>(what: &str, endless: impl Future<Output = Result<T, Fault>>) {
    let turns = Arc::new(AtomicUsize::new(0));
    let counted = turns.clone();
    let other = tokio::spawn(async move {
        while counted.fetch_add(1, Ordering::Relaxed) < TURNS {
            tokio::task::yield_now().await;
        }
    });
    tokio::select! {
        biased;
        done = other => done.unwrap(),
        answer = endless => panic!(
            "{what} ended ({:?}) when another task had had {} turns",
            answer.err(),
            turns.load(Ordering::Relaxed)
        ),
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_guest_that_spins_gives_its_thread_back_at_every_tick() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    let policy = load(&sandbox, "misbehaves", json!({}), PLENTY).await.unwrap();
    let recites = load(&sandbox, "recites", json!({}), PLENTY).await.unwrap();
    let offers = load(&sandbox, "offers", json!({}), PLENTY).await.unwrap();
    let spin = json!({"misdeed": "spin"});
    let shelf = Arc::new(Shelf::default());
    leaves_turns("judge", judge(&policy, "spin")).await;
    leaves_turns("a loop of host calls", judge(&policy, "spin_in_host_calls")).await;
    leaves_turns("a loop of costly host calls", judge(&policy, "spin_in_arguments")).await;
    let large = call("a/b", json!({"how": "spin_in_arguments", "large": "x".repeat(256 << 10)}));
    leaves_turns("a loop over large arguments", policy.judge(&large, None, Arc::new(Nothing))).await;
    leaves_turns("rewrite", rewrite(&recites, spin.clone())).await;
    leaves_turns("review", review(&recites, spin.clone())).await;
    leaves_turns("call_tool", act(&offers, spin, &shelf)).await;
}
