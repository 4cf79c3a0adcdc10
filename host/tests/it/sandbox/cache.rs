//! What is kept from one start to the next: anything that is not whole, or not ours, is as good as not there.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use interlock::sandbox::Sandbox;
use serde_json::json;

use super::{
    faults::{PLENTY, judge, load},
    validate_first,
};
use crate::plugins::fault;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Starts a sandbox over a folder, and sees that a good policy works in it and a bad one is told apart from it.
async fn works(folder: &Path) {
    let sandbox = Sandbox::start(Some(folder)).unwrap();
    let policy = load(&sandbox, "misbehaves", json!({}), PLENTY).await.unwrap();
    assert!(judge(&policy, "allow").await.is_ok());
    assert_eq!(judge(&policy, "bad_code").await.unwrap_err().kind.code(), "policy_fault");
}

/// What becomes of a file's bytes.
type Damage = fn(&[u8]) -> Vec<u8>;

#[tokio::test]
async fn files_that_were_cut_short_or_overwritten_are_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    works(folder.path()).await;
    let kept = files(&folder.path().join("configured"));
    assert_eq!(kept.len(), 2, "{kept:?}");
    let damages: [Damage; 4] = [
        |_| Vec::new(),
        |whole| whole[..whole.len() / 2].to_vec(),
        |_| b"{\"nonsense\": 1}".to_vec(),
        |whole| whole.iter().map(|byte| byte ^ 0x55).collect(),
    ];
    for damage in damages {
        // Machine code too, which wasmtime keeps.
        for file in files(folder.path()) {
            // Wasmtime tidies up in the background: a file of its own may be gone by now.
            let Ok(whole) = fs::read(&file) else { continue };
            fs::write(&file, damage(&whole)).unwrap();
        }
        works(folder.path()).await;
        assert_eq!(files(&folder.path().join("configured")), kept);
        assert!(kept.iter().all(|file| fs::metadata(file).unwrap().len() > 100));
    }
}

#[tokio::test]
async fn an_entry_of_another_component_under_this_ones_name_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let configured = folder.path().join("configured");
    let first = Sandbox::start(Some(folder.path())).unwrap();
    load(&first, "refuses-to-describe", json!({}), PLENTY).await.unwrap_err();
    assert_eq!(files(&configured), [] as [PathBuf; 0]);
    super::load(&first, "sequence", validate_first()).await.unwrap();
    let sequence = files(&configured);
    load(&first, "misbehaves", json!({}), PLENTY).await.unwrap();
    let ours: Vec<_> = files(&configured).into_iter().filter(|file| !sequence.contains(file)).collect();
    for (theirs, ours) in sequence.iter().zip(&ours) {
        assert_eq!(theirs.extension(), ours.extension());
        fs::copy(theirs, ours).unwrap();
    }
    let second = Sandbox::start(Some(folder.path())).unwrap();
    let policy = load(&second, "misbehaves", json!({}), PLENTY).await.unwrap();
    assert_eq!(policy.manifest().name, "misbehaves");
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_only_makes_starting_slower() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "not a folder").unwrap();
    works(&file).await;
    works(&file.join("below")).await;
    assert_eq!(fs::read(&file).unwrap(), b"not a folder");
    // Gone after the start.
    let going = folder.path().join("going");
    let sandbox = Sandbox::start(Some(&going)).unwrap();
    fs::remove_dir_all(&going).unwrap();
    let policy = load(&sandbox, "misbehaves", json!({}), PLENTY).await.unwrap();
    assert!(judge(&policy, "allow").await.is_ok());
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_others_can_write_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let compiled = folder.path().join("compiled");
    fs::create_dir(&compiled).unwrap();
    fs::set_permissions(&compiled, fs::Permissions::from_mode(0o777)).unwrap();
    works(folder.path()).await;
    assert_eq!(files(folder.path()), [] as [PathBuf; 0]);
}

#[test]
fn processes_that_fill_the_cache_at_the_same_time_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("interlock.json");
    let policy = |name: &str| json!({"name": name, "component": fault(name), "settings": {}});
    let policies = [policy("misbehaves"), policy("recites")];
    fs::write(&config, json!({"mcpServers": {}, "policies": policies}).to_string()).unwrap();
    let check = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_interlock"));
        command.arg("--config").arg(&config).arg("check").current_dir(folder.path());
        command.env("INTERLOCK_CACHE_DIR", folder.path().join("cache"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let started: Vec<_> = (0..3).map(|_| check()).collect();
    for process in started {
        let ended = process.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success() && !said.contains("could not be kept"), "{said}");
    }
    let kept = files(&folder.path().join("cache/configured"));
    assert_eq!(kept.len(), 4, "{kept:?}");
    assert!(check().wait().unwrap().success());
}
