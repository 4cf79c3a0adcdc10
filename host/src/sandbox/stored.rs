//! Configured components on disk, so that a second start neither configures nor compiles.
//!
//! Kept are Wasm and JSON, never machine code (that is wasmtime's own cache, in the folder beside it). An entry that is
//! damaged or from another engine is as good as none.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{generation::Generation, plugin::Manifest, shape::Exports};

/// What is known of a component that was configured before.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    /// The name of the entry that it was made for: a file that was copied or renamed is no entry.
    pub(super) key: String,
    pub(super) generation: Generation,
    pub(super) manifest: Manifest,
    pub(super) exports: Exports,
    /// Whether the configured memory lies beside this as Wasm, and its SHA-256.
    pub(super) snapshot: Option<String>,
}

/// Changes whenever what is stored, or how it is made, changes.
const FORMAT: &str = concat!("interlock ", env!("CARGO_PKG_VERSION"), " configured 3");

/// Most files in the folder; an entry is two. Settings that are tried and changed leave an entry each.
const MOST_FILES: usize = 512;

/// The name of the entry for one component with one set of settings.
pub(super) fn key(digest: &str, settings: &str) -> String {
    let mut hash = Sha256::new();
    for part in [FORMAT, digest, settings] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// SHA-256 as hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Finds an entry; its Wasm too, where there is some.
pub(super) fn find(folder: &Path, key: &str) -> Option<(Stored, Option<Vec<u8>>)> {
    let stored: Stored = serde_json::from_slice(&fs::read(path(folder, key, "json")).ok()?).ok()?;
    if stored.key != key {
        return None;
    }
    let wasm = match &stored.snapshot {
        Some(digest) => {
            let wasm = fs::read(path(folder, key, "wasm")).ok()?;
            if sha256(&wasm) != *digest {
                return None;
            }
            Some(wasm)
        }
        None => None,
    };
    Some((stored, wasm))
}

/// Keeps an entry: the Wasm first, so that what the JSON speaks of is there. The oldest files beyond what a folder may
/// hold go.
pub(super) fn keep(folder: &Path, stored: &Stored, wasm: Option<&[u8]>) -> io::Result<()> {
    if let Some(wasm) = wasm {
        replace(&path(folder, &stored.key, "wasm"), wasm)?;
    }
    replace(&path(folder, &stored.key, "json"), &serde_json::to_vec(stored)?)?;
    forget_oldest(folder, MOST_FILES)
}

/// Removes the files written longest ago, until `most` are left. Another process may be doing the same.
fn forget_oldest(folder: &Path, most: usize) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let Ok(written) = entry.metadata().and_then(|file| file.modified()) {
            files.push((written, entry.path()));
        }
    }
    files.sort();
    let surplus = files.len().saturating_sub(most);
    for (_, path) in files.into_iter().take(surplus) {
        drop(fs::remove_file(path));
    }
    Ok(())
}

fn path(folder: &Path, key: &str, extension: &str) -> PathBuf {
    folder.join(format!("{key}.{extension}"))
}

/// Writes beside, then renames: another process sees the old file or the new one, never half of one.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let nth = COUNT.fetch_add(1, Ordering::Relaxed);
    let beside = path.with_extension(format!("{}-{nth}.new", std::process::id()));
    fs::write(&beside, bytes)?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str) -> Stored {
        let manifest = Manifest {
            name: "p".to_owned(),
            version: "1".to_owned(),
            summary: String::new(),
            settings_schema: serde_json::Value::Null,
            codes: Vec::new(),
        };
        Stored {
            key: key.to_owned(),
            generation: Generation::V0_1_0,
            manifest,
            exports: Exports::default(),
            snapshot: Some(sha256(b"wasm")),
        }
    }

    #[test]
    fn an_entry_is_found_whole_under_its_own_name_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        keep(folder.path(), &entry("a"), Some(b"wasm")).unwrap();
        assert!(find(folder.path(), "a").is_some_and(|(_, wasm)| wasm.as_deref() == Some(b"wasm")));
        fs::copy(path(folder.path(), "a", "json"), path(folder.path(), "b", "json")).unwrap();
        fs::copy(path(folder.path(), "a", "wasm"), path(folder.path(), "b", "wasm")).unwrap();
        assert!(find(folder.path(), "b").is_none());
        fs::write(path(folder.path(), "a", "wasm"), b"was").unwrap();
        assert!(find(folder.path(), "a").is_none());
    }

    #[test]
    fn a_folder_holds_so_many_files_and_the_oldest_go_first() {
        let folder = tempfile::tempdir().unwrap();
        for key in ["a", "b", "c", "d"] {
            keep(folder.path(), &entry(key), Some(b"wasm")).unwrap();
            let age = std::time::Duration::from_secs(u64::from(b'z' - key.as_bytes()[0]));
            for extension in ["json", "wasm"] {
                let file = fs::File::options().write(true).open(path(folder.path(), key, extension)).unwrap();
                file.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000) - age)
                    .unwrap();
            }
        }
        forget_oldest(folder.path(), 5).unwrap();
        let there: Vec<bool> = ["a", "b", "c", "d"].map(|key| find(folder.path(), key).is_some()).into();
        assert_eq!(there, [false, false, true, true]);
    }
}
