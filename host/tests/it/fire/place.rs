//! Faults of the place where the journal lies. Nothing is sent that is not recorded; callers are told that the journal is
//! not available; and once the fault is gone, the same gateway goes on.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use serde_json::json;
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use tokio::process::Command;

use super::{
    gateway::{Gateway, Told},
    house::House,
    in_the_end,
    judge::{Judge, policies},
};

const UNAVAILABLE: &str = "journal_unavailable";

/// A call is refused because of the journal, and nothing reaches the server.
async fn assert_refused(house: &House, gateway: &Gateway) {
    let before = house.server.arrived().len();
    let told = in_the_end(gateway.call("free", json!({}))).await;
    assert_eq!(told.word(), UNAVAILABLE, "{told:?}");
    assert_eq!(house.server.arrived().len(), before, "it was sent all the same");
}

/// In the end: the gateway serves again, everything that was sent is recorded, and the chain is whole.
async fn assert_well(house: &House, gateway: &Gateway) {
    assert_eq!(in_the_end(gateway.call("free", json!({}))).await, Told::Done, "{}", house.log());
    let mut judge = Judge::default();
    judge.read(&house.record().await.all().await);
    assert_eq!(judge.calls.len(), house.server.arrived().len());
    assert!(judge.calls.values().all(|call| call.outcome.as_deref() == Some("succeeded")));
    house.run(&["audit", "verify"]).await;
}

/// A small disk in memory, until dropped.
struct Disk(PathBuf);

