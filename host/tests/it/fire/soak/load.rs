//! What clients do, one thing after the other, until their gateway is gone or everything is over.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    super::dice::Dice,
    line::{Door, Era, Line},
    rules::MISDEEDS,
    tokens::{Fact, Tokens},
};

/// What callers may be told that nothing was sent for.
const REFUSALS: [&str; 14] = [
    "approval_pending",
    "approval_refused",
    "cancelled",
    "condition_unmet",
    "exclusive_busy",
    "not_allowed",
    "policy_fault",
    "policy_memory",
    "policy_timeout",
    "rate_exceeded",
    "sequence_unmet",
    "server_unavailable",
    "told_to",
    "tool_changed",
];

/// How the servers' tools misbehave: over HTTP, and over stdio.
const ODD_HTTP: [&str; 4] = ["break", "nonsense", "fail", "error"];
const ODD_STDIO: [&str; 10] =
    ["hang", "other_id", "nonsense", "babble", "twice", "flood", "fail", "error", "change", "nothing"];

/// What all clients share.
#[derive(Default)]
pub(super) struct Crowd {
    pub(super) tokens: Arc<Tokens>,
    /// How often which word was heard.
    heard: Mutex<BTreeMap<String, u64>>,
    /// How many milliseconds each plain call took since they were last taken.
    took: Mutex<Vec<u128>>,
    over: AtomicBool,
    /// One for each client that is still there, and one of its own.
    here: Arc<()>,
}

impl Crowd {
    /// Everybody is to finish what they are at.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Whether all clients have left.
    pub(super) fn is_idle(&self) -> bool {
        Arc::strong_count(&self.here) == 1
    }

    pub(super) fn heard(&self) -> BTreeMap<String, u64> {
        self.heard.lock().unwrap().clone()
    }

    /// How many milliseconds the plain calls took since this was last asked: the middle one, and one in a hundred.
    pub(super) fn took(&self) -> (u128, u128) {
        let mut took = std::mem::take(&mut *self.took.lock().unwrap());
        took.sort_unstable();
        let at = |percent: usize| took.get(took.len() * percent / 100).copied().unwrap_or_default();
        (at(50), at(99))
    }

    /// The parameters of a call that can be told from all others, and its token.
    pub(super) fn marked(&self, tool: &str, mut arguments: Value) -> (u64, Value) {
        let token = self.tokens.next();
        arguments["token"] = token.into();
        (token, json!({"name": tool, "arguments": arguments}))
    }

    fn hear(&self, word: &str) {
        *self.heard.lock().unwrap().entry(word.to_owned()).or_default() += 1;
    }
}

/// One client.
pub(super) struct Client {
    crowd: Arc<Crowd>,
    line: Line,
    dice: Dice,
}

/// Connects, and then does this and that.
pub(super) async fn load(crowd: Arc<Crowd>, door: Arc<Door>, era: Era, dice: Dice) {
    let _here = crowd.here.clone();
    let Some(line) = Line::open(door, era).await else { return };
    let mut client = Client { crowd, line, dice };
    while !client.crowd.is_over() {
        if client.act().await.is_none() {
            client.crowd.hear("gone");
            return;
        }
    }
}

