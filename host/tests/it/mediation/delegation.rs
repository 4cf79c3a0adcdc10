//! Answering in another's name, and in another role's place after a while: what counts, for whom, and until when.

use std::time::Duration;

use interlock::{
    approvals::{Approval, ApprovalsError, Delegating, Delegation, Reply, State},
    journal::kind,
};
use serde_json::{Value, json};

use super::world::{House, World, policy};

const QUARTER: Duration = Duration::from_secs(15 * 60);

fn gate(more: Value) -> Value {
    let mut rule = json!({"tools": ["shop/pay"], "roles": ["lead"]});
    rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!([policy("gate", "approval", json!({"rules": [rule]}), json!({}))])
}

async fn asked(house: &House) -> String {
    assert_eq!(house.call("pay", json!({})).await, ["approval_pending"]);
    let approvals = house.mediator.approvals();
    approvals.list().await.unwrap().into_iter().rfind(|one| one.is_open(approvals.now())).unwrap().id
}

async fn says(house: &House, id: &str, by: &str, roles: &[&str]) -> Result<Approval, ApprovalsError> {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    house.mediator.approvals().answer(id, Reply { roles, ..Reply::desk(by, true) }).await
}

async fn delegate(house: &House, from: &str, to: &str, own: &[&str]) -> Result<Delegation, ApprovalsError> {
    let wanted = Delegating {
        from: from.to_owned(),
        to: to.to_owned(),
        roles: vec!["lead".to_owned()],
        own: own.iter().map(|role| (*role).to_owned()).collect(),
        lasts: QUARTER,
        reason: Some("on holiday".to_owned()),
    };
    house.mediator.approvals().delegate("operator", wanted).await
}

#[tokio::test]
async fn a_delegate_has_the_delegators_say_in_every_process_and_the_answer_tells_whose_it_is() {
    let world = World::with(gate(json!({})));
    let (house, desk) = (world.house().await, world.house().await);
    let id = asked(&house).await;
    let before = says(&house, &id, "dora", &[]).await.unwrap_err();
    assert!(matches!(before, ApprovalsError::NotEntitled { .. }), "{before}");
    let delegation = delegate(&desk, "lena", "dora", &[]).await.unwrap();
    // The policy looks at the roles of whoever approved once more.
    says(&house, &id, "Dora", &[]).await.unwrap();
    assert_eq!(house.call("pay", json!({})).await, ["ok"]);
    let granted = house.events(kind::APPROVAL_GRANTED).await[0].body.clone();
    assert_eq!(granted["on_behalf"], json!({"of": "lena", "delegation": delegation.id}));
    assert_eq!(
        (&granted["by"], &granted["roles"], &granted["answers_for"]),
        (&json!("Dora"), &json!([]), &json!(["lead"]))
    );
}

#[tokio::test]
async fn a_delegation_ends_with_its_time_or_at_once() {
    let world = World::with(gate(json!({"expire_minutes": 600})));
    let (house, desk) = (world.house().await, world.house().await);
    let id = asked(&house).await;
    let delegation = delegate(&house, "lena", "dora", &[]).await.unwrap();
    desk.mediator.approvals().end_delegation("lena", &delegation.id).await.unwrap();
    let ended = says(&house, &id, "dora", &[]).await.unwrap_err();
    assert!(matches!(ended, ApprovalsError::NotEntitled { .. }), "{ended}");
    let again = desk.mediator.approvals().end_delegation("lena", &delegation.id).await.unwrap_err();
    assert!(matches!(again, ApprovalsError::DelegationOver(_)), "{again}");

    delegate(&house, "lena", "dora", &[]).await.unwrap();
    world.clock.advance(QUARTER);
    let over = says(&house, &id, "dora", &[]).await.unwrap_err();
    assert!(matches!(over, ApprovalsError::NotEntitled { .. }), "{over}");
}

