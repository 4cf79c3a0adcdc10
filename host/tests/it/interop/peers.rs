//! Two `interlock serve` processes over one journal: what happens through the one is at once true for the other.

use serde_json::{Value, json};

use super::{
    app::{App, Era, Make},
    house::House,
};

/// How often each is tried, so that nothing passes by luck.
const TIMES: usize = 20;

/// One toolset for each reach of a policy; each payment uses up one fraud check.
fn config() -> Value {
    let scopes =
        [("caller", json!("caller")), ("everyone", json!("global")), ("payment", json!({"argument": "/payment_id"}))];
    let servers: serde_json::Map<_, _> =
        scopes.iter().map(|(name, _)| ((*name).to_owned(), json!({"component": "payments"}))).collect();
    let policy = |(name, scope): &(&str, Value)| {
        let rule = json!({
            "tools": [format!("{name}/process_payment")],
            "after": [{"tool": format!("{name}/fraud_check"), "consume": true}],
        });
        json!({
            "name": format!("{name}-checked"),
            "component": "sequence",
            "match": {"tools": [format!("{name}/*")]},
            "scope": scope,
            "settings": {"rules": [rule]},
        })
    };
    json!({"mcpServers": servers, "policies": scopes.iter().map(policy).collect::<Vec<_>>()})
}

/// What one checks the other may pay for, once; then the other way round.
async fn checked_by_one_paid_through_the_other(first: &mut App, second: &mut App, server: &str) {
    let (check, pay) = (format!("{server}__fraud_check"), format!("{server}__process_payment"));
    for time in 0..TIMES {
        let payment = format!("payment-{time}");
        let paid = || json!({"payment_id": payment, "amount": 5, "to": "Ada"});
        let early = second.call(&pay, paid()).await;
        assert_eq!(early.refusal()["code"], "sequence_unmet", "{server}, {time}");
        assert_eq!(early.refusal()["unlocks"], json!([{"call": format!("{server}/fraud_check")}]));
        first.call(&check, json!({"payment_id": payment, "amount": 5})).await.passed();
        second.call(&pay, paid()).await.passed();
        let again = first.call(&pay, paid()).await;
        assert_eq!(again.refusal()["code"], "sequence_unmet", "{server}, {time}: used up by the other process");
        std::mem::swap(first, second);
    }
}

async fn peers(era: Era, over_http: bool) {
    let house = House::with(&config());
    let doors = if over_http { Some((house.open().await, house.open().await)) } else { None };
    let (one, other) = (doors.as_ref().map(|doors| &doors.0), doors.as_ref().map(|doors| &doors.1));
    let mut first = App::connect(Make::Rmcp, era, &house, one).await;
    let mut second = App::connect(Make::Rmcp, era, &house, other).await;
    for server in ["caller", "everyone", "payment"] {
        checked_by_one_paid_through_the_other(&mut first, &mut second, server).await;
    }
    // Another payment has not been checked, whatever else has.
    first.call("payment__fraud_check", json!({"payment_id": "a", "amount": 1})).await.passed();
    let other = second.call("payment__process_payment", json!({"payment_id": "b", "amount": 1, "to": "Ada"})).await;
    assert_eq!(other.refusal()["code"], "sequence_unmet");
    first.close().await;
    second.close().await;
    if let Some((one, other)) = doors {
        one.close().await;
        other.close().await;
    }
    house.assert_whole().await;
}

#[tokio::test]
async fn a_prerequisite_met_in_one_process_is_seen_by_another_at_once_on_stdio() {
    peers(Era::Legacy, false).await;
}

#[tokio::test]
async fn a_prerequisite_met_in_one_process_is_seen_by_another_at_once_on_http() {
    peers(Era::Modern, true).await;
}
