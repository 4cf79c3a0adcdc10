//! Follows the journal while it grows, and keeps little of it: the judge's rules, the soak's own, and the tokens.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use serde_json::Value;

use super::{
    super::{
        judge::{Judge, Story},
        record::{Entry, Record},
    },
    rules::{Forms, MISDEEDS, OFTEN, OFTEN_MS, guards},
    tokens::{Fact, Tokens},
};

/// How many events are read at once.
const PAGE: i64 = 500;
/// How long a gateway may take to stop after those who wait were turned out.
const STOPPING_MS: u64 = 60_000;

pub(super) struct Court {
    judge: Judge,
    record: Record,
    tokens: Arc<Tokens>,
    forms: Forms,
    /// All policies of each set that was ever in force, by its digest.
    sets: BTreeMap<String, Vec<Value>>,
    /// By which sets each process said that it goes, one after the other.
    in_force: BTreeMap<String, BTreeSet<String>>,
    /// The digest of the definition that counts, by tool.
    pinned: BTreeMap<String, String>,
    /// When calls of `often` were admitted.
    often: VecDeque<u64>,
    /// Which process has which session.
    sessions: BTreeMap<String, String>,
    /// Sessions whose calls no longer wait, and since when: their process is about to stop.
    turned_out: Vec<(String, u64)>,
    /// When the last call of `wait` ended.
    wait_ended: u64,
    pub(super) counts: Counts,
}

/// How many of what there were.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) admitted: u64,
    pub(super) refused: u64,
    pub(super) held: u64,
    pub(super) unknown: u64,
    pub(super) signed: u64,
}

impl Court {
    pub(super) fn new(record: Record, tokens: Arc<Tokens>) -> Self {
        Self {
            judge: Judge::default(),
            record,
            tokens,
            forms: Forms::new(),
            sets: BTreeMap::new(),
            in_force: BTreeMap::new(),
            pinned: BTreeMap::new(),
            often: VecDeque::new(),
            sessions: BTreeMap::new(),
            turned_out: Vec::new(),
            wait_ended: 0,
            counts: Counts::default(),
        }
    }

    /// Reads what has come since; whatever ought not to be there ends the test.
    pub(super) async fn read(&mut self) {
        loop {
            let page = self.record.some_after(self.judge.seq(), PAGE).await;
            for event in &page {
                self.judge.follow(event);
                self.look(event);
            }
            self.judge.forget();
            if page.len() < PAGE as usize {
                return;
            }
        }
    }

    /// How many events it has read.
    pub(super) fn seq(&self) -> i64 {
        self.judge.seq()
    }

    /// After everything is over: nobody was turned out without a reason.
    pub(super) fn close(&self) {
        // Of a session without any call nobody knows where it was.
        let left = self.turned_out.iter().find(|(session, _)| self.sessions.contains_key(session));
        assert!(left.is_none(), "turned out, and nothing stopped: {left:?}");
    }

    /// The calls of which the journal tells no end, and those whose end it does not know.
    pub(super) fn left(&self) -> (Vec<&Story>, Vec<&Story>) {
        self.judge.calls.values().partition(|call| call.outcome.is_none())
    }

    fn look(&mut self, event: &Entry) {
        match event.kind.as_str() {
            "config.applied" => {
                let (set, policies) = (event.text("/set").to_owned(), event.body["policies"].as_array().unwrap());
                let known = self.sets.entry(set.clone()).or_insert_with(|| policies.clone());
                assert_eq!(known, policies, "event {}: one digest for two sets", event.seq);
                self.in_force.entry(event.subject.clone()).or_default().insert(set);
            }
            "tool.pinned" | "tool.accepted" => {
                self.pinned.insert(event.subject.clone(), event.text("/definition").to_owned());
            }
            "call.admitted" => self.admitted(event),
            "call.finished" => self.finished(event),
            "process.stopped" => self.stopped(event),
            "call.refused" => {
                self.counts.refused += 1;
                if self.waits_no_more(event) {
                    self.turned_out.push((event.text("/session").to_owned(), event.at));
                    return;
                }
                assert!(self.needed(event), "event {}: it need not have been refused: {}", event.seq, event.body);
            }
            "approval.spent" => self.counts.signed += 1,
            _ => {}
        }
    }

    /// Whether a call is refused that could have waited on, were its gateway to go on.
    fn waits_no_more(&self, event: &Entry) -> bool {
        let why = (event.text("/tool"), event.text("/refused/0/code"));
        matches!(why, ("fire/sign", "approval_pending") | ("fire/wait", "exclusive_busy"))
    }

