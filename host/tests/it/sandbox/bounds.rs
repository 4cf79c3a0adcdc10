//! What guests say is bounded: verdicts that say too much are cut, or are no verdicts at all.

use std::{sync::Arc, time::Duration};

use interlock::{
    sandbox::Sandbox,
    verdict::{Unlock, Verdict},
};
use serde_json::json;

use super::{
    Nothing, call,
    faults::{PLENTY, SHORT, judge, load},
};
use crate::plugins::cache;

#[tokio::test]
async fn a_long_reason_is_cut_and_the_refusal_stands() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    let plugin = load(&sandbox, "misbehaves", json!({}), PLENTY).await.unwrap();
    let Verdict::Refuse(refusal) = judge(&plugin, "long_reason").await.unwrap() else { panic!("no refusal") };
    assert_eq!((refusal.code.as_str(), refusal.reason.len()), ("told_to", 4096));
}

#[tokio::test]
async fn the_longest_times_that_can_be_said_are_taken_and_written() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    let plugin = load(&sandbox, "misbehaves", json!({}), PLENTY).await.unwrap();
    let Verdict::Refuse(refusal) = judge(&plugin, "far_unlock").await.unwrap() else { panic!("no refusal") };
    let most = Duration::from_millis(u64::MAX);
    assert_eq!(refusal.unlocks, [Unlock::Wait(most)]);
    let written = serde_json::to_value(&refusal).unwrap();
    assert_eq!(written["unlocks"][0], json!({"wait_seconds": most.as_secs() + 1}));
    let Verdict::Hold(hold) = judge(&plugin, "hold").await.unwrap() else { panic!("no hold") };
    assert_eq!((hold.calls.len(), hold.longest), (2, most));
    let Verdict::Ask(question) = judge(&plugin, "ask").await.unwrap() else { panic!("no question") };
    assert_eq!((question.preview.len(), question.quorum, question.expires_in), (4096, 1, most));
}

#[tokio::test]
async fn rules_are_few_and_short_or_none() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    for (how, limits, lengths) in
        [("long_rules", PLENTY, vec![512; 2]), ("many_rules", PLENTY, vec![8; 8]), ("allow", PLENTY, vec![])]
    {
        let plugin = load(&sandbox, "misbehaves", json!({ "how": how }), limits).await.unwrap();
        let rules = plugin.rules("a/b").await.unwrap();
        assert_eq!(rules.iter().map(String::len).collect::<Vec<_>>(), lengths, "{how}");
    }
    let plugin = load(&sandbox, "misbehaves", json!({"how": "spin_in_rules"}), SHORT).await.unwrap();
    assert_eq!(plugin.rules("a/b").await.unwrap_err().kind.code(), "policy_timeout");
    let allowed = plugin.judge(&call("a/b", json!({})), None, Arc::new(Nothing)).await;
    assert_eq!(allowed, Ok(Verdict::Allow));
}
