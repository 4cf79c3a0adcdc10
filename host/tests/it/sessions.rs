//! Sessions in the journal: the same in every process, and after a restart.

use std::{sync::Arc, time::Duration};

use interlock::{journal::kind, sessions::Sessions};
use serde_json::json;

use crate::journal::world::World;

const IDLE: Duration = Duration::from_mins(30);
const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_current_session_lasts_as_long_as_calls_come_and_is_nobody_elses() {
    let world = World::new();
    let sessions = Sessions::new(world.peer().await.journal, IDLE);
    let first = sessions.current("alice").await.unwrap();
    assert_ne!(sessions.current("bob").await.unwrap(), first);
    for _ in 0..3 {
        world.clock.advance(MINUTE * 29);
        assert_eq!(sessions.current("alice").await.unwrap(), first);
    }
    world.clock.advance(MINUTE * 34);
    assert_ne!(sessions.current("alice").await.unwrap(), first);
}

#[tokio::test]
async fn it_is_the_same_in_every_process_and_after_a_restart() {
    let world = World::new();
    let (here, there) = (world.peer().await, world.peer().await);
    let (one, other) = (Sessions::new(here.journal.clone(), IDLE), Sessions::new(there.journal.clone(), IDLE));
    let first = one.current("alice").await.unwrap();
    // Used elsewhere alone, for longer than it would last.
    for _ in 0..4 {
        world.clock.advance(MINUTE * 20);
        assert_eq!(other.current("alice").await.unwrap(), first);
        there.journal.flush().await.unwrap();
    }
    assert_eq!(one.current("alice").await.unwrap(), first);
    let after = Sessions::new(world.peer().await.journal, IDLE);
    assert_eq!(after.current("alice").await.unwrap(), first);
    let began = here.journal.read(&query(kind::SESSION_BEGAN)).await.unwrap();
    assert_eq!(began.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_that_call_at_once_for_the_first_time_are_in_one_session() {
    let world = World::new();
    let peers = [Arc::new(world.peer().await), Arc::new(world.peer().await)];
    let all = (0..20).map(|nth| {
        let sessions = Sessions::new(peers[nth % 2].journal.clone(), IDLE);
        tokio::spawn(async move { sessions.current("alice").await.unwrap() })
    });
    let all: Vec<String> = futures::future::join_all(all).await.into_iter().map(Result::unwrap).collect();
    assert!(all.iter().all(|session| *session == all[0]), "{all:?}");
}

#[tokio::test]
async fn a_session_that_a_client_opened_is_taken_up_by_its_principal_for_a_week_or_until_it_is_ended() {
    let world = World::new();
    let peer = world.peer().await;
    let sessions = Sessions::new(peer.journal.clone(), IDLE);
    let client = json!({"version": "2025-11-25"});
    sessions.opened("s", "alice", client.clone()).await.unwrap();
    sessions.opened("t", "alice", client.clone()).await.unwrap();
    let elsewhere = Sessions::new(world.peer().await.journal, IDLE);
    assert_eq!(elsewhere.taken_up("s", "mallory").await.unwrap(), None);
    assert_eq!(elsewhere.taken_up("none", "alice").await.unwrap(), None);
    for _ in 0..3 {
        world.clock.advance(MINUTE * 60 * 24 * 6);
        assert_eq!(sessions.taken_up("s", "alice").await.unwrap(), Some(client.clone()));
        peer.journal.flush().await.unwrap();
    }
    assert_eq!(elsewhere.taken_up("t", "alice").await.unwrap(), None, "nobody came back to it for long");
    sessions.ended("s", "alice").await.unwrap();
    assert_eq!(elsewhere.taken_up("s", "alice").await.unwrap(), None);
    // Where the protocol has none, nobody opens one.
    let current = sessions.current("alice").await.unwrap();
    assert_eq!(sessions.taken_up(&current, "alice").await.unwrap(), None);
}

fn query(kind: &str) -> interlock::journal::Query {
    interlock::journal::Query { kinds: vec![kind.to_owned()], ..interlock::journal::Query::default() }
}
