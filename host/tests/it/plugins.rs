//! The components that `cargo xtask plugins` built for tests alone, and the folder in which all tests keep compiled code.

use std::path::{Path, PathBuf};

/// Cargo's folder for what tests keep, in its target folder.
const TMP: &str = env!("CARGO_TARGET_TMPDIR");

/// Where compiled components are kept, so that each is compiled once.
pub(crate) fn cache() -> PathBuf {
    Path::new(TMP).join("sandbox-cache")
}

/// Path of a component that is there for tests.
pub(crate) fn fault(name: &str) -> PathBuf {
    built("faults", name)
}

/// Path of a component of an example.
pub(crate) fn example(name: &str) -> PathBuf {
    built("examples", name)
}

/// Path of a component of a draft of the plugin interface.
pub(crate) fn draft(name: &str) -> PathBuf {
    built("drafts", name)
}

fn built(kind: &str, name: &str) -> PathBuf {
    let built =
        std::env::var_os("INTERLOCK_PLUGINS_DIR").map_or_else(|| Path::new(TMP).join("../plugins"), PathBuf::from);
    let path = built.join(kind).join(format!("{name}.wasm"));
    assert!(path.is_file(), "{} is not there: run `cargo xtask plugins`", path.display());
    path
}
