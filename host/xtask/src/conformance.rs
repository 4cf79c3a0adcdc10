//! `cargo xtask conformance`: MCP's own conformance suites, against a server bare and behind Interlock, and a table of
//! what gets lost on the way.

mod checks;
mod journal;
mod packages;
mod running;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use self::checks::Checks;
use self::packages::Suite;
use self::running::Running;
use self::table::{Row, Table};
use crate::layout::Layout;
use crate::{cargo, guests};

/// The revisions of MCP whose requirements are tested; and for each what speaks to Interlock's other side: a server of
/// the same era, and where it can be, of the other.
const REVISIONS: [(&str, &[Backend]); 2] =
    [("2025-11-25", &[Backend::Legacy, Backend::Modern]), ("2026-07-28", &[Backend::Modern])];

/// What the suites ask of clients, by revision, and Interlock's other side can do. Of `auth/*` not among them is what
/// sends a person to a browser: tokens for servers are got by client credentials alone.
const CLIENT: [(&str, &[&str]); 2] = [
    (
        "2025-11-25",
        &[
            "initialize",
            "tools_call",
            "elicitation-sep1034-client-defaults",
            "sse-retry",
            "json-schema-2020-12-preservation",
            "auth/client-credentials-basic",
            "auth/client-credentials-jwt",
        ],
    ),
    (
        "2026-07-28",
        &[
            "tools_call",
            "request-metadata",
            "sep-2322-client-request-state",
            "http-standard-headers",
            "http-custom-headers",
            "http-invalid-tool-headers",
            "json-schema-ref-no-deref",
            "json-schema-2020-12-preservation",
            "auth/client-credentials-basic",
            "auth/client-credentials-jwt",
            "auth/resource-mismatch",
            "auth/metadata-issuer-mismatch",
        ],
    ),
];

const USAGE: &str = "\
Usage: cargo xtask conformance [--times N]

Runs the server suites of `@modelcontextprotocol/conformance` against a server that passes them all, then N times (1)
against the same server behind Interlock, which speaks to it once in the client's era of MCP and once in the other,
if that can be; once more by a way on which every request shows an access token; then what the suites ask of clients, but for
those that people sign in to, against Interlock as the client. What each run wrote stays in TARGET/conformance until the next.
";

/// Runs it all. The exit code is 0 only if the bare server fails nothing, and nothing is lost behind Interlock.
///
/// # Errors
/// Something could not be built, installed or started; that is no verdict.
pub(crate) fn run(layout: &Layout, args: &[String]) -> Result<ExitCode> {
    let times = match args {
        [] => 1,
        [flag, number] if flag == "--times" => match number.parse::<u32>() {
            Ok(times) if times > 0 => times,
            Ok(_) | Err(_) => bail!("`--times` takes a number from 1, not `{number}`"),
        },
        _ => {
            eprint!("{USAGE}");
            return Ok(ExitCode::from(2));
        }
    };
    let suite = Suite::installed()?;
    guests::build(layout, None)?;
    let mut build = layout.cargo("build");
    build.args(["--package", "interlock-host", "--package", "interlock-conformance", "--bins"]);
    let built = cargo::run(&mut build)?;
    if built != ExitCode::SUCCESS {
        return Ok(built);
    }
    let results = layout.target.join("conformance");
    drop(fs::remove_dir_all(&results));
    let bench = Bench { suite, results, bin: layout.target.join("debug") };
    let mut table = Table::default();
    for (revision, backends) in REVISIONS {
        let bare = bench.bare(revision)?;
        table.add(Row::new("bare", revision, &bare, &bare));
        for backend in backends {
            for time in 1..=times {
                for shows in [Shows::Nothing, Shows::Tokens] {
                    let behind = bench.behind(*backend, revision, time, shows)?;
                    let target = format!("{} behind Interlock{} ({time})", backend.name(), shows.words());
                    table.add(Row::new(&target, revision, &behind, &bare));
                }
            }
        }
    }
    for (revision, scenarios) in CLIENT {
        let client = bench.client(revision, scenarios)?;
        table.add(Row::new("Interlock as the client", revision, &client, &client));
    }
    table.print();
    Ok(if table.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How the server is spoken to.
#[derive(Clone, Copy)]
enum Backend {
    /// As before 2026-07-28: it speaks no newer revision.
    Legacy,
    /// In whichever era the client prefers.
    Modern,
}

impl Backend {
    fn name(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Modern => "modern",
        }
    }
}

/// What the suite shows to Interlock.
#[derive(Clone, Copy, PartialEq)]
enum Shows {
    /// Nothing: whoever comes is let in.
    Nothing,
    /// A token with each request, whose scopes are looked at for each call.
    Tokens,
}

impl Shows {
    fn words(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Tokens => ", with tokens",
        }
    }

    /// What Interlock is told, if this is where tokens come from.
    fn auth(issuer: &str) -> Value {
        let scopes = json!([{"tools": ["backend/*"], "scopes": ["tools"]}]);
        let audience = "https://gateway.example.com/mcp";
        json!({"jwt": {"issuer": issuer, "audience": audience, "required_scopes": ["mcp"], "scopes": scopes}})
    }
}

