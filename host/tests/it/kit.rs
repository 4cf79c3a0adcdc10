//! What authors of plugins do, by the real program: a new folder, its component, its cases, and what there is to know.

mod author;
mod cases;
mod folders;
mod inspecting;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// What the program said.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {} {}", self.out, self.err))
    }
}

/// Runs it in a folder.
fn interlock(folder: &Path, arguments: &[&str]) -> Said {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_interlock"))
        .args(arguments)
        .current_dir(folder)
        .env("INTERLOCK_CACHE_DIR", crate::plugins::cache())
        .env("CARGO_TARGET_DIR", built())
        .env_remove("INTERLOCK_CONFIG")
        .output()
        .unwrap();
    Said { code: status.code(), out: String::from_utf8(stdout).unwrap(), err: String::from_utf8(stderr).unwrap() }
}

/// The target folder of the repository's own plugins: what these need is compiled there already.
fn built() -> PathBuf {
    let guests = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../guests");
    // Where the standard library had to be built as well.
    if guests.join("std").is_dir() { guests.join("std") } else { guests }
}

/// A copy of a standard plugin's component, beside `cases.json` with this text.
fn component(name: &str, cases: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(Path::new(env!("CARGO_TARGET_TMPDIR")).join("../plugins").join(format!("{name}.wasm")));
    std::fs::write(folder.path().join("it.wasm"), bytes.unwrap()).unwrap();
    std::fs::write(folder.path().join("cases.json"), cases).unwrap();
    folder
}
