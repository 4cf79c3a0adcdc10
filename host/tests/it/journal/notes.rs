//! What is noted of calls beside the events: after a start, policies are answered from it, so verification goes over it.

use interlock::{
    call::Outcome,
    journal::{Break, Sequence, Verified, Wrong, inspect},
};
use serde_json::json;

use super::{
    keeping::tamper,
    world::{World, admitted, call, finished, settled},
};

/// Five calls: done, running, of unknown outcome, settled, and one whose unknown outcome turned out later. Their events
/// are 1 to 14; the ids are those of the calls.
async fn world() -> (World, super::world::Peer, Vec<String>) {
    let world = World::new();
    let peer = world.peer().await;
    let calls: Vec<_> = ["a/done", "a/runs", "b/lost", "b/settled", "b/late"].map(|tool| call(tool, json!({}))).into();
    let [done, runs, lost, judged, late] = calls.as_slice() else { unreachable!() };
    let process = peer.journal.process().to_owned();
    for drafts in [
        vec![admitted(done, &process), finished(done, Outcome::Succeeded, Some(json!({"content": []})))],
        vec![admitted(runs, &process), admitted(lost, &process), finished(lost, Outcome::Unknown, None)],
        vec![admitted(judged, &process), finished(judged, Outcome::Unknown, None), settled(judged, Outcome::Failed)],
        vec![admitted(late, &process), finished(late, Outcome::Unknown, None)],
        vec![finished(late, Outcome::Succeeded, None), finished(done, Outcome::Failed, None)],
        vec![settled(done, Outcome::Failed), settled(lost, Outcome::Unknown)],
    ] {
        world.clock.advance(std::time::Duration::from_secs(1));
        peer.journal.append(drafts).await.unwrap();
    }
    (world, peer, calls.iter().map(|call| call.id.to_string()).collect())
}

#[tokio::test]
async fn a_row_of_the_table_of_calls_that_was_tampered_with_is_found_and_named() {
    // How the row is changed, where that is found, and what is said of which call.
    let differs = |column, noted: &str, told: &str| (Some(column), noted.to_owned(), told.to_owned());
    let is_missing = (None, String::new(), "missing".to_owned());
    let is_made = (None, String::new(), "made".to_owned());
    let cases = [
        ("UPDATE calls SET status = 'failed' WHERE tool = 'a/done'", 1, 0, differs("status", "failed", "succeeded")),
        ("UPDATE calls SET tool = 'a/other' WHERE tool = 'a/done'", 1, 0, differs("tool", "a/other", "a/done")),
        ("UPDATE calls SET principal = 'bob' WHERE tool = 'a/runs'", 3, 1, differs("principal", "bob", "alice")),
        ("UPDATE calls SET session = 't' WHERE tool = 'a/runs'", 3, 1, differs("session", "t", "s")),
        (
            "UPDATE calls SET status = 'succeeded' WHERE tool = 'a/runs'",
            3,
            1,
            differs("status", "succeeded", "running"),
        ),
        (
            "UPDATE calls SET status = 'cancelled' WHERE tool = 'b/lost'",
            4,
            2,
            differs("status", "cancelled", "doubtful"),
        ),
        (
            "UPDATE calls SET status = 'doubtful' WHERE tool = 'b/settled'",
            6,
            3,
            differs("status", "doubtful", "failed"),
        ),
        ("UPDATE calls SET finished_seq = 2 WHERE tool = 'b/late'", 9, 4, differs("result", "2", "11")),
        ("UPDATE calls SET finished_at = NULL WHERE tool = 'a/done'", 1, 0, differs("end", "nothing", "1767603601000")),
        (
            "UPDATE calls SET idempotency = 'given:k' WHERE tool = 'a/done'",
            1,
            0,
            differs("idempotency key", "given:k", "nothing"),
        ),
        (
            "UPDATE calls SET at = at - 60000 WHERE tool = 'a/runs'",
            3,
            1,
            differs("time", "1767603542000", "1767603602000"),
        ),
        ("DELETE FROM calls WHERE tool = 'b/settled'", 6, 3, is_missing.clone()),
        ("DELETE FROM calls WHERE tool = 'a/runs'", 3, 1, is_missing),
        (
            "INSERT INTO calls SELECT 5, 'made-up', tool, principal, session, at, status, finished_at, finished_seq, NULL
            FROM calls WHERE tool = 'a/done'",
            5,
            9,
            is_made.clone(),
        ),
        (
            "INSERT INTO calls SELECT 99, 'made-up', tool, principal, session, at, status, finished_at, finished_seq, NULL
            FROM calls WHERE tool = 'a/done'",
            99,
            9,
            is_made,
        ),
    ];
    for (sql, seq, nth, (column, noted, told)) in cases {
        let (world, peer, ids) = world().await;
        assert!(matches!(peer.journal.verify().await.unwrap(), Verified::Whole { events: 14, .. }));
        tamper(&world, sql).await;
        let call = ids.get(nth).cloned().unwrap_or_else(|| "made-up".to_owned());
        let wrong = match (column, told.as_str()) {
            (Some(column), _) => Wrong::Differs { call, column, noted, told },
            (None, "missing") => Wrong::Missing { call },
            (None, _) => Wrong::Made { call },
        };
        let expected = Verified::Broken { seq: Sequence(seq), what: Break::Notes(wrong) };
        assert_eq!(peer.journal.verify().await.unwrap(), expected, "after `{sql}`");
        assert_eq!(inspect(&world.config()).await.unwrap(), expected, "after `{sql}`");
    }
}

#[tokio::test]
async fn a_tool_that_patterns_no_longer_find_is_found() {
    let (world, peer, _) = world().await;
    tamper(&world, "DELETE FROM tools WHERE name = 'b/lost'").await;
    let wrong = Wrong::Tool { tool: "b/lost".to_owned() };
    let found = peer.journal.verify().await.unwrap();
    assert_eq!(found, Verified::Broken { seq: Sequence(4), what: Break::Notes(wrong) });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_is_written_meanwhile_is_whole() {
    let (world, peer, _) = world().await;
    let writing = tokio::spawn(async move {
        for _ in 0..300 {
            let one = call("a/busy", json!({}));
            peer.journal.append(vec![admitted(&one, peer.journal.process())]).await.unwrap();
            peer.journal.append(vec![finished(&one, Outcome::Succeeded, None)]).await.unwrap();
        }
    });
    let mut looks = 0;
    while !writing.is_finished() {
        let found = inspect(&world.config()).await.unwrap();
        assert!(matches!(found, Verified::Whole { .. }), "{found:?}");
        looks += 1;
    }
    assert!(looks > 1);
    writing.await.unwrap();
    assert!(matches!(inspect(&world.config()).await.unwrap(), Verified::Whole { events: 614, .. }));
}
