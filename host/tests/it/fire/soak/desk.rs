//! The operator: at the command line all the time, while everything else goes on.

use std::{collections::BTreeMap, sync::Mutex, time::Instant};

use serde_json::{Value, json};

use super::{super::dice::Dice, field::Field};

/// How long each verb takes, as the journal grows.
#[derive(Default)]
pub(super) struct Times(Mutex<BTreeMap<String, Took>>);

struct Took {
    times: u32,
    first_ms: u128,
    last_ms: u128,
    longest_ms: u128,
}

impl Times {
    pub(super) fn note(&self, verb: &str, ms: u128) {
        let mut all = self.0.lock().unwrap();
        let fresh = Took { times: 0, first_ms: ms, last_ms: ms, longest_ms: ms };
        let took = all.entry(verb.to_owned()).or_insert(fresh);
        (took.times, took.last_ms, took.longest_ms) = (took.times + 1, ms, took.longest_ms.max(ms));
    }

    /// A line for each verb.
    pub(super) fn told(&self) -> String {
        let line = |(verb, took): (&String, &Took)| {
            let Took { times, first_ms, last_ms, longest_ms } = took;
            format!("  {verb}: {times} times, first {first_ms} ms, last {last_ms} ms, at most {longest_ms} ms\n")
        };
        self.0.lock().unwrap().iter().map(line).collect()
    }
}

impl Field {
    /// One round: whatever waits for a person is done, and one look at something.
    pub(super) async fn round(&self, dice: &mut Dice) {
        for question in list(self.timed(&["approvals", "list", "--json"]).await) {
            let id = question["id"].as_str().unwrap();
            let answer = if dice.below(5) == 0 { "refuse" } else { "approve" };
            // Whoever asked may be gone, but their question is there.
            self.timed(&["approvals", answer, id, "--as", "olga", "--role", "boss"]).await;
        }
        for call in list(self.timed(&["calls", "list", "--unknown", "--limit", "1000", "--json"]).await) {
            let in_the_way = ["fire/solo", "fire/hang", "fire/wait"].contains(&call["tool"].as_str().unwrap());
            if in_the_way || dice.below(4) == 0 {
                let outcome = ["succeeded", "failed", "cancelled"][dice.below(3) as usize];
                let id = call["id"].as_str().unwrap();
                self.timed(&["calls", "settle", id, "--outcome", outcome, "--reason", "the test says so"]).await;
            }
        }
        // Where nothing has changed, this starts everything to look for itself.
        let changes =
            if dice.below(6) == 0 { list(self.timed(&["tools", "changes", "--json"]).await) } else { Vec::new() };
        for change in changes {
            // It may change again at this very moment.
            let accept = ["tools", "accept", change["tool"].as_str().unwrap(), "--as", "olga"];
            drop(self.house.interlock(&accept).output().await.unwrap());
        }
        match dice.below(8) {
            0 => drop(self.timed(&["explain", "fire/pay", "--args", r#"{"account": 1}"#]).await),
            1 => drop(self.timed(&["audit", "query", "--kind", "call.refused", "--since-minutes", "5"]).await),
            2 => drop(self.timed(&["audit", "query", "--tool", "fire/pay", "--limit", "200"]).await),
            3 => drop(self.timed(&["audit", "tail"]).await),
            4 => drop(self.timed(&["calls", "list", "--limit", "100"]).await),
            5 => drop(self.timed(&["status"]).await),
            6 => {
                let (_, params) = self.crowd.marked("fire/free", json!({}));
                let arguments = params["arguments"].to_string();
                drop(self.timed(&["call", "fire/free", "--args", &arguments]).await);
            }
            _ => drop(self.timed(&["audit", "query", "--kind", "process.*", "--limit", "20"]).await),
        }
    }

    /// The chain as it is in the middle of everything, by a configuration that nobody edits.
    pub(super) async fn verify(&self) {
        let began = Instant::now();
        self.house.run(&["--config", "first.json", "audit", "verify"]).await;
        self.times.note("audit verify", began.elapsed().as_millis());
    }

    /// Runs `interlock` to its good end and keeps how long it took.
    async fn timed(&self, arguments: &[&str]) -> String {
        let _unspoilt = self.plan.read().await;
        let began = Instant::now();
        let told = self.house.run(arguments).await;
        let verb =
            arguments.iter().take(2).filter(|word| !word.starts_with('-')).copied().collect::<Vec<_>>().join(" ");
        self.times.note(&verb, began.elapsed().as_millis());
        told
    }
}

fn list(told: String) -> Vec<Value> {
    serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"))
}
