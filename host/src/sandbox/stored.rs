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

use super::{plugin::Manifest, shape::Exports};

/// What is known of a component that was configured before.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) manifest: Manifest,
    pub(super) exports: Exports,
    /// Whether the configured memory lies beside this as Wasm, and its SHA-256.
    pub(super) snapshot: Option<String>,
}

/// Changes whenever what is stored, or how it is made, changes.
const FORMAT: &str = concat!("interlock ", env!("CARGO_PKG_VERSION"), " configured 1");

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
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Finds an entry; its Wasm too, where there is some.
pub(super) fn find(folder: &Path, key: &str) -> Option<(Stored, Option<Vec<u8>>)> {
    let stored: Stored = serde_json::from_slice(&fs::read(path(folder, key, "json")).ok()?).ok()?;
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

/// Keeps an entry: the Wasm first, so that what the JSON speaks of is there.
pub(super) fn keep(folder: &Path, key: &str, stored: &Stored, wasm: Option<&[u8]>) -> io::Result<()> {
    if let Some(wasm) = wasm {
        replace(&path(folder, key, "wasm"), wasm)?;
    }
    replace(&path(folder, key, "json"), &serde_json::to_vec(stored)?)
}

fn path(folder: &Path, key: &str, extension: &str) -> PathBuf {
    folder.join(format!("{key}.{extension}"))
}

/// Writes beside, then renames: another process sees the old file or the new one, never half of one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let nth = COUNT.fetch_add(1, Ordering::Relaxed);
    let beside = path.with_extension(format!("{}-{nth}.new", std::process::id()));
    fs::write(&beside, bytes)?;
    fs::rename(&beside, path)
}
