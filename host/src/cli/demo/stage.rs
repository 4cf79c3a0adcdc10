//! Where a demonstration plays: a temporary folder with an `interlock.json`, and processes of this very program.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::Context as _;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::client::Client;

/// How often, and how many times, one looks whether a gateway has said where it listens.
const LOOK: Duration = Duration::from_millis(20);
const MOST_LOOKS: u32 = 3000;

/// The folder; it is gone with the value.
#[derive(Debug)]
pub(super) struct Stage {
    folder: TempDir,
    program: PathBuf,
}

/// A gateway over HTTP; it ends with the value.
#[derive(Debug)]
pub(super) struct Served {
    child: Child,
    /// Its address, without a path.
    pub(super) root: String,
}

impl Served {
    /// Ends it.
    ///
    /// # Errors
    /// If it cannot be ended.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("the gateway cannot be ended")
    }
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(super) struct Ran {
    /// As it was typed, without the path of the configuration.
    pub(super) typed: String,
    /// Its exit code; none if it was killed.
    pub(super) code: Option<i32>,
    /// Standard output, then standard error.
    pub(super) said: String,
    /// Standard output as JSON; null if it is none.
    pub(super) json: Value,
}

impl Stage {
    /// Writes the configuration into a new folder.
    ///
    /// # Errors
    /// If that cannot be written.
    pub(super) fn new(config: &Value) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("interlock-demo-").tempdir();
        let folder = folder.context("there is no room for a temporary folder")?;
        let program = env::current_exe().context("cannot tell where Interlock itself is")?;
        let stage = Self { folder, program };
        fs::write(stage.file("interlock.json"), format!("{config:#}"))
            .context("the configuration cannot be written")?;
        Ok(stage)
    }

    /// A file of the folder.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts `interlock serve`, and an AI app at its door.
    ///
    /// # Errors
    /// If it does not start.
    pub(super) async fn serve(&self) -> anyhow::Result<Client> {
        let mut command = self.command(&self.file("interlock.json"));
        command.arg("serve");
        Client::start(command, self.file("serve.log")).await
    }

    /// Starts `interlock serve --http` on a free port of this machine.
    ///
    /// # Errors
    /// If it does not say where it listens.
    pub(super) async fn serve_http(&self) -> anyhow::Result<Served> {
        let log = self.file("serve.log");
        let file = File::create(&log).context("the gateway's log cannot be written")?;
        let mut command = self.command(&self.file("interlock.json"));
        command
            .args(["serve", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file);
        let mut child = command.spawn().context("interlock cannot be started as a process")?;
        let mut said = String::new();
        for _ in 0..MOST_LOOKS {
            said = fs::read_to_string(&log).context("the gateway's log cannot be read")?;
            let address = said.split_once("/mcp\n").and_then(|(before, _)| before.rsplit_once("http://"));
            if let Some((_, address)) = address {
                return Ok(Served { child, root: format!("http://{address}") });
            }
            if child.try_wait().context("the gateway cannot be watched")?.is_some() {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        anyhow::bail!("interlock serve --http did not say where it listens; it said:\n{said}")
    }

    /// Runs a verb to its end, as a process of its own.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(super) async fn run(&self, verb: &[&str]) -> anyhow::Result<Ran> {
        self.run_with("interlock.json", verb).await
    }

    /// As [`Stage::run`], with another configuration of the folder.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(super) async fn run_with(&self, config: &str, verb: &[&str]) -> anyhow::Result<Ran> {
        let ended = self.command(&self.file(config)).args(verb).output().await;
        let ended = ended.context("interlock cannot be started as a process")?;
        let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        Ok(Ran {
            typed: format!("interlock {}", verb.join(" ")),
            code: ended.status.code(),
            said: format!("{out}{err}"),
            json: serde_json::from_str(&out).unwrap_or_default(),
        })
    }

    fn command(&self, config: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(config).current_dir(self.folder.path()).kill_on_drop(true);
        command
    }
}
