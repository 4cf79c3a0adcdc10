//! One call at a time: which policies are asked, what they see, and what the caller and the journal are told.

use std::time::Duration;

use interlock::{
    journal::kind,
    mediation::{Answer, CallRequest},
};
use interlock_glob::Glob;
use serde_json::{Value, json};

use super::world::{World, policy, request, told};

fn check_first() -> Value {
    json!({"rules": [{"tools": ["shop/pay"], "after": ["shop/check"]}]})
}

fn nobody() -> Value {
    json!({"rules": []})
}

#[tokio::test]
async fn a_call_before_its_prerequisite_is_told_what_unlocks_it_and_passes_afterwards() {
    let world = World::with(json!([policy("check-first", "sequence", check_first(), json!({}))]));
    let house = world.house().await;
    let Answer::Refused { refused, result, call, .. } = house.send(request("pay", json!({"amount": 1}))).await else {
        panic!("it went through")
    };
    assert_eq!(serde_json::to_value(&refused[0]).unwrap()["unlocks"], json!([{"call": "shop/check"}]));
    assert_eq!(result["isError"], true);
    let inside = &result["structuredContent"]["interlock"];
    assert_eq!((&inside["refused"][0]["policy"], &inside["call"]), (&json!("check-first"), &json!(call)));
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(
        text.contains("call shop__check") && !text.contains("shop/"),
        "the model reads names that it can call: {text}"
    );
    assert_eq!(world.shop.sent(), []);

    assert_eq!(house.call("check", json!({})).await, ["ok"]);
    assert_eq!(house.call("pay", json!({"amount": 1})).await, ["ok"]);
    assert_eq!(world.shop.sent(), [("check".to_owned(), json!({})), ("pay".to_owned(), json!({"amount": 1}))]);
    assert_eq!(house.outcomes().await, ["succeeded", "succeeded"]);
}

#[tokio::test]
async fn a_prerequisite_that_failed_or_whose_end_nobody_knows_unlocks_nothing() {
    let rules = |tool: &str| json!({"rules": [{"tools": ["shop/pay"], "after": [format!("shop/{tool}")]}]});
    for tool in ["fail", "lose", "error", "away"] {
        let world = World::with(json!([policy("first", "sequence", rules(tool), json!({}))]));
        let house = world.house().await;
        assert_ne!(house.call(tool, json!({})).await, ["ok"]);
        assert_eq!(house.call("pay", json!({})).await, ["sequence_unmet"], "after `{tool}`");
    }
}

#[tokio::test]
async fn what_the_journal_does_not_keep_is_not_taken_for_nothing() {
    let sum = json!({"limits": [{"tools": ["shop/pay"], "sum_of": "/amount", "max_sum": 100, "per_seconds": 600}]});
    let same = json!({"rules": [{"tools": ["shop/pay"], "after": [{"tool": "shop/check", "same": ["/amount"]}]}]});
    let result = json!({"rules": [{"tools": ["shop/pay"], "require":
        {"not": {"result_of": "shop/check", "at": "/echo/amount", "op": ">", "value": 100}}}]});
    let facts = json!({"last": {"latest": "shop/check"}});
    let cel = json!({"facts": facts, "validations": [
        {"expression": "history.last == null || history.last.arguments.amount != call.arguments.amount + 1"}]});
    let rego = json!({"facts": facts, "policy": ["package interlock",
        "deny contains \"no\" if input.history.last.arguments.amount == input.call.arguments.amount + 1"]});
    let cedar = json!({"facts": facts, "policies": [
        "permit(principal, action, resource) unless {",
        "  context.history has last && context.history.last.arguments.amount == context.call.arguments.amount + 1 };"]});
    let all = [
        ("rate-limit", sum),
        ("sequence", same),
        ("condition", result),
        ("cel", cel),
        ("rego", rego),
        ("cedar", cedar),
    ];
    for (component, settings) in all {
        let mut world = World::with(json!([policy("gate", component, settings, json!({}))]));
        for (hidden, codes) in [("other/*", ["ok"]), ("shop/*", ["policy_fault"])] {
            world.redact = vec![(Glob::new(hidden), vec!["/amount".to_owned(), "/echo/amount".to_owned()])];
            let house = world.house().await;
            assert_eq!(house.call("check", json!({"amount": 5})).await, ["ok"]);
            assert_eq!(house.call("pay", json!({"amount": 5})).await, codes, "{component}, {hidden}");
            let refused = house.events(kind::CALL_REFUSED).await;
            assert_eq!(
                refused.iter().any(|event| event.body.to_string().contains("redacted in the journal")),
                codes != ["ok"]
            );
            assert!(house.journal.close(Duration::from_secs(20)).await);
        }
    }
}

