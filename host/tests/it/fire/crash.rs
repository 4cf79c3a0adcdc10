//! Gateways are killed at any instant under load. What reached a server is in the journal; what was under way is closed as
//! unknown, by the next start or by whoever lives; the places that it holds are told, and can be freed. `cargo xtask
//! crash` is this test with more of everything.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tokio::{sync::Mutex, task::JoinSet};

use super::{
    asked,
    dice::Dice,
    gateway::{Gateway, Told},
    house::House,
    in_the_end,
    judge::{Judge, policies},
    record::Record,
};

/// How many gateways there are at a time, and how many tasks each serves.
const GATEWAYS: usize = 3;
const TASKS: u64 = 6;
/// Latest instant of a kill, in milliseconds after the gateway was started or the one before was killed.
const LATEST_MS: u64 = 400;

/// Everything that happens, and what is known of it.
struct Field {
    house: House,
    judge: Judge,
    record: Record,
    dice: Dice,
    gateways: Vec<Arc<Gateway>>,
    load: JoinSet<()>,
    known: Arc<Known>,
}

/// What the clients know.
#[derive(Default)]
struct Known {
    /// Tells calls apart.
    next: AtomicU64,
    /// The calls that were answered with their result.
    done: Mutex<BTreeSet<u64>>,
}

/// Calls and calls, until the gateway is gone.
async fn load(gateway: Arc<Gateway>, known: Arc<Known>, mut dice: Dice) {
    const TOOLS: [&str; 8] = ["free", "free", "free", "solo", "check", "check", "pay", "pay"];
    loop {
        let tool = TOOLS[dice.below(8) as usize];
        let token = known.next.fetch_add(1, Ordering::Relaxed);
        // New accounts as time goes by: `sequence` looks back over 256 calls of one, and then rather refuses.
        let account = dice.below(4) + 4 * (token / 200);
        let arguments = json!({"token": token, "account": account, "ms": dice.below(6)});
        match gateway.call(tool, arguments).await {
            Told::Done => drop(known.done.lock().await.insert(token)),
            Told::Refused(..) => {}
            Told::Gone => return,
        }
    }
}

impl Field {
    async fn new(seed: u64) -> Self {
        let house = House::with(policies()).await;
        let first = Arc::new(house.gateway().await);
        let (judge, record) = (Judge::default(), house.record().await);
        let (dice, known) = (Dice::new(seed), Arc::default());
        let mut field = Self { house, judge, record, dice, gateways: Vec::new(), load: JoinSet::new(), known };
        field.set_to_work(first);
        while field.gateways.len() < GATEWAYS {
            let next = Arc::new(field.house.gateway().await);
            field.set_to_work(next);
        }
        field
    }

    fn set_to_work(&mut self, gateway: Arc<Gateway>) {
        for task in 0..TASKS {
            let dice = Dice::new(self.dice.below(u64::MAX) ^ task);
            self.load.spawn(load(gateway.clone(), self.known.clone(), dice));
        }
        self.gateways.push(gateway);
    }

    /// Reads on in the journal; whatever ought not to be there ends the test.
    async fn look(&mut self) {
        self.judge.read(&self.record.after(self.judge.seq()).await);
    }

    /// The calls of a process that are not ended.
    fn left_by(&self, pid: u32) -> Vec<String> {
        let Some(process) = self.judge.process(pid) else { return Vec::new() };
        let left = self.judge.calls.values().filter(|call| call.process == process && call.outcome.is_none());
        left.map(|call| call.id.clone()).collect()
    }

    /// Kills one at a random instant; returns its number, and how many calls it left open.
    async fn kill(&mut self) -> (u32, usize) {
        let instant = Duration::from_millis(self.dice.below(LATEST_MS));
        tokio::time::sleep(instant).await;
        let at = self.dice.below(self.gateways.len() as u64) as usize;
        let victim = self.gateways.remove(at);
        victim.kill().await;
        self.look().await;
        (victim.pid, self.left_by(victim.pid).len())
    }

