//! What makes components of Python and JavaScript: installed once for each set of versions, those that a new plugin's
//! folder names.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use super::pinned;

/// The folders of `componentize-py` and `jco`.
pub(super) struct Tools {
    python: PathBuf,
    javascript: PathBuf,
}

impl Tools {
    /// Installs both, unless that has been done, beside what tests keep between runs.
    ///
    /// # Errors
    /// There is no Python with venv or no npm here, or their registries cannot be reached.
    pub(super) fn installed() -> Result<Self> {
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates");
        let cache = env::home_dir().context("no home folder")?.join(".cache/interlock-tests/languages");
        let requirements = pinned(&templates, "python/requirements.txt")?;
        let python = once(&cache.join("python"), &requirements, |folder| {
            fs::write(folder.join("requirements.txt"), &requirements)?;
            run(Command::new("python3").args(["-m", "venv", "."]).current_dir(folder))?;
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"];
            run(Command::new(folder.join("bin/python")).args(pip).current_dir(folder))
        })?;
        let package = pinned(&templates, "javascript/package.json.txt")?.replace("{{name}}", "languages");
        let javascript = once(&cache.join("javascript"), &package, |folder| {
            fs::write(folder.join("package.json"), &package)?;
            run(Command::new("npm")
                .args(["install", "--no-audit", "--no-fund", "--loglevel=error"])
                .current_dir(folder))
        })?;
        Ok(Self { python: python.join("bin"), javascript: javascript.join("node_modules/.bin") })
    }

    /// The `PATH` with both in front.
    pub(super) fn path(&self) -> String {
        let rest = env::var("PATH").unwrap_or_default();
        format!("{}:{}:{rest}", self.python.display(), self.javascript.display())
    }
}

/// Has a folder filled, unless it was filled with the same versions before.
fn once(folder: &Path, versions: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let complete = folder.join(".complete");
    if !fs::read_to_string(&complete).is_ok_and(|installed| installed == versions) {
        drop(fs::remove_dir_all(folder));
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        fill(folder).with_context(|| format!("in {}", folder.display()))?;
        fs::write(complete, versions)?;
    }
    Ok(folder.to_owned())
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().display().to_string();
    let done = command.status().with_context(|| format!("cannot start {program}"))?;
    if !done.success() {
        bail!("{program} failed");
    }
    Ok(())
}