impl Client {
    /// None: the gateway is gone.
    async fn act(&mut self) -> Option<()> {
        let (ms, account) = (self.dice.below(6), self.account());
        match self.dice.below(100) {
            0..30 => self.call("fire__free", json!({"ms": ms})).await,
            30..40 => self.call("fire__check", json!({"ms": ms, "account": account})).await,
            40..50 => self.call("fire__pay", json!({"account": account})).await,
            50..57 => self.call("fire__solo", json!({"ms": ms})).await,
            57..60 => self.call("fire__wait", json!({"ms": ms})).await,
            60..66 => self.call("fire__often", json!({})).await,
            66..74 => self.call("fire__edited", json!({"ms": ms})).await,
            74..78 => {
                let (how, _) = self.one_of(&MISDEEDS);
                self.call("fire__bad", json!({"how": how})).await
            }
            78 => self.call("fire__sign", json!({"to": "somebody"})).await,
            79..81 => {
                let how = self.one_of(&ODD_HTTP);
                self.call("fire__free", json!({"how": how})).await
            }
            81..84 => {
                let how = self.one_of(&ODD_STDIO);
                self.call("odd__do", json!({"how": how})).await
            }
            84..86 => self.call("odd__moody", json!({})).await,
            86 => {
                let how = if self.dice.below(10) == 0 { "die" } else { "nothing" };
                self.call("frail__do", json!({"how": how})).await
            }
            87..91 => {
                let method = self.one_of(&["tools/list", "resources/list", "prompts/list", "resources/templates/list"]);
                let answer = self.line.ask(method, json!({})).await?;
                assert!(answer["result"].is_object(), "{method}: {answer}");
                Some(())
            }
            91 => {
                let answer = self.line.ask("tools/call", json!({"name": "fire__none", "arguments": {}})).await?;
                assert!(answer["error"].is_object(), "{answer}");
                Some(())
            }
            92..95 => {
                let tool = self.one_of(&["fire__free", "fire__solo", "fire__wait", "fire__check", "odd__do"]);
                let arguments = json!({"ms": self.dice.below(50), "account": account, "how": "nothing"});
                let params = self.crowd.marked(tool, arguments).1;
                let after = Duration::from_millis(self.dice.below(60));
                self.line.call_off("tools/call", params, after).await
            }
            95..98 => self.babble().await,
            // Once in a while: it keeps the place of `solo` until it is lost and settled.
            98 if self.dice.below(20) == 0 => self.call("fire__hang", json!({})).await,
            _ => {
                tokio::time::sleep(Duration::from_millis(self.dice.below(50))).await;
                Some(())
            }
        }
    }

    /// What is broken, too deep or too large.
    async fn babble(&mut self) -> Option<()> {
        let kind = self.dice.below(40);
        let of = move |id: u64| match kind {
            0 => call_with(id, &format!(r#"{{"x":"{}"}}"#, "y".repeat(5 << 20))),
            1..10 => call_with(id, &format!(r#"{{"x":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000))),
            10..20 => call_with(id, r#"{"x":01}"#),
            20..30 => call_with(id, "{\"x\":\"\0\"}"),
            _ => [call_with(id, "{}").as_slice(), b"}"].concat(),
        };
        self.line.babble(of).await
    }

    /// New accounts as time goes by: `sequence` looks back over 256 calls of one, and then rather refuses.
    fn account(&mut self) -> u64 {
        let made = self.crowd.tokens.made();
        self.dice.below(4) + 4 * (made / 1000)
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.dice.below(all.len() as u64) as usize]
    }

    async fn call(&mut self, tool: &str, arguments: Value) -> Option<()> {
        let (token, params) = self.crowd.marked(tool, arguments);
        let (began, plain) = (Instant::now(), tool == "fire__free" && params["arguments"]["how"].is_null());
        let answer = self.line.ask("tools/call", params).await?;
        if plain {
            self.crowd.took.lock().unwrap().push(began.elapsed().as_millis());
        }
        let result = &answer["result"];
        let refused = &result["structuredContent"]["interlock"]["refused"];
        let word = match (refused[0]["code"].as_str(), result["isError"].as_bool()) {
            (Some("outcome_unknown"), _) => "outcome_unknown",
            (Some(code), _) => {
                assert!(REFUSALS.contains(&code), "{tool}: {answer}");
                self.crowd.tokens.note(token, Fact::ToldRefused);
                code
            }
            (None, Some(false)) => {
                self.crowd.tokens.note(token, Fact::ToldDone);
                "done"
            }
            (None, Some(true)) => "failed",
            (None, None) => {
                assert!(answer["error"].is_object(), "{tool}: {answer}");
                "error"
            }
        };
        self.crowd.hear(word);
        Some(())
    }
}

/// A call with these arguments, whatever they are.
fn call_with(id: u64, arguments: &str) -> Vec<u8> {
    let params = format!(r#"{{"name":"fire__free","arguments":{arguments}}}"#);
    format!(r#"{{"method":"tools/call","params":{params},"jsonrpc":"2.0","id":{id}}}"#).into_bytes()
}
