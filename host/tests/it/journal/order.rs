//! One order for everyone: what is appended, seen, guarded and admitted.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use interlock::{
    call::Outcome,
    journal::{Admission, Committed, Event, Guard, Hash, JournalError, Query, Sequence},
    scope::ScopeKey,
};
use serde_json::json;

use super::world::{World, admitted, call, note, session};

#[tokio::test]
async fn events_are_chained_from_the_first_to_the_last() {
    let world = World::new();
    let peer = world.peer().await;
    assert_eq!(peer.journal.append(vec![note("a"), note("b")]).await.unwrap(), Sequence(2));
    assert_eq!(peer.journal.append(vec![note("c")]).await.unwrap(), Sequence(3));
    let events = peer.journal.read(&Query::default()).await.unwrap();
    assert_eq!(events.iter().map(|e| e.subject.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    let mut prev = Hash::default();
    for event in &events {
        assert_eq!((event.prev, event.hash), (prev, event.expected_hash()));
        prev = event.hash;
    }
}

#[tokio::test]
async fn the_hash_of_an_event_is_that_of_the_decision_record() {
    // Worked out by hand: SHA-256 over 32 zero bytes and the canonical JSON of everything but the two hashes.
    let world = World::new();
    let peer = world.peer().await;
    peer.journal.append(vec![note("x")]).await.unwrap();
    let event = peer.journal.read(&Query::default()).await.unwrap().remove(0);
    let canonical = br#"{"actor":"test","at":1767603600000,"body":{},"kind":"test.note","seq":1,"subject":"x"}"#;
    assert_eq!(event.hash, Hash::of(&[&[0; 32], canonical.as_slice()].concat()));
}

#[tokio::test]
async fn what_one_process_appends_another_sees_at_once() {
    let world = World::new();
    let (one, two) = (world.peer().await, world.peer().await);
    let mut changes = two.journal.changes();
    let seq = one.journal.append(vec![note("a")]).await.unwrap();
    assert_eq!(two.journal.refresh().await.unwrap(), seq);
    one.journal.append(vec![note("b")]).await.unwrap();
    // Without being asked, the other one learns of it by itself.
    assert_eq!(*changes.wait_for(|head| *head >= Sequence(2)).await.unwrap(), Sequence(2));
    assert_eq!(two.journal.append(vec![note("c")]).await.unwrap(), Sequence(3));
}

#[tokio::test]
async fn a_guard_conflicts_only_with_what_disturbs_it() {
    let world = World::new();
    let (one, two) = (world.peer().await, world.peer().await);
    let guard = |since, subject: &'static str| Guard {
        since,
        disturbed_by: Box::new(move |event: &Event| event.subject == subject),
    };
    let since = two.journal.head();
    one.journal.append(vec![note("a")]).await.unwrap();
    let conflict = two.journal.commit(vec![note("x")], guard(since, "a")).await.unwrap();
    assert_eq!(conflict, Committed::Conflict);
    let at = two.journal.commit(vec![note("x")], guard(since, "b")).await.unwrap();
    assert_eq!(at, Committed::At(Sequence(2)), "what conflicted was not recorded");
    let again = two.journal.commit(vec![note("y")], guard(Sequence(1), "a")).await.unwrap();
    assert_eq!(again, Committed::At(Sequence(3)), "what it had seen does not disturb it");
}

#[tokio::test]
async fn of_two_in_one_batch_the_second_conflicts_with_the_first() {
    let world = World::new();
    let peer = world.peer().await;
    let guard = |subject: &'static str| Guard {
        since: Sequence(0),
        disturbed_by: Box::new(move |event: &Event| event.subject == subject),
    };
    // Both are in the queue before the writer wakes up on this one-threaded runtime.
    let (first, second) = tokio::join!(
        peer.journal.commit(vec![note("a")], guard("b")),
        peer.journal.commit(vec![note("b")], guard("a")),
    );
    assert_eq!(first.unwrap(), Committed::At(Sequence(1)));
    assert_eq!(second.unwrap(), Committed::Conflict);
}

