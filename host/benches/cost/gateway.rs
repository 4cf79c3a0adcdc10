//! What the gateway adds to a call over HTTP: the same client and the same server, with and without Interlock between.

use std::{fs, net::SocketAddr, path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
};

use crate::{
    load::{Seen, drive, once},
    measure::{Disk, Samples},
    table::Table,
};

const CALLERS: [usize; 3] = [1, 8, 32];

/// Measures the server alone, and behind a gateway without policies and with five, with either durability.
pub(crate) async fn measure(full: bool) -> Result<Table> {
    let (warm, counted) = (Duration::from_millis(500), Duration::from_secs(if full { 15 } else { 3 }));
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let (mut writes, mut disk) = (Samples::default(), Disk::new(folder.path())?);
    for _ in 0..300 {
        writes.push(disk.write()?);
    }
    let disk = writes.median();
    let server = Echo::start().await?;
    let echo = server.address;
    let mut table = Table::new(
        format!("Gateway: one `tools/call` over HTTP (a disk write of 4 KiB takes {disk:.0} µs here)"),
        &[
            "What",
            "callers",
            "p50, µs",
            "p99, µs",
            "calls/s",
            "p50 added, µs",
            "p50 beside direct",
            "p50 beside empty",
            "calls/s beside empty",
        ],
    );
    let mut direct = Vec::new();
    for callers in CALLERS {
        let Seen { mut latency, per_second } = drive(echo, "act", callers, warm, counted).await?;
        let p50 = latency.median();
        direct.push(p50);
        table.row([json!("direct"), json!(callers), json!(p50), json!(latency.percentile(99.0)), json!(per_second)]);
    }
    let (_proxy, proxy) = started(
        Command::new(std::env::current_exe()?)
            .args(["--proxy", &echo.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped()),
        |child| child.stdout.take(),
    )
    .await?;
    let mut empty = Vec::new();
    for (callers, direct) in CALLERS.into_iter().zip(&direct) {
        let Seen { mut latency, per_second } = drive(proxy, "act", callers, warm, counted).await?;
        let p50 = latency.median();
        empty.push((p50, per_second));
        table.row([
            json!("an empty proxy on rmcp"),
            json!(callers),
            json!(p50),
            json!(latency.percentile(99.0)),
            json!(per_second),
            json!(p50 - direct),
            json!(p50 / direct),
        ]);
    }
    for (durability, told) in [("before_call", "each call on disk first"), ("batched", "on disk within 50 ms")] {
        for (count, policies) in [(0, json!([])), (5, policies())] {
            let folder = tempfile::tempdir_in(folder.path())?;
            let (_gateway, gateway) = gateway(folder.path(), echo, durability, &policies).await?;
            once(gateway, "bench__check").await?;
            for ((callers, direct), (slow, rate)) in CALLERS.into_iter().zip(&direct).zip(&empty) {
                let Seen { mut latency, per_second } = drive(gateway, "bench__act", callers, warm, counted).await?;
                let p50 = latency.median();
                let p99 = latency.percentile(99.0);
                table.row([
                    json!(format!("{count} policies, {told}")),
                    json!(callers),
                    json!(p50),
                    json!(p99),
                    json!(per_second),
                    json!(p50 - direct),
                    json!(p50 / direct),
                    json!(p50 / slow),
                    json!(per_second / rate),
                ]);
            }
        }
    }
    Ok(table)
}

/// The MCP server that stands behind a gateway. Ends when dropped.
pub(crate) struct Echo {
    _process: Child,
    pub(crate) address: SocketAddr,
}

impl Echo {
    pub(crate) async fn start() -> Result<Self> {
        let (_process, address) = started(
            Command::new(std::env::current_exe()?).arg("--echo").stdin(Stdio::piped()).stdout(Stdio::piped()),
            |child| child.stdout.take(),
        )
        .await?;
        Ok(Self { _process, address })
    }
}

/// Five policies of the standard ones, all of which look at every call and let it through.
pub(crate) fn policies() -> Value {
    json!([
        {"name": "order", "component": "sequence",
         "settings": {"rules": [{"tools": ["bench/act"], "after": ["bench/check"]}]}},
        {"name": "who", "component": "allow-list",
         "settings": {"rules": [{"effect": "allow", "tools": ["bench/*"]}]}},
        {"name": "tested", "component": "condition",
         "settings": {"rules": [{"tools": ["bench/act"], "reason": "Check first.",
            "require": {"outcome_of": "bench/check", "is": "succeeded"}}]}},
        {"name": "not-too-long", "component": "condition",
         "settings": {"rules": [{"tools": ["bench/*"], "reason": "Say something.",
            "require": {"argument": "/text", "op": "exists", "value": true}}]}},
        {"name": "few", "component": "approval",
         "settings": {"rules": [{"tools": ["bench/act"], "when": {"argument": "/amount", "op": ">", "value": 100}}]}},
    ])
}

/// A gateway with a journal of its own, in front of one server by the name `bench`.
pub(crate) async fn gateway(
    folder: &Path,
    server: SocketAddr,
    durability: &str,
    policies: &Value,
) -> Result<(Child, SocketAddr)> {
    gateway_to("bench", folder, server, durability, policies).await
}

/// The same, by a name of its own.
pub(crate) async fn gateway_to(
    name: &str,
    folder: &Path,
    server: SocketAddr,
    durability: &str,
    policies: &Value,
) -> Result<(Child, SocketAddr)> {
    let config = folder.join("interlock.json");
    let settings = json!({
        "mcpServers": {name: {"url": format!("http://{server}/mcp")}},
        "policies": policies,
        "journal": {"url": "sqlite:interlock.db", "mirror_dir": null, "durability": durability},
        // All callers are one address.
        "limits": {"requests_per_second": 1_000_000},
    });
    fs::write(&config, settings.to_string())?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlock"));
    command
        .args(["serve", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--config"])
        .arg(config)
        .env("INTERLOCK_CACHE_DIR", folder);
    started(command.stdin(Stdio::null()).stderr(Stdio::piped()), |child| child.stderr.take()).await
}

/// Starts a server, and reads at the end of a line where it listens. Ends with the child's handle.
async fn started<R: AsyncRead + Unpin + Send + 'static>(
    command: &mut Command,
    says: impl FnOnce(&mut Child) -> Option<R>,
) -> Result<(Child, SocketAddr)> {
    let mut child = command.kill_on_drop(true).spawn().with_context(|| format!("{command:?}"))?;
    let mut lines = BufReader::new(says(&mut child).context("it says nothing")?).lines();
    let mut said = String::new();
    while let Some(line) = lines.next_line().await? {
        let address = line.trim_end_matches("/mcp").rsplit([' ', '/']).next().and_then(|end| end.parse().ok());
        if let Some(address) = address {
            // Read on, or the server would wait for somebody to read what it says.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok((child, address));
        }
        said = said + &line + "\n";
    }
    bail!("the server did not start:\n{said}")
}
