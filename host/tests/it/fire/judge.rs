//! The judge: goes over a journal from its first event to its last and tells whether every rule was kept at every moment.
//! It knows the rules, and nothing of how the program keeps them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{house::policy, record::Entry};

/// How many calls of `rare` there may be in all.
pub(super) const RARE: usize = 40;

/// The rules: one `solo` at a time or refused, one `wait` at a time or held, `pay` uses up a `check` of the same account,
/// `rare` comes so often and no more, `sign` is approved.
pub(super) fn policies() -> Value {
    json!([
        policy("solo", "exclusive", json!({"groups": [{"tools": ["fire/solo", "fire/hang"]}]})),
        policy("wait", "exclusive", json!({"groups": [{"tools": ["fire/wait"], "otherwise": {"hold_seconds": 3600}}]})),
        policy(
            "paid-once",
            "sequence",
            json!({"rules": [{
                "tools": ["fire/pay"],
                "after": [{"tool": "fire/check", "same": ["/account"], "consume": true}],
            }]})
        ),
        policy(
            "rare",
            "rate-limit",
            json!({"limits": [
                {"tools": ["fire/rare"], "max_calls": RARE, "per_seconds": 86_400},
            ]})
        ),
        policy(
            "signed",
            "approval",
            json!({"rules": [
                {"tools": ["fire/sign"], "roles": ["boss"], "preview": "Sign for {/to}"},
            ]})
        ),
    ])
}

/// One admitted call.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) id: String,
    pub(super) tool: String,
    pub(super) arguments: Value,
    pub(super) process: String,
    /// None while it runs; `unknown` until it is settled.
    pub(super) outcome: Option<String>,
    /// Who wrote its end.
    pub(super) ended_by: Option<String>,
}

impl Story {
    fn holds_its_place(&self) -> bool {
        self.outcome.as_deref().is_none_or(|outcome| outcome == "unknown")
    }
}

/// What the journal tells, read up to some event.
#[derive(Default)]
pub(super) struct Judge {
    pub(super) calls: BTreeMap<String, Story>,
    /// How many refusals there were, by tool and first code.
    pub(super) refused: BTreeMap<(String, String), usize>,
    /// Approvals by id: how far they have come.
    approvals: BTreeMap<String, &'static str>,
    /// Which calls the questions are about that are not answered.
    askers: BTreeMap<String, String>,
    /// Calls whose question was answered with no.
    denied: BTreeSet<String>,
    /// Calls that used an approval up.
    spent: BTreeSet<String>,
    /// Checks that no payment has used up, by account.
    pub(super) unused: BTreeMap<String, i64>,
    rare: usize,
    seq: i64,
    /// Ids in the journal, by the operating system's numbers. Those are not used again so soon.
    processes: BTreeMap<u64, String>,
}

impl Judge {
    /// Reads on. Panics at the first event that ought not to be there.
    pub(super) fn read(&mut self, events: &[Entry]) {
        for event in events {
            self.follow(event);
            if event.kind == "call.refused" {
                self.refused(event);
            }
        }
    }

    /// The same with one event, but that somebody else has to see whether a refusal was needed.
    pub(super) fn follow(&mut self, event: &Entry) {
        assert_eq!(event.seq, self.seq + 1, "an event is missing");
        self.seq = event.seq;
        match event.kind.as_str() {
            "call.admitted" => self.admitted(event),
            "call.finished" => self.ended(event),
            "call.settled" => {
                let before = self.calls.get(&event.subject).and_then(|call| call.outcome.clone());
                assert_eq!(before.as_deref(), Some("unknown"), "event {} settles what is not unknown", event.seq);
                self.ended(event);
            }
            "process.started" => {
                self.processes.insert(event.body["pid"].as_u64().unwrap(), event.subject.clone());
            }
            "approval.asked" => {
                assert!(self.approvals.insert(event.subject.clone(), "asked").is_none());
                self.askers.insert(event.subject.clone(), event.text("/call").to_owned());
            }
            "approval.granted" => {
                self.approval(event, "asked", "granted");
                self.askers.remove(&event.subject);
            }
            "approval.refused" => {
                self.approval(event, "asked", "refused");
                self.denied.extend(self.askers.remove(&event.subject));
            }
            "approval.spent" => {
                self.approval(event, "granted", "spent");
                let call = event.text("/call").to_owned();
                assert_eq!(self.calls[&call].tool, "sign");
                assert!(self.spent.insert(call), "event {}: a call spends two approvals", event.seq);
            }
            _ => {}
        }
    }