#[tokio::test]
async fn every_refusal_is_reported_in_configuration_order_and_journalled() {
    let world = World::with(json!([
        policy("check-first", "sequence", check_first(), json!({})),
        policy("in-shadow", "allow-list", nobody(), json!({"mode": "shadow"})),
        policy("nobody", "allow-list", nobody(), json!({})),
    ]));
    let house = world.house().await;
    assert_eq!(house.call("pay", json!({})).await, ["sequence_unmet", "not_allowed"]);
    let refused = house.events(kind::CALL_REFUSED).await;
    assert_eq!(refused.len(), 1);
    let names = |key: &str| -> Vec<String> {
        refused[0].body[key].as_array().unwrap().iter().map(|one| one["policy"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("refused"), ["check-first", "nobody"]);
    assert_eq!(names("policies"), ["check-first", "in-shadow", "nobody"]);
    assert_eq!(house.events(kind::CALL_ADMITTED).await, []);
}

#[tokio::test]
async fn a_policy_in_shadow_counts_for_nothing_and_the_journal_tells_what_it_would_have_said() {
    let world = World::with(json!([
        policy("nobody", "allow-list", nobody(), json!({"mode": "shadow"})),
        policy("broken", "misbehaves", json!({"how": "panic"}), json!({"mode": "shadow"})),
        policy("off", "allow-list", nobody(), json!({"mode": "off"})),
    ]));
    let house = world.house().await;
    assert_eq!(house.call("pay", json!({})).await, ["ok"]);
    let admitted = house.events(kind::CALL_ADMITTED).await;
    let judged = admitted[0].body["policies"].as_array().unwrap();
    assert_eq!(judged.len(), 2, "{judged:?}");
    assert_eq!((&judged[0]["mode"], &judged[0]["code"]), (&json!("shadow"), &json!("not_allowed")));
    assert_eq!((&judged[1]["code"], judged[1]["fault"].is_string()), (&json!("policy_fault"), true));
}

#[tokio::test]
async fn a_policy_is_asked_only_about_calls_that_fit_all_that_it_names() {
    let world = World::with(json!([
        policy("tools", "allow-list", nobody(), json!({"match": {"tools": ["shop/ch*"]}})),
        policy("hints", "allow-list", nobody(), json!({"match": {"hints": {"destructive": true, "read_only": false}}})),
        policy(
            "roles",
            "allow-list",
            nobody(),
            json!({"match": {"tools": ["shop/look"], "roles": ["guest", "intern"]}})
        ),
    ]));
    let house = world.house().await;
    let by = async |tool: &str, roles: &[&str]| {
        let mut asked = request(tool, json!({}));
        asked.caller.roles = roles.iter().map(|role| (*role).to_owned()).collect();
        match house.send(asked).await {
            Answer::Refused { refused, .. } => refused.into_iter().map(|one| one.policy).collect(),
            Answer::Result { .. } | Answer::Error { .. } => Vec::new(),
        }
    };
    assert_eq!(by("check", &["agent"]).await, ["tools"]);
    assert_eq!(by("pay", &["agent"]).await, ["hints"]);
    assert_eq!(by("look", &["agent"]).await, Vec::<String>::new());
    assert_eq!(by("look", &["agent", "intern"]).await, ["roles"]);
}

#[tokio::test]
async fn a_policy_that_fails_is_a_refusal_that_tells_the_caller_nothing_of_its_insides() {
    for (how, code) in [("panic", "policy_fault"), ("hoard", "policy_memory"), ("spin", "policy_timeout")] {
        let limits = json!({"limits": {"time_ms": if how == "spin" { 50 } else { 30_000 }}});
        let world = World::with(json!([policy("broken", "misbehaves", json!({"how": how}), limits)]));
        let house = world.house().await;
        let answer = house.send(request("pay", json!({}))).await;
        assert_eq!(told(&answer), [code], "{how}");
        let Answer::Refused { result, .. } = answer else { unreachable!() };
        assert!(!result.to_string().contains("told to") && !result.to_string().contains("wasm"), "{result}");
        let refused = house.events(kind::CALL_REFUSED).await;
        assert!(refused[0].body["policies"][0]["fault"].is_string(), "the operator is told: {:?}", refused[0].body);
        assert_eq!(world.shop.sent(), []);
    }
}

#[tokio::test]
async fn where_a_fault_is_to_let_calls_through_it_does_and_the_journal_says_so_each_time() {
    let open = json!({"on_fault": "allow"});
    let world = World::with(json!([policy("broken", "misbehaves", json!({"how": "panic"}), open)]));
    let house = world.house().await;
    for _ in 0..2 {
        assert_eq!(house.call("pay", json!({})).await, ["ok"]);
    }
    let admitted = house.events(kind::CALL_ADMITTED).await;
    assert_eq!(admitted.len(), 2);
    for event in admitted {
        let judged = &event.body["policies"][0];
        assert_eq!((&judged["verdict"], judged["fault"].is_string()), (&json!("allow"), true), "{judged}");
    }
}

#[tokio::test]
async fn history_by_argument_reaches_across_sessions_and_callers_and_no_further() {
    let by_payment = json!({"scope": {"argument": "/payment_id"}, "match": {"tools": ["shop/pay"]}});
    let world = World::with(json!([policy("check-first", "sequence", check_first(), by_payment)]));
    let house = world.house().await;
    assert_eq!(house.call("check", json!({"payment_id": "p1"})).await, ["ok"]);
    let elsewhere = |arguments: Value| {
        let mut asked = CallRequest { session: "another".to_owned(), ..request("pay", arguments) };
        asked.caller.principal = "bob".to_owned();
        asked
    };
    assert_eq!(told(&house.send(elsewhere(json!({"payment_id": "p2"}))).await), ["sequence_unmet"]);
    assert_eq!(told(&house.send(elsewhere(json!({"amount": 1}))).await), ["scope_missing"]);
    assert_eq!(told(&house.send(elsewhere(json!({"payment_id": "p1", "amount": 1}))).await), ["ok"]);
    assert_eq!(world.shop.sent().len(), 2);
}

#[tokio::test]
async fn a_session_belongs_to_its_principal_and_a_caller_has_all_of_theirs() {
    for (scope, own, others) in
        [("session", "sequence_unmet", "sequence_unmet"), ("caller", "ok", "sequence_unmet"), ("global", "ok", "ok")]
    {
        let world = World::with(json!([policy("check-first", "sequence", check_first(), json!({"scope": scope}))]));
        let house = world.house().await;
        assert_eq!(house.call("check", json!({})).await, ["ok"]);
        let another_session = CallRequest { session: "t".to_owned(), ..request("pay", json!({})) };
        let mut another_principal = request("pay", json!({}));
        another_principal.caller.principal = "bob".to_owned();
        assert_eq!(told(&house.send(another_session).await), [own], "{scope}");
        assert_eq!(told(&house.send(another_principal).await), [others], "{scope}");
        assert_eq!(house.call("pay", json!({})).await, ["ok"], "{scope}");
    }
}

#[tokio::test]
async fn a_tool_that_is_not_there_is_a_protocol_error_and_a_refusal_in_the_journal() {
    let world = World::with(json!([]));
    let house = world.house().await;
    let Answer::Error { error, .. } = house.send(request("nothing", json!({"a": 1}))).await else { panic!("no error") };
    assert_eq!(error.code, -32_602);
    assert_eq!(error.data.unwrap()["interlock"]["refused"][0]["code"], "tool_unknown");
    let refused = house.events(kind::CALL_REFUSED).await;
    assert_eq!(
        (&refused[0].body["tool"], &refused[0].body["refused"][0]["code"]),
        (&json!("shop/nothing"), &json!("tool_unknown"))
    );
}

#[tokio::test]
async fn explaining_a_call_sends_nothing_records_nothing_and_asks_nobody() {
    let gate = json!({"rules": [{"tools": ["shop/look"]}]});
    let world = World::with(json!([
        policy("check-first", "sequence", check_first(), json!({})),
        policy("gate", "approval", gate, json!({})),
    ]));
    let house = world.house().await;
    let before = house.journal.head();
    let pay = house.mediator.explain(request("pay", json!({}))).await.unwrap();
    assert_eq!((pay.decision, pay.policies[0].verdict, pay.policies[1].verdict), ("refuse", "refuse", "allow"));
    assert_eq!(pay.policies[0].refusal.as_ref().unwrap().refusal.code, "sequence_unmet");
    let look = house.mediator.explain(request("look", json!({}))).await.unwrap();
    assert_eq!((look.decision, look.policies[1].approval.is_none()), ("ask", true));
    let nothing = house.mediator.explain(request("nothing", json!({}))).await.unwrap_err();
    assert_eq!(nothing[0].refusal.code, "tool_unknown");
    house.journal.flush().await.unwrap();
    assert_eq!(house.journal.refresh().await.unwrap(), before);
    assert_eq!((world.shop.sent(), house.mediator.approvals().list().await.unwrap()), (vec![], vec![]));
}

#[tokio::test]
async fn a_guarded_tool_tells_its_rules_in_its_description() {
    let world = World::with(json!([
        policy("check-first", "sequence", check_first(), json!({})),
        policy(
            "in-shadow",
            "sequence",
            json!({"rules": [{"tools": ["shop/look"], "after": ["shop/check"]}]}),
            json!({"mode": "shadow"})
        ),
    ]));
    let house = world.house().await;
    let tools = house.mediator.tools().await;
    let description = |name: &str| {
        let tool = tools.iter().find(|tool| tool["name"] == name).unwrap();
        tool["description"].as_str().unwrap_or_default().to_owned()
    };
    assert!(description("shop__pay").contains("shop__check"), "{}", description("shop__pay"));
    assert_eq!(description("shop__look"), "");
}