/// What the runs need.
struct Bench {
    suite: Suite,
    results: PathBuf,
    bin: PathBuf,
}

impl Bench {
    fn backend(&self, backend: Backend) -> Result<Running> {
        let mut command = Command::new(self.bin.join("conformance-server"));
        match backend {
            Backend::Legacy => command.arg("--legacy"),
            Backend::Modern => &mut command,
        };
        // Its standard input is how it hears that we are gone.
        command.stdin(Stdio::piped());
        Running::start(&mut command, "")
    }

    fn bare(&self, revision: &str) -> Result<Checks> {
        let backend = self.backend(Backend::Modern)?;
        let results = self.results.join(format!("bare-{revision}"));
        self.suite.server(backend.url(), revision, &results)?;
        Checks::read(&results)
    }

    fn behind(&self, backend: Backend, revision: &str, time: u32, shows: Shows) -> Result<Checks> {
        let with = if shows == Shows::Tokens { "-with-tokens" } else { "" };
        let results = self.results.join(format!("{}-behind-{revision}{with}-{time}", backend.name()));
        let backend = self.backend(backend)?;
        let house = results.join("house");
        fs::create_dir_all(&house).with_context(|| format!("cannot make {}", house.display()))?;
        let mut config = json!({"mcpServers": {"backend": {"url": backend.url(), "prefix": ""}}});
        let mut way = match shows {
            Shows::Nothing => None,
            Shows::Tokens => {
                let mut command = Command::new(self.bin.join("conformance-signed"));
                Some(Running::start(command.stdin(Stdio::piped()), "")?)
            }
        };
        if let (Some(way), Some(config)) = (&way, config.as_object_mut()) {
            config.insert("auth".to_owned(), Shows::auth(way.url()));
        }
        fs::write(house.join("interlock.json"), format!("{config:#}"))?;
        let mut door = self.interlock(&house);
        door.args(["serve", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).stdin(Stdio::null());
        let door = Running::start(&mut door, "interlock serves MCP at ")?;
        let checks = results.join("checks");
        let url = match &mut way {
            None => door.url().to_owned(),
            Some(way) => {
                way.tell(door.url())?;
                format!("{}/mcp", way.url())
            }
        };
        self.suite.server(&url, revision, &checks)?;
        door.stop()?;
        journal::check(|| self.interlock(&house)).with_context(|| format!("in {}", house.display()))?;
        Checks::read(&checks)
    }

    fn client(&self, revision: &str, scenarios: &[&str]) -> Result<Checks> {
        let results = self.results.join(format!("client-{revision}"));
        for scenario in scenarios {
            let results = results.join(scenario);
            self.suite.client(&self.bin.join("conformance-client"), scenario, revision, &results)?;
            // Each must have been run.
            Checks::read(&results)?;
        }
        Checks::read(&results)
    }

    fn interlock(&self, house: &Path) -> Command {
        let mut command = Command::new(self.bin.join("interlock"));
        command.current_dir(house).env("INTERLOCK_CACHE_DIR", self.results.join("components"));
        command
    }
}