    /// Forgets the calls of which nothing more can come, so that a long journal can be read in little memory. Returns them.
    pub(super) fn forget(&mut self) -> Vec<Story> {
        let over = |call: &Story| call.outcome.as_deref().is_some_and(|outcome| outcome != "unknown");
        let gone: Vec<Story> = self.calls.extract_if(.., |_, call| over(call)).map(|(_, call)| call).collect();
        for call in gone.iter().filter(|call| call.tool == "sign") {
            assert!(self.spent.remove(&call.id), "call {} was signed by nobody", call.id);
        }
        gone
    }

    /// Up to where it has read.
    pub(super) fn seq(&self) -> i64 {
        self.seq
    }

    /// A process's id in the journal.
    pub(super) fn process(&self, pid: u32) -> Option<&str> {
        self.processes.get(&u64::from(pid)).map(String::as_str)
    }

    /// Calls of a tool that are under way, or may be.
    pub(super) fn under_way(&self, tools: &[&str]) -> Vec<&Story> {
        self.calls.values().filter(|call| tools.contains(&call.tool.as_str()) && call.holds_its_place()).collect()
    }

    /// How many calls of a tool were admitted.
    pub(super) fn admissions(&self, tool: &str) -> usize {
        self.calls.values().filter(|call| call.tool == tool).count()
    }

    /// Every signed call has an approval of its own.
    pub(super) fn assert_all_signed(&self) {
        let sign = self.calls.values().filter(|call| call.tool == "sign");
        assert_eq!(sign.map(|call| call.id.clone()).collect::<BTreeSet<_>>(), self.spent);
    }

    fn admitted(&mut self, event: &Entry) {
        let seq = event.seq;
        let tool = event.text("/tool").trim_start_matches("fire/").to_owned();
        match tool.as_str() {
            "solo" | "hang" => assert!(self.under_way(&["solo", "hang"]).is_empty(), "event {seq}: two at once"),
            "wait" => assert!(self.under_way(&["wait"]).is_empty(), "event {seq}: two at once"),
            "pay" => {
                let unused = self.unused.entry(account(&event.body)).or_default();
                *unused -= 1;
                assert!(*unused >= 0, "event {seq}: a check is used up twice");
            }
            "rare" => {
                self.rare += 1;
                assert!(self.rare <= RARE, "event {seq}: one call too many");
            }
            _ => {}
        }
        let story = Story {
            id: event.subject.clone(),
            tool,
            arguments: event.body["arguments"].clone(),
            process: event.text("/process").to_owned(),
            outcome: None,
            ended_by: None,
        };
        assert!(self.calls.insert(event.subject.clone(), story).is_none(), "event {seq}: admitted twice");
    }

    fn ended(&mut self, event: &Entry) {
        let seq = event.seq;
        let call = self.calls.get_mut(&event.subject).unwrap_or_else(|| panic!("event {seq} ends what never began"));
        let settled = event.kind == "call.settled";
        assert!(call.outcome.is_none() || settled, "event {seq}: a second end of call {}", event.subject);
        let outcome = event.text("/outcome").to_owned();
        let account = account(&json!({"arguments": call.arguments}));
        match (call.tool.as_str(), outcome.as_str()) {
            ("check", "succeeded") => *self.unused.entry(account).or_default() += 1,
            // What was never sent has used nothing up.
            ("pay", "cancelled") => *self.unused.entry(account).or_default() += 1,
            _ => {}
        }
        call.outcome = Some(outcome);
        if !settled {
            call.ended_by = Some(event.text("/process").to_owned());
        }
    }

    fn refused(&mut self, event: &Entry) {
        let (tool, code) = (event.text("/tool").trim_start_matches("fire/").to_owned(), event.text("/refused/0/code"));
        let refused = &event.body["refused"];
        assert!(self.needed(event), "event {}: `{tool}` need not have been refused: {refused}", event.seq);
        *self.refused.entry((tool, code.to_owned())).or_default() += 1;
    }

    /// Whether a call had to be refused, by the rules and by what had happened before.
    pub(super) fn needed(&self, event: &Entry) -> bool {
        let tool = event.text("/tool").trim_start_matches("fire/");
        match (tool, event.text("/refused/0/code")) {
            ("solo" | "hang", "exclusive_busy") => !self.under_way(&["solo", "hang"]).is_empty(),
            ("pay", "sequence_unmet") => self.unused.get(&account(&event.body)).is_none_or(|unused| *unused == 0),
            ("rare", "rate_exceeded") => self.rare == RARE,
            // A gateway that is starting, or whose client was killed with it.
            (_, "server_unavailable" | "cancelled") => true,
            ("sign", "approval_refused") => self.denied.contains(&event.subject),
            _ => false,
        }
    }

    fn approval(&mut self, event: &Entry, from: &str, to: &'static str) {
        let before = self.approvals.insert(event.subject.clone(), to);
        assert_eq!(before, Some(from), "event {}: approval {}", event.seq, event.subject);
    }
}

fn account(body: &Value) -> String {
    body["arguments"]["account"].to_string()
}