#[tokio::test]
async fn delegate_and_delegator_are_one_voice_whoever_speaks_first() {
    let world = World::with(gate(json!({"quorum": 2})));
    let house = world.house().await;
    for (first, second) in [(("dora", &[][..]), ("lena", &["lead"][..])), (("lena", &["lead"]), ("dora", &[]))] {
        delegate(&house, "lena", "dora", &[]).await.unwrap();
        // Neither do two who have it from the same person make two.
        delegate(&house, "lena", "dina", &[]).await.unwrap();
        let id = asked(&house).await;
        says(&house, &id, first.0, first.1).await.unwrap();
        for (by, roles) in [second, ("dina", &[])] {
            let same = says(&house, &id, by, roles).await.unwrap_err();
            assert!(matches!(same, ApprovalsError::Answered { .. }), "{same}");
        }
        assert_eq!(house.call("pay", json!({})).await, ["approval_pending"]);
        says(&house, &id, "otto", &["lead"]).await.unwrap();
        assert_eq!(house.call("pay", json!({})).await, ["ok"]);
    }
}

#[tokio::test]
async fn no_delegation_leads_to_an_answer_about_ones_own_call() {
    for own in [false, true] {
        let world = World::with(gate(json!({"self_approval": own})));
        let house = world.house().await;
        let id = asked(&house).await;
        // The caller is alice: neither in another's name, nor another in hers.
        delegate(&house, "lena", "alice", &[]).await.unwrap();
        delegate(&house, "alice", "dora", &[]).await.unwrap_err();
        delegate(&house, "alice", "dora", &["lead"]).await.unwrap();
        for (by, roles) in [("Alice", &[][..]), ("dora", &[])] {
            let refused = says(&house, &id, by, roles).await.unwrap_err();
            assert!(matches!(refused, ApprovalsError::OwnCall { .. }), "{by}: {refused}");
        }
        assert_eq!(says(&house, &id, "alice", &["lead"]).await.is_ok(), own, "but where the policy writes it out");
    }
}

#[tokio::test]
async fn what_somebody_writes_is_bounded() {
    let world = World::with(gate(json!({"roles": ["lead"]})));
    let house = world.house().await;
    let id = asked(&house).await;
    let long = "n".repeat(101);
    let nobody = says(&house, &id, &long, &["lead"]).await.unwrap_err();
    assert!(matches!(nobody, ApprovalsError::NoName), "{nobody}");
    let reply = Reply { reason: Some("ä".repeat(5000)), roles: vec!["lead".into()], ..Reply::desk("lena", true) };
    house.mediator.approvals().answer(&id, reply).await.unwrap();
    let reason = house.events(kind::APPROVAL_GRANTED).await[0].body["reason"].as_str().unwrap().to_owned();
    assert_eq!((reason.chars().count(), reason.ends_with("ä…")), (2001, true));
}

#[tokio::test]
async fn what_is_delegated_cannot_be_delegated_on_and_there_must_be_something_to_delegate() {
    let world = World::with(gate(json!({})));
    let house = world.house().await;
    delegate(&house, "lena", "dora", &[]).await.unwrap();
    let chain = delegate(&house, "dora", "eve", &[]).await.unwrap_err();
    assert!(matches!(chain, ApprovalsError::Chain { .. }), "{chain}");
    let own = delegate(&house, "Dora ", "dora", &[]).await.unwrap_err();
    assert!(matches!(own, ApprovalsError::ToThemself(_)), "{own}");
    for (roles, lasts) in [(vec![], QUARTER), (vec!["lead".to_owned()], Duration::from_hours(721))] {
        let wanted = Delegating { from: "lena".into(), to: "dora".into(), roles, own: vec![], lasts, reason: None };
        house.mediator.approvals().delegate("lena", wanted).await.unwrap_err();
    }
    assert_eq!(house.events(kind::APPROVAL_DELEGATED).await.len(), 1);
}

