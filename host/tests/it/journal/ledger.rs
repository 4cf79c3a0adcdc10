//! What policies see of history.

use interlock::{
    call::Outcome,
    clock::Timestamp,
    journal::{Committed, Guard},
    scope::ScopeKey,
};
use serde_json::json;

use super::world::{World, call, note, session};

#[tokio::test]
async fn a_past_call_says_what_was_asked_and_what_came_back() {
    let world = World::new();
    let (one, two) = (world.peer().await, world.peer().await);
    let call = call("a/b", json!({"x": 1}));
    let _permit = one.admit(&call).await;
    let running = two.view().await.scope(session()).latest("a/b", None).await.unwrap().unwrap();
    assert_eq!((running.outcome, running.finished, &running.result), (None, None, &None));
    world.clock.advance(std::time::Duration::from_secs(2));
    let result = json!({"content": [], "structuredContent": {"passed": true}});
    one.finish(&call, Outcome::Succeeded, Some(result.clone())).await;
    for peer in [&one, &two, &world.peer().await] {
        let past = peer.view().await.scope(session()).latest("a/b", None).await.unwrap().unwrap();
        assert_eq!((past.id.clone(), past.tool.clone()), (call.id.clone(), call.tool.clone()));
        assert_eq!(past.arguments, call.arguments);
        assert_eq!(past.outcome, Some(Outcome::Succeeded));
        assert_eq!(past.result.as_deref(), Some(&result));
        assert_eq!(past.finished.unwrap().since(past.admitted).as_secs(), 2);
        assert_eq!(past.caller, call.caller);
    }
}

#[tokio::test]
async fn an_unrelated_call_in_the_same_scope_disturbs_nobody() {
    let world = World::new();
    let peer = world.peer().await;
    let view = peer.view().await;
    assert!(view.scope(session()).latest("a/b", Some("succeeded")).await.unwrap().is_none());
    let _permit = peer.admit(&call("a/other", json!({}))).await;
    let running = call("a/b", json!({}));
    let _permit = peer.admit(&running).await;
    assert!(peer.try_admit(&call("a/c", json!({})), view.guard()).await.is_some(), "nothing has succeeded yet");
    peer.finish(&running, Outcome::Succeeded, None).await;
    assert!(peer.try_admit(&call("a/c", json!({})), view.guard()).await.is_none(), "now something has");
}

#[tokio::test]
async fn a_guard_covers_everything_that_was_asked_by_any_scope_of_the_view() {
    let world = World::new();
    let peer = world.peer().await;
    let view = peer.view().await;
    assert_eq!(view.scope(session()).count("a/*", None, Timestamp(0)).await.unwrap(), 0);
    assert!(view.scope(ScopeKey::Global).running("z/*").await.unwrap().is_empty());
    let early = view.guard();
    let _permit = peer.admit(&call("a/b", json!({}))).await;
    for guard in [early, view.guard()] {
        assert_eq!(peer.journal.commit(vec![note("x")], guard).await.unwrap(), Committed::Conflict);
    }
    let fresh = peer.view().await;
    let other = Guard { since: fresh.version(), disturbed_by: Box::new(|event| event.subject == "y") };
    let both = fresh.guard().and(other);
    peer.journal.append(vec![note("y")]).await.unwrap();
    assert_eq!(peer.journal.commit(vec![note("x")], both).await.unwrap(), Committed::Conflict);
}

#[tokio::test]
async fn arguments_are_found_whatever_they_are_called() {
    let world = World::new();
    let peer = world.peer().await;
    let arguments = json!({
        "plain": "v", "with space": "v", "quo\"te": "v", "back\\slash": "v", "a/b": "v", "til~de": "v", "ünï": "v",
        "dots.and[0]": "v", "it's": "v", "list": ["u", "v"], "object": {"1": "v", "deep": {"er": "v"}}, "": "v",
        "new\nline": "v"
    });
    let done = call("a/b", arguments);
    let _permit = peer.admit(&done).await;
    let pointers = [
        "/plain",
        "/with space",
        "/quo\"te",
        "/back\\slash",
        "/a~1b",
        "/til~0de",
        "/ünï",
        "/dots.and[0]",
        "/it's",
        "/list/1",
        "/object/1",
        "/object/deep/er",
        "/",
        "/new\nline",
    ];
    // A ledger that has seen nothing must look in the store.
    let cold = world.peer().await;
    for pointer in pointers {
        let scope = ScopeKey::Argument { pointer: pointer.to_owned(), value: "\"v\"".to_owned() };
        let view = cold.view().await;
        assert_eq!(view.scope(scope).count("**", None, Timestamp(0)).await.unwrap(), 1, "`{pointer}`");
        let same = [(pointer.to_owned(), json!("v"))];
        for scope in [session(), ScopeKey::Global] {
            let found = view.scope(scope).matching("a/*", None, &same, 9).await.unwrap();
            assert_eq!(found.len(), 1, "`{pointer}`");
        }
        let other = [(pointer.to_owned(), json!("w"))];
        assert!(view.scope(session()).matching("a/*", None, &other, 9).await.unwrap().is_empty(), "`{pointer}`");
    }
}

#[tokio::test]
async fn a_ledger_that_is_far_behind_begins_anew() {
    let world = World::new();
    let peer = world.peer().await;
    let scope = async || peer.view().await.scope(session());
    let old = peer.view().await;
    assert_eq!(old.scope(session()).count("a/*", None, Timestamp(0)).await.unwrap(), 0);
    let _permit = peer.admit(&call("a/b", json!({}))).await;
    // More than is kept at hand.
    for _ in 0..20 {
        peer.journal.append((0..500).map(|_| note("x")).collect()).await.unwrap();
    }
    assert!(peer.try_admit(&call("z/z", json!({})), old.guard()).await.is_none(), "nobody knows any more");
    assert_eq!(scope().await.count("a/*", None, Timestamp(0)).await.unwrap(), 1);
    let _permit = peer.admit(&call("a/b", json!({}))).await;
    assert_eq!(scope().await.count("a/*", None, Timestamp(0)).await.unwrap(), 2);
    assert_eq!(scope().await.running("a/*").await.unwrap().len(), 2);
}
