//! Processes that die, files that vanish, callers that go away: no call is lost, and none is open for ever.

use std::{io::Write as _, time::Duration};

use interlock::{
    call::{Call, Outcome},
    journal::{Guard, Query, Verified, kind},
    scope::ScopeKey,
};
use serde_json::json;

use super::world::{Peer, World, admitted, call, config, finished, note, settled};

/// A process that admits calls and then dies without a word: its runtime is torn down.
fn process_that_dies(world: &World, calls: &[Call]) {
    let (folder, calls) = (world.folder.path().to_owned(), calls.to_vec());
    let clock = world.clock.clone();
    let body = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let inner = World { folder: tempfile::tempdir().unwrap(), clock };
            let peer = inner.peer_with(config(&folder)).await;
            for call in &calls {
                let _permit = peer.admit(call).await;
            }
        });
        runtime.shutdown_timeout(Duration::from_secs(10));
    };
    std::thread::spawn(body).join().unwrap();
}

async fn ends_of(peer: &Peer, call: &Call) -> Vec<serde_json::Value> {
    let query =
        Query { kinds: vec![kind::CALL_FINISHED.to_owned()], subject: Some(call.id.to_string()), ..Query::default() };
    peer.journal.read(&query).await.unwrap().iter().map(|event| event.body.as_ref().clone()).collect()
}

#[tokio::test]
async fn calls_of_a_dead_process_are_closed_as_unknown_once_and_stay_open_until_settled() {
    let world = World::new();
    let living = world.peer().await;
    let mine = call("a/mine", json!({}));
    let _permit = living.admit(&mine).await;
    let lost = [call("a/b", json!({"n": 1})), call("a/b", json!({"n": 2}))];
    process_that_dies(&world, &lost);
    // Several find it at the same time.
    let (one, two, _three) = tokio::join!(world.peer(), world.peer(), world.peer());
    for call in &lost {
        let ends = ends_of(&one, call).await;
        assert_eq!(ends.len(), 1, "closed once");
        assert_eq!(ends[0]["outcome"], json!("unknown"));
        assert!(ends[0]["reason"].is_string());
    }
    assert!(ends_of(&one, &mine).await.is_empty(), "what a living process does is left alone");
    let running = async |peer: &Peer| peer.view().await.scope(ScopeKey::Global).running("a/b").await.unwrap().len();
    assert_eq!(running(&two).await, 2, "they may still be going on");
    two.journal.append(vec![settled(&lost[0], Outcome::Succeeded)]).await.unwrap();
    assert_eq!((running(&two).await, running(&world.peer().await).await), (1, 1));
    assert!(matches!(one.journal.verify().await.unwrap(), Verified::Whole { .. }));
}

#[tokio::test]
async fn a_process_that_closes_leaves_nothing_behind() {
    let world = World::new();
    let (one, two) = (world.peer().await, world.peer().await);
    let done = call("a/b", json!({}));
    let _permit = one.admit(&done).await;
    one.finish(&done, Outcome::Succeeded, None).await;
    one.close().await;
    let peers = world.folder.path().join("interlock.db-peers");
    let left: Vec<_> = std::fs::read_dir(peers).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, [two.journal.process()]);
}

#[tokio::test]
async fn what_cannot_be_recorded_now_is_recorded_when_the_file_is_back() {
    let world = World::new();
    let peer = world.peer().await;
    let done = call("a/b", json!({}));
    let _permit = peer.admit(&done).await;
    let (here, away) = (world.folder.path().join("interlock.db"), world.folder.path().join("away.db"));
    std::fs::rename(&here, &away).unwrap();
    peer.journal.finish(finished(&done, Outcome::Succeeded, None)).await.unwrap();
    assert!(peer.journal.flush().await.is_err());
    assert!(peer.journal.append(vec![note("refused")]).await.is_err());
    std::fs::rename(&away, &here).unwrap();
    let mut changes = peer.journal.changes();
    changes.wait_for(|head| head.0 == 2).await.unwrap();
    assert_eq!(ends_of(&peer, &done).await.len(), 1);
}

#[tokio::test]
async fn an_admission_whose_caller_is_gone_is_taken_back() {
    let world = World::new();
    let peer = world.peer().await;
    let abandoned = call("a/b", json!({}));
    {
        let drafts = vec![admitted(&abandoned, peer.journal.process())];
        let mut waiting = Box::pin(peer.journal.admit(abandoned.clone(), drafts, Guard::none()));
        // Handed over, and then nobody waits any more.
        assert!(futures::poll!(waiting.as_mut()).is_pending());
    }
    peer.journal.flush().await.unwrap();
    peer.journal.changes().wait_for(|head| head.0 == 2).await.unwrap();
    let ends = ends_of(&peer, &abandoned).await;
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0]["outcome"], json!("cancelled"));
}

#[tokio::test]
async fn an_admission_that_was_answered_and_not_taken_is_taken_back() {
    let world = World::new();
    let peer = world.peer().await;
    let abandoned = call("a/b", json!({}));
    let drafts = vec![admitted(&abandoned, peer.journal.process())];
    let mut waiting = Box::pin(peer.journal.admit(abandoned.clone(), drafts, Guard::none()));
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    // It is durable and answered; the caller has not looked yet.
    peer.journal.flush().await.unwrap();
    drop(waiting);
    peer.journal.changes().wait_for(|head| head.0 == 2).await.unwrap();
    assert_eq!(ends_of(&peer, &abandoned).await[0]["outcome"], json!("cancelled"));
}

/// Not a test of its own: the process that the next test kills. Says which calls it has permits for.
#[tokio::test]
async fn process_to_be_killed() {
    let Ok(folder) = std::env::var("INTERLOCK_TEST_KILLED_IN") else { return };
    let inner = World::new();
    let peer = inner.peer_with(config(std::path::Path::new(&folder))).await;
    loop {
        let call = call("a/b", json!({}));
        let _permit = peer.admit(&call).await;
        writeln!(std::io::stdout(), "admitted {}", call.id).unwrap();
    }
}

#[tokio::test]
async fn a_process_that_is_killed_loses_no_admitted_call() {
    use std::io::{BufRead, BufReader};
    let world = World::new();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "journal::peers::process_to_be_killed"])
        .env("INTERLOCK_TEST_KILLED_IN", world.folder.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let id = |line: std::io::Result<String>| line.unwrap().strip_prefix("admitted ").map(str::to_owned);
    let mut permits: Vec<String> = lines.by_ref().filter_map(id).take(50).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    permits.extend(lines.filter_map(id).filter(|id| id.len() == 36));
    let peer = world.peer().await;
    let open = peer.view().await.scope(ScopeKey::Global).running("a/b").await.unwrap();
    for id in &permits {
        let call = open.iter().find(|call| call.id.as_str() == id).expect("an admitted call is forgotten");
        assert_eq!(call.outcome, Some(Outcome::Unknown));
    }
    assert!(permits.len() >= 50);
    assert!(matches!(peer.journal.verify().await.unwrap(), Verified::Whole { .. }));
}
