//! Verdicts that say too much, or what cannot be said.

use interlock_plugin::HoldUntil;
use interlock_plugin::prelude::*;

use crate::how::How;

/// The verdict that is wrong in this way; none if the wrong is of another kind.
pub fn verdict(how: How) -> Option<Verdict> {
    let refusal = || Refusal::new("told_to", "No.");
    let detailed = |details: String| Refusal { details: Some(details), ..refusal() };
    let call = |length: usize| Unlock::Call(format!("a/{}", "b".repeat(length)));
    let refused = match how {
        How::Megabytes => Refusal::new("told_to", "x".repeat(4 << 20)),
        How::LongReason => Refusal::new("told_to", "x".repeat(100 << 10)),
        How::BadCode => Refusal::new("Not a code!", "No."),
        How::LongCode => Refusal::new(&"x".repeat(65), "No."),
        How::LongUnlock => refusal().unlock(call(100 << 10)),
        How::ManyUnlocks => refusal().unlocks(vec![call(1); 10_000]),
        How::FarUnlock => refusal().unlock(Unlock::Wait(u64::MAX)),
        How::NoTime => refusal().unlock(Unlock::After(u64::MAX)),
        How::BadDetails => detailed("{\"half\": ".to_owned()),
        How::InfiniteDetails => detailed("{\"number\": 1e999}".to_owned()),
        How::DeepDetails => detailed(format!("{{\"deep\": {}{}}}", "[".repeat(10_000), "]".repeat(10_000))),
        How::LongDetails => detailed(json!({ "long": "x".repeat(512 << 10) }).to_string()),
        How::PosingDetails => refusal().details(&json!({"policy": "another"})),
        How::Ask => return Some(Verdict::Ask(question(Vec::new()))),
        How::AskEveryone => return Some(Verdict::Ask(question(vec!["role".to_owned(); 20_000]))),
        How::Hold => return Some(Verdict::Hold(hold(vec![String::new(), "no id".to_owned()]))),
        How::HoldForAll => return Some(Verdict::Hold(hold(vec!["no id".to_owned(); 20_000]))),
        _ => return None,
    };
    Some(refused.into())
}

fn question(roles: Vec<String>) -> Question {
    Question {
        reason: "Again?".to_owned(),
        preview: "x".repeat(100 << 10),
        roles,
        quorum: 0,
        expires_in: u64::MAX,
        self_approval: true,
        channel: "desk".to_owned(),
    }
}

fn hold(calls: Vec<String>) -> HoldUntil {
    HoldUntil { calls, longest: u64::MAX, otherwise: Refusal::new("told_to", "It has waited.") }
}