    /// Starts one, which may be killed before it has come up. Nothing that a dead one has left is open when it answers,
    /// unless one that lived was just about to close it.
    async fn start(&mut self, dead: u32) {
        if self.dice.below(4) == 0 {
            let early = Gateway::spawn(&mut self.house.interlock(&["serve"]));
            let instant = Duration::from_millis(self.dice.below(LATEST_MS));
            // If it is up by then, all the better: it dies idle.
            drop(tokio::time::timeout(instant, early.until_up()).await);
            early.kill().await;
        }
        let next = Arc::new(self.house.gateway().await);
        self.look().await;
        let left = self.left_by(dead);
        if !left.is_empty() {
            in_the_end(self.until_noticed(dead)).await;
            let living = self.gateways.iter().filter_map(|gateway| self.judge.process(gateway.pid));
            let living: BTreeSet<_> = living.collect();
            for id in left {
                let by = self.judge.calls[&id].ended_by.as_deref().unwrap_or_default();
                assert!(living.contains(by), "call {id} of a dead process was open after a start");
            }
        }
        self.set_to_work(next);
    }

    /// Kills all, and starts one: there is nobody else who could close what they have left.
    async fn power_cut(&mut self) -> Arc<Gateway> {
        for gateway in std::mem::take(&mut self.gateways) {
            gateway.kill().await;
        }
        let next = Arc::new(self.house.gateway().await);
        self.look().await;
        let open = self.judge.calls.values().filter(|call| call.outcome.is_none()).map(|call| &call.id);
        assert_eq!(open.collect::<Vec<_>>(), [""; 0], "calls of dead processes are open after a start");
        next
    }

