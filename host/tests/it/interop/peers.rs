//! Two `interlock serve` processes over one journal: what happens through the one is at once true for the other.

use serde_json::{Value, json};

use super::{
    app::{Era, Rmcp},
    house::{House, TIME_MS},
};

/// How often each is tried, so that nothing passes by luck.
const TIMES: usize = 20;

/// How many unrelated calls each process has open at any time.
const BUSY: usize = 4;

/// One toolset for each reach of a policy; each payment uses up one fraud check.
fn config() -> Value {
    let scopes =
        [("caller", json!("caller")), ("everyone", json!("global")), ("payment", json!({"argument": "/payment_id"}))];
    let mut servers: serde_json::Map<_, _> =
        scopes.iter().map(|(name, _)| ((*name).to_owned(), json!({"component": "payments"}))).collect();
    servers.insert("other".to_owned(), json!({"component": "validation"}));
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
            "limits": {"time_ms": TIME_MS},
            "settings": {"rules": [rule]},
        })
    };
    json!({"mcpServers": servers, "policies": scopes.iter().map(policy).collect::<Vec<_>>()})
}

/// What one checks the other may pay for, once; then the other way round.
async fn checked_by_one_paid_through_the_other(first: &mut Rmcp, second: &mut Rmcp, server: &str) {
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
    let mut first = Rmcp::connect(era, &house, one).await;
    let mut second = Rmcp::connect(era, &house, other).await;
    // Both have more to write down, so that what must be seen is never written at once by luck.
    let arguments = json!({"data": {}});
    let calling = |_| [&first, &second].map(|app| app.keep_calling("other__validate_data", &arguments));
    let traffic = futures::future::select_all((0..BUSY).flat_map(calling).map(Box::pin));
    let story = async {
        for server in ["caller", "everyone", "payment"] {
            checked_by_one_paid_through_the_other(&mut first, &mut second, server).await;
        }
        // Another payment has not been checked, whatever else has.
        first.call("payment__fraud_check", json!({"payment_id": "a", "amount": 1})).await.passed();
        let other = second.call("payment__process_payment", json!({"payment_id": "b", "amount": 1, "to": "Ada"})).await;
        assert_eq!(other.refusal()["code"], "sequence_unmet");
    };
    tokio::select! {
        () = story => {}
        (never, ..) = traffic => match never {},
    }
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