#[tokio::test]
async fn a_permit_is_made_only_for_the_call_that_the_draft_admits() {
    let world = World::new();
    let peer = world.peer().await;
    let (one, other) = (call("a/b", json!({})), call("a/b", json!({})));
    let draft = admitted(&other, peer.journal.process());
    let error = peer.journal.admit(one.clone(), vec![draft], Guard::none()).await.unwrap_err();
    assert!(matches!(error, JournalError::Malformed { .. }), "{error}");
    let mut forged = one.clone();
    forged.caller.principal = "mallory".to_owned();
    let error =
        peer.journal.admit(one.clone(), vec![admitted(&forged, peer.journal.process())], Guard::none()).await.unwrap_err();
    assert!(matches!(error, JournalError::Malformed { .. }), "{error}");
    let permit = peer.admit(&one).await;
    assert_eq!((permit.call().id.clone(), permit.admitted()), (one.id, Sequence(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn at_most_one_runs_whoever_admits() {
    let world = World::new();
    let peers = [world.peer().await, world.peer().await];
    let running = Arc::new(AtomicUsize::new(0));
    let admitted = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..16 {
        let (peer, running, admitted) = (peers[at % 2].clone(), Arc::clone(&running), Arc::clone(&admitted));
        tasks.spawn(async move {
            for _ in 0..10 {
                let call = call("a/exclusive", json!({}));
                let view = peer.view().await;
                if !view.scope(ScopeKey::Global).running("a/*").await.unwrap().is_empty() {
                    continue;
                }
                let Some(permit) = peer.try_admit(&call, view.guard()).await else { continue };
                assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0, "two run at the same time");
                tokio::task::yield_now().await;
                running.fetch_sub(1, Ordering::SeqCst);
                drop(permit);
                peer.finish(&call, Outcome::Succeeded, None).await;
                admitted.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    assert!(admitted.load(Ordering::SeqCst) > 0);
}

#[tokio::test]
async fn during_a_turn_nobody_else_appends() {
    let world = World::new();
    let (one, two) = (world.peer().await, world.peer().await);
    one.journal.append(vec![note("a")]).await.unwrap();
    let turn = two.journal.turn().await.unwrap();
    assert_eq!(turn.head(), Sequence(1), "it knows everything");
    let other = one.journal.clone();
    let waiting = tokio::spawn(async move { other.append(vec![note("late")]).await.unwrap() });
    let view = two.view().await;
    assert_eq!(view.version(), turn.head());
    assert!(view.scope(session()).running("**").await.unwrap().is_empty());
    let call = call("a/b", json!({}));
    let permit = turn.admit(call.clone(), vec![admitted(&call, two.journal.process())]).await.unwrap();
    assert_eq!(permit.admitted(), Sequence(2));
    assert_eq!(waiting.await.unwrap(), Sequence(3));
}

#[tokio::test]
async fn a_turn_that_is_dropped_frees_the_writer_and_one_that_is_kept_is_taken_back() {
    let world = World::new();
    let (one, two) = (world.peer().await, world.peer().await);
    drop(one.journal.turn().await.unwrap());
    assert_eq!(two.journal.append(vec![note("a")]).await.unwrap(), Sequence(1));
    let kept = one.journal.turn().await.unwrap();
    assert_eq!(two.journal.append(vec![note("b")]).await.unwrap(), Sequence(2));
    let error = kept.commit(vec![note("too late")]).await.unwrap_err();
    assert!(matches!(error, JournalError::TurnOver), "{error}");
    assert_eq!(two.journal.refresh().await.unwrap(), Sequence(2));
}

#[tokio::test]
async fn what_was_handed_over_is_recorded_before_the_journal_closes() {
    let world = World::new();
    let one = world.peer().await;
    let call = call("a/b", json!({}));
    let _permit = one.admit(&call).await;
    one.journal.finish(super::world::finished(&call, Outcome::Succeeded, None)).await.unwrap();
    one.close().await;
    assert!(matches!(one.journal.append(vec![note("x")]).await, Err(JournalError::Closed)));
    let two = world.peer().await;
    let latest = two.view().await.scope(session()).latest("a/b", Some("succeeded")).await.unwrap().unwrap();
    assert_eq!(latest.id, call.id);
}

#[tokio::test]
async fn an_admission_that_cannot_be_recorded_is_none() {
    let world = World::new();
    let peer = world.peer().await;
    peer.journal.append(vec![note("a")]).await.unwrap();
    std::fs::remove_file(world.folder.path().join("interlock.db")).unwrap();
    let call = call("a/b", json!({}));
    match peer.journal.admit(call.clone(), vec![admitted(&call, peer.journal.process())], Guard::none()).await {
        Err(JournalError::Shared(cause)) => assert!(matches!(*cause, JournalError::Gone(_)), "{cause}"),
        Ok(Admission::Admitted(_) | Admission::Conflict) | Err(_) => panic!("the file is gone"),
    }
}
