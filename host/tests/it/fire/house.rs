//! One folder with a configuration and a journal, the server behind it, and `interlock` run there as a user runs it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::process::Command;

use super::{gateway::Gateway, record::Record, server::Server};
use crate::plugins::cache;

/// The program under test.
const INTERLOCK: &str = env!("CARGO_BIN_EXE_interlock");

pub(super) struct House {
    folder: tempfile::TempDir,
    pub(super) server: Server,
    journal: PathBuf,
}

impl House {
    /// A house with these policies, and its journal beside the configuration.
    pub(super) async fn with(policies: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("interlock.db");
        Self::keeping(folder, journal, policies).await
    }

    /// A house whose journal lies elsewhere.
    pub(super) async fn keeping(folder: tempfile::TempDir, journal: PathBuf, policies: Value) -> Self {
        let server = Server::start().await;
        let config = json!({
            "mcpServers": {"fire": {"url": server.url}},
            "policies": policies,
            "approvals": {"hold_open_seconds": 600},
            "journal": {"url": format!("sqlite:{}", journal.display()), "mirror_dir": null},
        });
        std::fs::write(folder.path().join("interlock.json"), format!("{config:#}")).unwrap();
        Self { folder, server, journal }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn journal(&self) -> &Path {
        &self.journal
    }

    /// `interlock` with these arguments, not yet started. What it logs goes into a file of the folder.
    pub(super) fn interlock(&self, arguments: &[&str]) -> Command {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = Command::new(INTERLOCK);
        command.args(arguments).current_dir(self.folder.path());
        command.env("INTERLOCK_CACHE_DIR", cache()).env_remove("INTERLOCK_CONFIG");
        command.stdin(std::process::Stdio::null()).stderr(log).kill_on_drop(true);
        command
    }

    /// Starts a gateway.
    pub(super) async fn gateway(&self) -> Gateway {
        match Gateway::start(&mut self.interlock(&["serve"])).await {
            Some(gateway) => gateway,
            None => panic!("the gateway did not start: {}", self.log()),
        }
    }

    /// Runs `interlock` to its end, which must be a good one, and returns what it printed.
    pub(super) async fn run(&self, arguments: &[&str]) -> String {
        let output = self.interlock(arguments).output().await.unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "interlock {arguments:?}: {:?}\n{errors}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same as JSON.
    pub(super) async fn json(&self, arguments: &[&str]) -> Value {
        let told = self.run(&[arguments, &["--json"]].concat()).await;
        serde_json::from_str(&told).unwrap_or_else(|error| panic!("interlock {arguments:?}: {error}: {told}"))
    }

    /// The journal as it lies on disk.
    pub(super) async fn record(&self) -> Record {
        Record::open(&self.journal).await
    }

    /// The end of what was logged.
    pub(super) fn log(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        // Bad guests have long last words.
        let lines = log.lines().rev().take(30).map(|line| line.chars().take(300).collect::<String>());
        lines.collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

/// A policy over everybody's calls; its time is ample, so that a machine that is busy with other things fails no test.
pub(super) fn policy(name: &str, component: &str, settings: Value) -> Value {
    json!({
        "name": name, "component": component, "settings": settings, "scope": "global", "limits": {"time_ms": 30_000},
    })
}
