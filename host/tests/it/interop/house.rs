//! One configuration in a folder of its own, and `interlock` run there as a user runs it.

use std::{ffi::OsStr, path::Path, process::Stdio};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStderr, Command},
};

use super::packages;

/// The program under test.
pub(super) const INTERLOCK: &str = env!("CARGO_BIN_EXE_interlock");

/// How long a policy may take in these tests, whose machine may be busy with other tests, in milliseconds.
pub(crate) const TIME_MS: u32 = 10_000;

/// A server that asks back in the newer era.
const ASKING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/interop/asking.py");

/// What stands on standard error before the address of the door.
const SERVES: &str = "interlock serves MCP at ";
/// How lines begin that tell of the page for people.
const OF_THE_PAGE: [&str; 2] = ["interlock serves people at ", "come in, once "];

pub(crate) struct House {
    folder: tempfile::TempDir,
}

/// A door that is open on HTTP.
pub(crate) struct Door {
    pub(crate) url: String,
    child: Child,
    errors: tokio::task::JoinHandle<String>,
}

impl House {
    pub(crate) fn with(config: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("interlock.json"), format!("{config:#}")).unwrap();
        Self { folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What `interlock` needs from the environment, besides what every program does.
    pub(super) fn environment() -> Vec<(String, String)> {
        let path = packages::path().to_owned();
        let cache = packages::cache().join("components").to_str().unwrap().to_owned();
        vec![("PATH".to_owned(), path), ("INTERLOCK_CACHE_DIR".to_owned(), cache)]
    }

    /// `interlock` with these arguments, not yet started.
    pub(crate) fn interlock(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(INTERLOCK);
        command.args(arguments).current_dir(self.folder()).envs(Self::environment()).kill_on_drop(true);
        command
    }

    /// What `interlock` prints as JSON, and its exit code.
    pub(crate) async fn json(&self, arguments: &[&str]) -> (Value, i32) {
        let mut command = self.interlock(arguments);
        let output = command.arg("--json").stdin(Stdio::null()).output().await.unwrap();
        let said = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{}", String::from_utf8_lossy(&output.stderr)));
        (said, output.status.code().unwrap())
    }

    /// Every event about calls of this tool in the journal: its kind, and its body.
    pub(super) async fn events_about(&self, tool: &str) -> Vec<(String, Value)> {
        let (events, code) = self.json(&["audit", "query", "--tool", tool, "--limit", "1000"]).await;
        assert_eq!(code, 0);
        let about = |event: &Value| (event["kind"].as_str().unwrap().to_owned(), event["body"].clone());
        // That its definition was pinned is no call.
        let of_calls = |(kind, _): &(String, Value)| !kind.starts_with("tool.");
        events.as_array().unwrap().iter().map(about).filter(of_calls).collect()
    }

    /// The kinds of all events about calls of this tool, in the order in which they happened.
    pub(super) async fn kinds_about(&self, tool: &str) -> Vec<String> {
        self.events_about(tool).await.into_iter().map(|(kind, _)| kind).collect()
    }

    /// The journal is as it was written.
    pub(crate) async fn assert_whole(&self) {
        let (verified, code) = self.json(&["audit", "verify"]).await;
        assert_eq!(code, 0, "{verified}");
    }

    /// Opens the door on a free port.
    pub(crate) async fn open(&self) -> Door {
        self.open_at("127.0.0.1:0").await
    }

    /// Closes the door, and opens it again at the same place.
    pub(super) async fn reopen(&self, door: Door) -> Door {
        let address = door.url.trim_start_matches("http://").trim_end_matches("/mcp").to_owned();
        door.close().await;
        self.open_at(&address).await
    }

    async fn open_at(&self, address: &str) -> Door {
        let mut child = self
            .interlock(&["serve", "--http", address, "--admin", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut before = String::new();
        let url = loop {
            let Some(line) = errors.next_line().await.unwrap() else { panic!("interlock does not serve: {before}") };
            match line.strip_prefix(SERVES) {
                Some(url) => break url.to_owned(),
                None => before.push_str(&line),
            }
        };
        // Read on, so that it never waits for room.
        let errors = tokio::spawn(rest(errors));
        Door { url, child, errors }
    }
}

async fn rest(mut lines: tokio::io::Lines<BufReader<ChildStderr>>) -> String {
    let mut rest = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if OF_THE_PAGE.iter().any(|beginning| line.starts_with(beginning)) {
            continue;
        }
        rest.push_str(&line);
        rest.push('\n');
    }
    rest
}

impl Door {
    /// Tells it to end, which it does in good order and without a complaint.
    pub(crate) async fn close(mut self) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
        let status = self.child.wait().await.unwrap();
        let errors = self.errors.await.unwrap();
        assert!(status.success(), "{status}\n{errors}");
        assert_eq!(errors, "", "nothing went wrong");
    }
}

/// Four published servers, of both eras, one that asks back in the newer era, and the rules that the tests have for them.
pub(super) fn servers_of_both_eras(repository: &Path) -> Value {
    let (npm, python) = (packages::npm_bin(), packages::python_bin());
    json!({
        "mcpServers": {
            "asking": {"command": python.join("python"), "args": [ASKING]},
            "everything": {"command": npm.join("mcp-server-everything"), "args": ["stdio"]},
            "files": {"command": npm.join("mcp-server-filesystem"), "args": [repository]},
            "git": {"command": python.join("mcp-server-git"), "args": ["--repository", repository]},
            "time": {"command": python.join("mcp-server-time"), "args": ["--local-timezone", "UTC"]},
        },
        "policies": [
            {
                "name": "look-only",
                "limits": {"time_ms": TIME_MS},
                "component": "allow-list",
                "match": {"tools": ["files/*", "everything/*"]},
                "settings": {
                    "rules": [{"effect": "refuse", "tools": ["files/write_file", "everything/get-structured-content"]}],
                    "default": "allow",
                },
            },
            {
                "name": "status-first",
                "limits": {"time_ms": TIME_MS},
                "component": "sequence",
                "match": {"tools": ["git/*"]},
                "settings": {"rules": [{"tools": ["git/git_log"], "after": ["git/git_status"]}]},
            },
        ],
    })
}

/// A Git repository with one commit and one file.
pub(super) fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("points.txt"), "set and locked\n").unwrap();
    git(folder.path(), ["init", "--quiet"]);
    git(folder.path(), ["add", "."]);
    git(
        folder.path(),
        ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-qm", "The points are set"],
    );
    folder
}

fn git<const N: usize>(folder: &Path, arguments: [&str; N]) {
    let nothing = OsStr::new("/dev/null");
    let status = std::process::Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", nothing)
        .env("GIT_CONFIG_SYSTEM", nothing)
        .status()
        .expect("git is needed: install it");
    assert!(status.success(), "git {arguments:?}");
}
