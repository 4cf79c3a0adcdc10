//! Where things lie: the repository, its plugins, and cargo's target folder, wherever the user has put that.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::cargo;

/// Absolute paths of what xtask works on.
pub(crate) struct Layout {
    /// The root workspace.
    pub(crate) root: PathBuf,
    /// The workspace of the plugins.
    pub(crate) plugins: PathBuf,
    /// Cargo's target folder for the root workspace; everything that xtask makes goes below it.
    pub(crate) target: PathBuf,
}

impl Layout {
    /// Finds them.
    ///
    /// # Errors
    /// The checkout that xtask was compiled from is gone, or xtask was not started from a cargo target folder.
    pub(crate) fn find() -> Result<Self> {
        let manifest =
            env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root =
            manifest.join("../..").canonicalize().with_context(|| format!("no checkout at {}", manifest.display()))?;
        let plugins = root.join("plugins");
        Ok(Self { target: target()?, root, plugins })
    }

    /// A cargo command for the root workspace, run in the caller's folder.
    pub(crate) fn cargo(&self, verb: &str) -> Command {
        let mut command = cargo::command();
        command.arg(verb).arg("--manifest-path").arg(self.root.join("Cargo.toml"));
        command.arg("--target-dir").arg(&self.target);
        command
    }

    /// A cargo command for the workspace of the plugins, for this machine (not for Wasm).
    pub(crate) fn plugins_cargo(&self, verb: &str) -> Command {
        let mut command = cargo::command();
        command.arg(verb).current_dir(&self.plugins).arg("--target-dir").arg(self.guests());
        command
    }

    /// The target folder of the plugins' workspace. Its own, so that neither workspace waits for the other's lock.
    pub(crate) fn guests(&self) -> PathBuf {
        self.target.join("guests")
    }
}

/// The target folder that xtask itself was built into: right for `CARGO_TARGET_DIR`, `--target-dir` and cargo's
/// configuration alike. Cargo marks the folder when it makes it; where the user made it, it is the one above `debug`.
fn target() -> Result<PathBuf> {
    let exe = env::current_exe().context("cannot tell where xtask lies")?;
    let marked = |dir: &&Path| dir.join("CACHEDIR.TAG").is_file() || dir.join(".rustc_info.json").is_file();
    let target = exe.ancestors().find(marked).or_else(|| exe.ancestors().nth(2));
    Ok(target.context("xtask does not lie in a target folder")?.to_owned())
}