    /// Waits until those who live have closed what a dead one has left, though nobody starts.
    async fn until_noticed(&mut self, dead: u32) {
        while !self.left_by(dead).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            self.look().await;
        }
    }

    /// The calls of unknown outcome are told by `calls list --unknown`, all of them and no others.
    async fn unknown_are_told(&mut self) {
        let told = self.house.json(&["calls", "list", "--unknown", "--limit", "10000"]).await;
        self.look().await;
        let told: BTreeSet<_> =
            told.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        let unknown = self.judge.calls.values().filter(|call| call.outcome.as_deref() == Some("unknown"));
        let unknown: BTreeSet<_> = unknown.map(|call| call.id.clone()).collect();
        // More may have become unknown since: nothing is killed meanwhile, so there are none.
        assert_eq!(told, unknown);
    }

    /// A place that the dead hold is refused with the reason, told, and free once their call is settled. Returns how many
    /// were settled.
    async fn free_the_place(&mut self) -> usize {
        let holds = |field: &Self| -> Vec<String> {
            let solo = field.judge.under_way(&["solo", "hang"]);
            solo.iter().filter(|call| call.outcome.is_some()).map(|call| call.id.clone()).collect()
        };
        let mut settled = 0;
        for id in holds(self) {
            let Told::Refused(codes, text) = self.gateways[0].call("solo", json!({"token": null})).await else {
                panic!("the place of {id} was given away")
            };
            assert_eq!(codes, ["exclusive_busy"]);
            assert!(text.contains("until an operator settles it"), "{text}");
            self.house.run(&["calls", "settle", &id, "--outcome", "failed", "--reason", "the test says so"]).await;
            settled += 1;
        }
        self.look().await;
        settled
    }

    /// What the server has seen is what the journal tells.
    fn compare(&self, done: &BTreeSet<u64>) -> usize {
        let mut admitted = BTreeMap::new();
        for call in self.judge.calls.values() {
            if let Some(token) = call.arguments["token"].as_u64() {
                assert!(admitted.insert(token, call).is_none(), "a call was admitted twice");
            }
        }
        let mut arrived = BTreeSet::new();
        for (tool, arguments) in self.house.server.arrived() {
            let Some(token) = arguments["token"].as_u64() else { continue };
            assert!(arrived.insert(token), "a call was sent twice");
            let call = admitted.get(&token).unwrap_or_else(|| panic!("{tool} {arguments} was sent and not recorded"));
            assert_eq!(call.tool, tool);
        }
        for (token, call) in &admitted {
            let outcome = call.outcome.as_deref();
            assert!(outcome.is_some(), "call {} is open at the end", call.id);
            if done.contains(token) {
                // Policies look further than one session, so an answer waits until its call's end is recorded.
                assert_eq!(outcome, Some("succeeded"), "call {} was answered", call.id);
            }
            if outcome == Some("succeeded") {
                assert!(arrived.contains(token), "call {} succeeded without the server", call.id);
            }
        }
        arrived.len()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_that_are_killed_at_any_instant_lose_nothing_and_leave_no_lock_behind() {
    let (times, seed) = (asked("TIMES", 5), asked("SEED", 1));
    eprintln!("{times} kills, seed {seed}");
    let mut field = Field::new(seed).await;
    let (mut left, mut noticed, mut settled) = (0, 0, 0);
    for nth in 1..=times {
        let (dead, open) = field.kill().await;
        left += open;
        if nth % 5 == 0 {
            in_the_end(field.until_noticed(dead)).await;
            noticed += usize::from(open > 0);
        }
        field.start(dead).await;
        if nth % 20 == 0 || nth == times {
            field.unknown_are_told().await;
        }
        settled += field.free_the_place().await;
        if nth % 25 == 3 {
            let next = field.power_cut().await;
            field.set_to_work(next);
            while field.gateways.len() < GATEWAYS {
                let next = Arc::new(field.house.gateway().await);
                field.set_to_work(next);
            }
        }
        if nth % 10 == 0 {
            eprintln!("{nth} kills: {} calls, {left} left open by the dead", field.judge.calls.len());
        }
    }
    // The load ends with the gateways; the last one is idle.
    let last = field.power_cut().await;
    while let Some(done) = field.load.join_next().await {
        done.unwrap();
    }
    field.gateways.push(last);
    settled += field.free_the_place().await;
    assert_eq!(field.gateways[0].call("solo", json!({})).await, Told::Done);
    field.look().await;
    let done = std::mem::take(&mut *field.known.done.lock().await);
    let arrived = field.compare(&done);
    field.house.run(&["audit", "verify"]).await;
    assert!(left > 0, "no kill hit a call, so this has shown nothing");
    eprintln!(
        "{times} kills, seed {seed}: {} calls admitted, {arrived} arrived, {} answered, {left} left open by the dead and \
         closed as unknown, {noticed} times by another that lived, {settled} places freed",
        field.judge.calls.len(),
        done.len(),
    );
}

#[tokio::test]
async fn a_gateway_that_is_stopped_for_a_while_is_not_taken_for_dead() {
    let house = House::with(policies()).await;
    let (stopped, other) = (Arc::new(house.gateway().await), house.gateway().await);
    let hanging = tokio::spawn({
        let stopped = stopped.clone();
        async move { stopped.call("hang", json!({})).await }
    });
    house.server.until_arrived(1).await;
    stopped.signal("STOP").await;
    // Whoever starts looks for the dead.
    let third = house.gateway().await;
    for gateway in [&other, &third] {
        let told = gateway.call("solo", json!({})).await;
        assert_eq!(told.word(), "exclusive_busy", "its call still holds its place");
        assert_eq!(gateway.call("free", json!({})).await, Told::Done);
    }
    house.server.let_go();
    stopped.signal("CONT").await;
    assert_eq!(in_the_end(hanging).await.unwrap(), Told::Done);
    assert_eq!(other.call("solo", json!({})).await, Told::Done);
    let mut judge = Judge::default();
    judge.read(&house.record().await.all().await);
    let all: Vec<_> = judge.calls.values().map(|call| call.outcome.as_deref()).collect::<Vec<_>>();
    assert_eq!(all, [Some("succeeded"); 4]);
}