#[tokio::test]
async fn after_a_while_another_role_may_answer_too_which_is_noted_once() {
    let world = World::with(gate(json!({}))).escalating("lead", "director", QUARTER).escalating("other", "x", QUARTER);
    let (house, desk) = (world.house().await, world.house().await);
    let id = asked(&house).await;
    let early = says(&house, &id, "dirk", &["director"]).await.unwrap_err();
    assert!(matches!(early, ApprovalsError::NotEntitled { .. }), "{early}");
    world.clock.advance(QUARTER);
    for process in [&house, &desk, &house] {
        process.mediator.approvals().note_escalations().await.unwrap();
    }
    let noted = house.events(kind::APPROVAL_ESCALATED).await;
    assert_eq!((noted.len(), &*noted[0].body), (1, &json!({"from": "lead", "to": "director"})));
    assert_eq!(house.mediator.approvals().get(&id).await.unwrap().roles(house.journal.now()), ["lead", "director"]);
    says(&desk, &id, "dirk", &["director"]).await.unwrap();
    let granted = house.events(kind::APPROVAL_GRANTED).await[0].body.clone();
    assert_eq!((&granted["roles"], &granted["answers_for"]), (&json!(["director"]), &json!(["lead"])));
    assert_eq!(house.call("pay", json!({})).await, ["ok"], "the policy takes it for a lead's");
}

#[tokio::test]
async fn who_answers_before_anyone_has_noted_it_notes_it() {
    let world = World::with(gate(json!({}))).escalating("lead", "director", QUARTER);
    let house = world.house().await;
    let id = asked(&house).await;
    world.clock.advance(QUARTER);
    // In the name of a director, in the place of a lead.
    let wanted = Delegating {
        from: "dirk".into(),
        to: "dora".into(),
        roles: vec!["director".into()],
        own: vec![],
        lasts: QUARTER,
        reason: None,
    };
    house.mediator.approvals().delegate("dirk", wanted).await.unwrap();
    says(&house, &id, "dora", &[]).await.unwrap();
    let kinds: Vec<_> = house.events("approval.*").await.into_iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [kind::APPROVAL_ASKED, kind::APPROVAL_DELEGATED, kind::APPROVAL_ESCALATED, kind::APPROVAL_GRANTED]
    );
    assert_eq!(house.call("pay", json!({})).await, ["ok"]);
}

#[tokio::test]
async fn a_question_of_which_nobody_could_be_told_is_told_apart_and_can_still_be_answered() {
    let world = World::with(gate(json!({"expire_minutes": 10})));
    let house = world.house().await;
    let id = asked(&house).await;
    let approvals = house.mediator.approvals();
    for _ in 0..2 {
        approvals.unreachable(&id, "webhook", "the webhook cannot be reached").await.unwrap();
    }
    assert_eq!(house.events(kind::APPROVAL_UNREACHABLE).await.len(), 1, "once");
    let state = async || approvals.get(&id).await.unwrap().state(house.journal.now());
    assert_eq!(state().await, State::Unreachable);
    assert_eq!(house.call("pay", json!({})).await, ["approval_unreachable"]);
    approvals.told(&id, "webhook", "asked").await.unwrap();
    assert_eq!(state().await, State::Open, "it came right");
    approvals.unreachable(&id, "webhook", "the webhook cannot be reached").await.unwrap();
    world.clock.advance(Duration::from_secs(601));
    assert_eq!(state().await, State::Expired, "silence is no consent");
    assert_eq!(house.call("pay", json!({})).await, ["approval_unreachable"], "and that nobody knew is told");
    let again = asked(&house).await;
    approvals.unreachable(&again, "webhook", "the webhook cannot be reached").await.unwrap();
    says(&house, &again, "lena", &["lead"]).await.unwrap();
    assert_eq!(house.call("pay", json!({})).await, ["ok"], "whoever finds it may answer");
}
