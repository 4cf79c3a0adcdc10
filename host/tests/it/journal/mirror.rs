//! The journal as JSON lines.

use std::{path::PathBuf, time::Duration};

use interlock::journal::{Event, Sequence};

use super::world::{Peer, World, note};

fn dir(world: &World) -> PathBuf {
    world.folder.path().join("audit_logs")
}

async fn mirrored(world: &World) -> Peer {
    let mut config = world.config();
    config.mirror_dir = Some(dir(world));
    world.peer_with(config).await
}

/// All days, with the positions that each file holds.
fn days(world: &World) -> Vec<(String, Vec<u64>)> {
    let mut files: Vec<_> = std::fs::read_dir(dir(world))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort();
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str::<Event>(line).unwrap().seq.0).collect()
    };
    files.iter().map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), read(path))).collect()
}

#[tokio::test]
async fn each_day_has_its_file_with_the_events_of_all_processes() {
    let world = World::new();
    let (one, two) = (mirrored(&world).await, mirrored(&world).await);
    one.journal.append(vec![note("a")]).await.unwrap();
    two.journal.append(vec![note("b")]).await.unwrap();
    world.clock.advance(Duration::from_secs(24 * 3600));
    two.journal.append(vec![note("c")]).await.unwrap();
    // Whoever closes last has written, or leaves it to the next, everything.
    two.close().await;
    one.close().await;
    assert_eq!(days(&world), [("2026-01-05".to_owned(), vec![1, 2]), ("2026-01-06".to_owned(), vec![3])]);
}

#[tokio::test]
async fn a_mirror_goes_on_where_it_was_cut_short() {
    let world = World::new();
    let one = mirrored(&world).await;
    one.journal.append((0..500).map(|_| note(&"x".repeat(500))).collect()).await.unwrap();
    one.close().await;
    let path = dir(&world).join("2026-01-05.jsonl");
    let whole = std::fs::read(&path).unwrap();
    // In the middle of a line, at the end of one, and before the first one ends.
    for keep in [whole.len() - 100, whole.len(), 50, 0] {
        std::fs::write(&path, &whole[..keep]).unwrap();
        let again = mirrored(&world).await;
        again.close().await;
        assert_eq!(std::fs::read(&path).unwrap(), whole, "after {keep} bytes");
    }
}

#[tokio::test]
async fn what_the_journal_makes_is_its_owners_alone_and_what_was_there_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt;

    fn modes(folder: &std::path::Path, found: &mut std::collections::BTreeMap<String, u32>) {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let mode = path.metadata().unwrap().permissions().mode() & 0o777;
            let _ = found.insert(path.file_name().unwrap().to_str().unwrap().to_owned(), mode);
            if path.is_dir() {
                modes(&path, found);
            }
        }
    }
    let world = World::new();
    let one = mirrored(&world).await;
    one.journal.append(vec![note("a")]).await.unwrap();
    let mut found = std::collections::BTreeMap::new();
    modes(world.folder.path(), &mut found);
    for name in ["interlock.db", "interlock.db-wal", "interlock.db-shm", "interlock.db-turn", one.journal.process()] {
        assert_eq!(found.get(name), Some(&0o600), "{name} in {found:?}");
    }
    assert_eq!(found["interlock.db-peers"], 0o700);
    one.close().await;
    modes(world.folder.path(), &mut found);
    assert_eq!((found["audit_logs"], found["2026-01-05.jsonl"], found[".lock"]), (0o700, 0o600, 0o600));

    let group = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(world.folder.path().join("interlock.db"), group).unwrap();
    world.peer().await.close().await;
    modes(world.folder.path(), &mut found);
    assert_eq!(found["interlock.db"], 0o640);
}

#[tokio::test]
async fn a_line_is_the_event_with_its_hashes() {
    let world = World::new();
    let one = mirrored(&world).await;
    let seq = one.journal.append(vec![note("a")]).await.unwrap();
    one.close().await;
    let text = std::fs::read_to_string(dir(&world).join("2026-01-05.jsonl")).unwrap();
    let event: Event = serde_json::from_str(text.trim_end()).unwrap();
    assert_eq!((event.seq, event.hash), (seq, event.expected_hash()));
    assert_eq!(seq, Sequence(1));
}