    /// Those who waited there were told before that they need not.
    fn stopped(&mut self, event: &Entry) {
        let (sessions, stopped) = (&self.sessions, Some(&event.subject));
        for (session, at) in self.turned_out.extract_if(.., |(session, _)| sessions.get(session) == stopped) {
            assert!(event.at < at + STOPPING_MS, "calls of session {session} were turned out, and nothing stopped");
        }
    }

    fn admitted(&mut self, event: &Entry) {
        let (seq, tool) = (event.seq, event.text("/tool"));
        self.counts.admitted += 1;
        assert!(self.tokens.note(token(&event.body), Fact::Admitted), "event {seq}: a call was admitted twice");
        assert_eq!(self.pinned.get(tool).unwrap(), event.text("/definition"), "event {seq}: not the pinned definition");
        let received = event.body["received"].as_u64().unwrap();
        self.sessions.entry(event.text("/session").to_owned()).or_insert_with(|| event.text("/process").to_owned());
        // It was judged by what its process goes by, or went by when the call began: all of it and in that order. Only
        // gateways say by what they go.
        let Some(sets) = self.in_force.get(event.text("/process")) else { return };
        let set = event.text("/set");
        assert!(sets.contains(set), "event {seq}: judged by a set that its process never went by");
        let in_force = &self.sets[set];
        let told = |policy: &Value| (policy["policy"].clone(), policy["mode"] == "shadow");
        let asked = event.body["policies"].as_array().unwrap().iter().map(told);
        let guarding = in_force.iter().filter(|policy| guards(policy["policy"].as_str().unwrap(), tool)).map(told);
        assert!(asked.eq(guarding), "event {seq}: judged by other policies than configured: {}", event.body);
        match tool {
            "fire/often" => {
                let before = self.often_since(received);
                assert!(before < OFTEN, "event {seq}: {before} calls of `often` before it");
                self.often.push_back(event.at);
                while self.often.front().is_some_and(|at| at + 60 * OFTEN_MS < event.at) {
                    self.often.pop_front();
                }
            }
            "fire/wait" if self.wait_ended > received => self.counts.held += 1,
            "fire/edited" => {
                let codes = self.forms.codes(in_force, ms(&event.body));
                assert!(codes.is_empty(), "event {seq}: it ought to be refused: {codes:?}");
            }
            "fire/bad" => assert_eq!(misdeed(&event.body), None, "event {seq}: its policy did not allow it"),
            _ => {}
        }
    }

    fn finished(&mut self, event: &Entry) {
        let call = &self.judge.calls[&event.subject];
        let token = token(&serde_json::json!({"arguments": call.arguments}));
        self.tokens.note(token, Fact::Ended);
        match event.text("/outcome") {
            "succeeded" => drop(self.tokens.note(token, Fact::Succeeded)),
            "unknown" => self.counts.unknown += 1,
            _ => {}
        }
        if call.tool == "wait" {
            self.wait_ended = event.at;
        }
    }

    /// Whether a call had to be refused.
    fn needed(&self, event: &Entry) -> bool {
        let code = event.text("/refused/0/code");
        match event.text("/tool") {
            "fire/often" if code == "rate_exceeded" => {
                self.often_since(event.body["received"].as_u64().unwrap()) >= OFTEN
            }
            "fire/edited" if !matches!(code, "server_unavailable" | "cancelled") => {
                self.forms.codes(&self.sets[event.text("/set")], ms(&event.body)).contains(&code)
            }
            "fire__none" => code == "tool_unknown",
            // However busy the machine is: what is slow anyway may be too slow.
            "fire/bad" if code == "policy_timeout" => true,
            "fire/bad" if misdeed(&event.body).is_some() => misdeed(&event.body) == Some(code),
            // Or the definition changed while it was decided.
            "odd/moody" | "frail/moody" if code == "tool_changed" => true,
            _ => self.judge.needed(event),
        }
    }

    /// How many calls of `often` count for one that was received then.
    fn often_since(&self, received: u64) -> usize {
        self.often.iter().filter(|at| **at + OFTEN_MS > received).count()
    }
}

fn token(body: &Value) -> u64 {
    body["arguments"]["token"].as_u64().expect("every call has a token")
}

fn ms(body: &Value) -> u64 {
    body["arguments"]["ms"].as_u64().unwrap()
}

/// The code that must come of what a call of `bad` asks for.
fn misdeed(body: &Value) -> Option<&'static str> {
    let how = body["arguments"]["how"].as_str().unwrap();
    MISDEEDS.iter().find(|(misdeed, _)| *misdeed == how).unwrap().1
}