impl Disk {
    /// None: only root may have one, and this is not root.
    async fn mount(at: PathBuf) -> Option<Self> {
        fs::create_dir(&at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(&at).output().await;
        mounted.is_ok_and(|mounted| mounted.status.success()).then_some(Self(at))
    }

    /// Takes all the room that is left.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("ballast");
        let mut ballast = File::create(&path).unwrap();
        for piece in [vec![0; 4096], vec![0; 1]] {
            while ballast.write_all(&piece).is_ok() {}
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Whoever still has a file open there is about to end.
        drop(std::process::Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_calls_until_there_is_room_and_loses_no_end_of_a_call() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(folder.path().join("disk")).await else {
        return eprintln!("not shown here: only root may mount the small disk that is to be full");
    };
    let house = House::keeping(folder, disk.0.join("interlock.db"), policies()).await;
    let gateway = std::sync::Arc::new(house.gateway().await);
    let hanging = tokio::spawn({
        let gateway = gateway.clone();
        async move { gateway.call("hang", json!({})).await }
    });
    house.server.until_arrived(1).await;
    let ballast = disk.fill();
    // There may still be room in the journal's own files.
    let mut calls = 0;
    while gateway.call("free", json!({"filler": "x".repeat(2000)})).await == Told::Done {
        calls += 1;
        assert!(calls < 10_000, "the disk is never full");
    }
    assert_refused(&house, &gateway).await;
    house.server.let_go();
    assert_eq!(in_the_end(hanging).await.unwrap(), Told::Done);
    fs::remove_file(ballast).unwrap();
    // The end of the call that hung could not be recorded, and is, without anyone asking.
    let mut record = house.record().await;
    let recorded = async {
        loop {
            let mut judge = Judge::default();
            judge.read(&record.all().await);
            if judge.under_way(&["hang"]).is_empty() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    in_the_end(recorded).await;
    assert_eq!(gateway.call("solo", json!({})).await, Told::Done, "the place is free again");
    assert_well(&house, &gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_of_which_any_file_is_gone_is_none_until_it_is_back() {
    let house = House::with(policies()).await;
    let gateway = house.gateway().await;
    assert_eq!(gateway.call("free", json!({})).await, Told::Done);
    for suffix in ["", "-wal", "-shm", "-turn"] {
        let here = PathBuf::from(format!("{}{suffix}", house.journal().display()));
        let away = here.with_extension("away");
        fs::rename(&here, &away).unwrap();
        assert_refused(&house, &gateway).await;
        // Another one in its place is not the same.
        fs::write(&here, "").unwrap();
        assert_refused(&house, &gateway).await;
        fs::rename(&away, &here).unwrap();
        assert_eq!(gateway.call("free", json!({})).await, Told::Done, "`{suffix}` is back: {}", house.log());
    }
    assert_well(&house, &gateway).await;
    fs::remove_file(house.journal()).unwrap();
    assert_refused(&house, &gateway).await;
    gateway.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_a_stranger_holds_is_waited_for_and_not_for_ever() {
    let house = House::with(policies()).await;
    let gateway = std::sync::Arc::new(house.gateway().await);
    let mut stranger = SqliteConnectOptions::new().filename(house.journal()).connect().await.unwrap();
    let mut holding = stranger.begin_with("BEGIN EXCLUSIVE").await.unwrap();
    // SQLite waits for five seconds.
    assert_refused(&house, &gateway).await;
    let waiting = tokio::spawn({
        let gateway = gateway.clone();
        async move { gateway.call("free", json!({})).await }
    });
    house.run(&["audit", "verify"]).await;
    assert!(!waiting.is_finished(), "nothing is sent meanwhile");
    sqlx::query("SELECT 1").execute(&mut *holding).await.unwrap();
    holding.rollback().await.unwrap();
    assert_eq!(in_the_end(waiting).await.unwrap(), Told::Done);
    assert_well(&house, &gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_another_process_never_gives_back_is_waited_for_and_not_for_ever() {
    let house = House::with(policies()).await;
    let gateway = house.gateway().await;
    // As a process that was stopped in the midst of its turn would.
    let turn = File::open(format!("{}-turn", house.journal().display())).unwrap();
    turn.lock().unwrap();
    assert_refused(&house, &gateway).await;
    turn.unlock().unwrap();
    assert_well(&house, &gateway).await;
}

/// `interlock` without the rights that root has over everyone's files.
fn without_rights(house: &House, arguments: &[&str]) -> Option<Command> {
    let command = house.interlock(arguments);
    let own = house.journal().parent().unwrap().join("probe");
    if File::create(&own).is_err() {
        return Some(command);
    }
    fs::remove_file(own).unwrap();
    // This is root. What it may do must be taken from it.
    let told = std::process::Command::new("setpriv").arg("--version").output();
    told.is_ok().then(|| {
        let mut dropped = Command::new("setpriv");
        dropped.args([
            "--bounding-set",
            "-dac_override,-dac_read_search",
            "--inh-caps",
            "-dac_override,-dac_read_search",
        ]);
        dropped.arg("--").arg(command.as_std().get_program()).args(arguments);
        dropped.current_dir(command.as_std().get_current_dir().unwrap());
        dropped.envs(command.as_std().get_envs().filter_map(|(key, value)| Some((key, value?))));
        dropped.stdin(std::process::Stdio::null()).kill_on_drop(true);
        dropped
    })
}

fn allow(path: &Path, writing: bool) {
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => allow(&path, writing),
            false => {
                fs::set_permissions(path, fs::Permissions::from_mode(if writing { 0o600 } else { 0o400 })).unwrap()
            }
        }
    }
    fs::set_permissions(path, fs::Permissions::from_mode(if writing { 0o700 } else { 0o500 })).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_may_only_be_read_admits_nothing_and_can_be_verified() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    fs::create_dir(&kept).unwrap();
    let house = House::keeping(folder, kept.join("interlock.db"), policies()).await;
    let gateway = house.gateway().await;
    for _ in 0..3 {
        assert_eq!(gateway.call("check", json!({})).await, Told::Done);
    }
    let files = || {
        let mut names: Vec<_> = fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    // While it is at work, after it was killed, and after it was closed: what lies in the folder differs.
    for state in ["living", "dead", "closed"] {
        match state {
            "living" => {}
            "dead" => gateway.kill().await,
            _ => drop(house.run(&["calls", "list"]).await),
        }
        allow(&kept, false);
        let before = files();
        let Some(mut verify) = without_rights(&house, &["audit", "verify", "--json"]) else {
            return eprintln!("not shown here: this is root, and there is no setpriv to take its rights");
        };
        let verified = verify.output().await.unwrap();
        let said = String::from_utf8_lossy(&verified.stdout);
        assert!(verified.status.success() && said.contains("\"whole\""), "{state}: {said}{verified:?}");
        assert_eq!(files(), before, "{state}: something was left behind");
        let serve = without_rights(&house, &["serve"]).unwrap().output().await.unwrap();
        assert!(!serve.status.success());
        let errors = String::from_utf8_lossy(&serve.stderr);
        assert!(errors.contains("cannot be used") && errors.contains("interlock.db"), "{state}: {errors}");
        allow(&kept, true);
    }
    let gateway = house.gateway().await;
    assert_well(&house, &gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_which_the_tables_tell_something_else_than_the_events_is_named() {
    let house = House::with(policies()).await;
    let gateway = house.gateway().await;
    assert_eq!(gateway.call("check", json!({})).await, Told::Done);
    house.run(&["audit", "verify"]).await;
    let mut forger = SqliteConnectOptions::new().filename(house.journal()).connect().await.unwrap();
    // Whoever starts next would let a payment through for it.
    let forged = "UPDATE calls SET tool = 'fire/pay' RETURNING id";
    let (id,): (String,) = sqlx::query_as(forged).fetch_one(&mut forger).await.unwrap();
    let verified = house.interlock(&["audit", "verify", "--json"]).output().await.unwrap();
    assert_eq!(verified.status.code(), Some(1));
    let said: serde_json::Value = serde_json::from_slice(&verified.stdout).unwrap();
    let named = json!({"call": id, "column": "tool", "noted": "fire/pay", "told": "fire/check"});
    assert_eq!(said["what"]["notes"]["differs"], named, "{said}");
    let errors = String::from_utf8_lossy(&verified.stderr);
    assert!(errors.contains(&id), "{errors}");
}
