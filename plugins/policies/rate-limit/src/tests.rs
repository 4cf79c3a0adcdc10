//! What `rate-limit` does, as sentences.

use interlock_plugin::prelude::*;
use interlock_plugin::testing::{self, CallBuilder, Ledger, NOW, PastBuilder, call, past};

use crate::RateLimit;

fn judged(limits: Value, history: impl IntoIterator<Item = PastBuilder>, call: &CallBuilder) -> Verdict {
    testing::judge::<RateLimit>(&json!({ "limits": limits }), &Ledger::from(history), call).unwrap()
}

/// The wait in milliseconds; none if nothing but another call would do.
fn waits(verdict: Verdict) -> Option<u64> {
    let Verdict::Refuse(refusal) = verdict else { panic!("{verdict:?}") };
    match refusal.unlocks.as_slice() {
        [] => {
            assert_eq!(refusal.details, None);
            None
        }
        [Unlock::Wait(wait)] => {
            let seconds = json!({ "retry_after_seconds": wait.div_ceil(1000) });
            assert_eq!(refusal.details, Some(seconds.to_string()));
            Some(*wait)
        }
        other => panic!("{other:?}"),
    }
}

fn spent(amount: Value, seconds_ago: u64) -> PastBuilder {
    past("pay/out").arguments(&json!({ "amount": amount })).seconds_ago(seconds_ago)
}

fn pay(amount: Value) -> CallBuilder {
    call("pay/out").arguments(&json!({ "amount": amount }))
}

fn daily() -> Value {
    json!([{"tools": ["pay/*"], "sum_of": "/amount", "max_sum": 100, "per_seconds": 86400}])
}

#[test]
fn the_cases_beside_this_policy_come_out_as_they_say() {
    testing::run_cases::<RateLimit>(include_str!("../cases.json"));
}

#[test]
fn the_wait_ends_exactly_when_the_oldest_call_in_the_way_leaves_the_window() {
    let limits = || json!([{"tools": ["a/*"], "max_calls": 2, "per_seconds": 60}]);
    let history = || [50_321, 20_000, 10_000].map(|ago| past("a/x").at(NOW - ago));
    let wait = waits(judged(limits(), history(), &call("a/x"))).unwrap();
    assert_eq!(wait, 40_000, "the second oldest must go, as three are there");
    assert_eq!(judged(limits(), history(), &call("a/x").at(NOW + wait)), Verdict::Allow);
    assert_eq!(waits(judged(limits(), history(), &call("a/x").at(NOW + wait - 1))), Some(1));
}

#[test]
fn what_ended_badly_counts_too() {
    let limits = json!([{"tools": ["a/*"], "max_calls": 3, "per_seconds": 60}]);
    let history = [past("a/x").outcome("failed"), past("a/x").outcome("unknown"), past("a/x").running()];
    let history = history.map(|past| past.seconds_ago(30));
    assert_eq!(waits(judged(limits, history, &call("a/x"))), Some(30_000));
}

#[test]
fn of_several_limits_the_longest_wait_counts() {
    let limits = json!([
        {"tools": ["a/*"], "max_calls": 1, "per_seconds": 60},
        {"tools": ["a/x"], "max_calls": 1, "per_seconds": 3600},
        {"tools": ["b/*"], "max_calls": 1, "per_seconds": 86400},
    ]);
    let history = [past("a/x").seconds_ago(10), past("b/x").seconds_ago(10)];
    assert_eq!(waits(judged(limits, history, &call("a/x"))), Some(3_590_000));
}

#[test]
fn a_pattern_that_another_covers_does_not_count_twice() {
    let limits = json!([{"tools": ["a/*", "a/x", "**"], "max_calls": 2, "per_seconds": 60}]);
    assert_eq!(judged(limits, [past("a/x").seconds_ago(10)], &call("a/x")), Verdict::Allow);
}

#[test]
fn amounts_are_added_up_to_the_limit_and_not_beyond_it() {
    assert_eq!(judged(daily(), [spent(json!(60), 3600)], &pay(json!(40))), Verdict::Allow);
    assert_eq!(waits(judged(daily(), [spent(json!(60), 3600)], &pay(json!(40.01)))), Some(82_800_000));
    let history = [spent(json!(30), 7200), spent(json!(60), 3600)];
    assert_eq!(waits(judged(daily(), history, &pay(json!(20)))), Some(79_200_000), "the first leaving is enough");
}

#[test]
fn ten_times_a_tenth_is_one() {
    let limits = json!([{"tools": ["pay/*"], "sum_of": "/amount", "max_sum": 1, "per_seconds": 60}]);
    let history = (0..9).map(|_| spent(json!(0.1), 30));
    assert_eq!(judged(limits, history, &pay(json!(0.1))), Verdict::Allow);
}

#[test]
fn no_wait_makes_room_for_more_than_the_limit_or_for_what_cannot_be_added_up() {
    for amount in [json!(100.5), json!(-1), json!("40"), json!(null), json!([40])] {
        assert_eq!(waits(judged(daily(), [], &pay(amount.clone()))), None, "{amount}");
    }
    assert_eq!(judged(daily(), [], &call("pay/out")), Verdict::Allow, "without the argument nothing is added");
}

#[test]
fn a_call_admitted_after_this_one_was_received_counts() {
    let limits = json!([{"tools": ["a/*"], "max_calls": 1, "per_seconds": 60}]);
    assert_eq!(waits(judged(limits, [past("a/x").at(NOW + 5)], &call("a/x"))), Some(60_000));
}

#[test]
fn the_rules_are_told_in_the_description_of_the_tool() {
    let settings = json!({"limits": [
        {"tools": ["pay/*"], "max_calls": 1, "per_seconds": 60},
        {"tools": ["pay/out"], "sum_of": "/amount", "max_sum": 10000, "per_seconds": 86400},
    ]});
    let policy = testing::configure::<RateLimit>(&settings).ok().unwrap();
    assert_eq!(
        policy.rules("pay/out"),
        [
            "Limited to at most 1 call of pay/* in 1 minute.",
            "Limited to at most 10000 of /amount over pay/out in 24 hours.",
        ]
    );
    assert!(policy.rules("a/x").is_empty());
}

#[test]
fn every_mistake_in_the_settings_is_reported_at_its_place() {
    let told = testing::problems::<RateLimit>(&json!({"limits": [
        {"tools": [], "max_calls": 0, "per_seconds": -1},
        {"tools": ["a/*"], "sum_of": "amount", "max_sum": 0, "per_seconds": 0},
        {"tools": ["a/*"], "max_call": 5, "per_seconds": 60},
        {"tools": ["a/*"], "max_calls": "5", "per_seconds": 60},
    ]}));
    for line in [
        "/limits/0/tools must not be empty",
        "/limits/0/max_calls must be at least 1, but is 0",
        "/limits/0/per_seconds must be at least 1, but is -1",
        "/limits/1/sum_of `amount` is no JSON Pointer: it starts with `/`, as in `/amount`",
        "/limits/1/max_sum must be more than 0, but is 0",
        "/limits/1/per_seconds must be at least 1, but is 0",
        "/limits/2/max_call unknown key `max_call`: did you mean `max_calls`?",
        "/limits/3/max_calls must be a whole number, but is a string",
    ] {
        assert!(told.contains(line), "{line}\n---\n{told}");
    }
    assert_eq!(told.lines().count(), 8, "{told}");
}
