//! What a gateway takes of its machine: until its first answer, in memory, on disk.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::process::Child;

use crate::{
    gateway::{Echo, gateway, policies},
    load::{drive, once},
    measure::Samples,
    table::Table,
};

/// Connections that call at once.
const CALLERS: usize = 32;

/// Measures a start with everything compiled, the memory after very many calls, and the bytes on disk of each.
pub(crate) async fn measure(full: bool) -> Result<Table> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let echo = Echo::start().await?;
    let mut table = Table::new("House: what a gateway takes", &["What", "figure", "unit", "beside", "ratio", "aim"]);

    let (mut started, mut bare) = (Samples::default(), Samples::default());
    // The first one compiles.
    for run in 0..if full { 31 } else { 11 } {
        let begun = Instant::now();
        let (_gateway, at) = gateway(folder.path(), echo.address, "before_call", &policies()).await?;
        once(at, "bench__check").await?;
        let with = begun.elapsed();
        let begun = Instant::now();
        let another = Echo::start().await?;
        once(another.address, "check").await?;
        if run > 0 {
            started.push(with.as_secs_f64() * 1e3);
            bare.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    let (started, bare) = (started.median(), bare.median());
    table.row([
        json!("start to first answered call, 5 policies"),
        json!(started),
        json!("ms"),
        json!(format!("the server behind it: {bare:.1}")),
        json!(started / bare),
        json!("≤ 150"),
    ]);

    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let (process, at) = gateway(folder.path(), echo.address, "batched", &policies()).await?;
    let calls = calls(at, if full { 50_000 } else { 10_000 }).await?;
    // As it is on disk once SQLite has moved everything into its file.
    drop(process);
    let bytes = moved(folder.path()).await? as f64;
    table.row([
        json!(format!("the journal's file after {calls} calls of 200 B, 5 policies, for each")),
        json!(bytes / calls as f64),
        json!("B"),
        Value::Null,
        Value::Null,
        json!("≤ 2048"),
    ]);

    let mut ten = policies();
    let doubled: Vec<Value> = ten.as_array().into_iter().flatten().cloned().map(renamed).collect();
    if let Some(all) = ten.as_array_mut() {
        all.extend(doubled);
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    // The first one compiles, which leaves its own marks in memory.
    drop(gateway(folder.path(), echo.address, "batched", &ten).await?);
    let (process, at) = gateway(folder.path(), echo.address, "batched", &ten).await?;
    let half = if full { 50_000 } else { 10_000 };
    let before = self::calls(at, half).await?;
    let then = resident(&process)?;
    let after = before + self::calls(at, half).await?;
    let now = resident(&process)?;
    table.row([
        json!(format!("resident memory after {after} calls, 10 policies")),
        json!(now),
        json!("MiB"),
        json!(format!("after {before}: {then:.1}")),
        json!(now / then),
        json!("≤ 60"),
    ]);
    Ok(table)
}

/// The same policy under another name.
fn renamed(mut policy: Value) -> Value {
    if let Some(name) = policy.get_mut("name") {
        *name = json!(format!("{}-too", name.as_str().unwrap_or_default()));
    }
    policy
}

/// Has so many calls made, or a few more. How many it were.
async fn calls(at: SocketAddr, least: usize) -> Result<usize> {
    once(at, "bench__check").await?;
    let mut made = 1;
    while made < least {
        made += drive(at, "bench__act", CALLERS, Duration::ZERO, Duration::from_secs(1)).await?.latency.len();
    }
    Ok(made)
}

/// Resident memory in MiB, as Linux tells it.
fn resident(process: &Child) -> Result<f64> {
    let pid = process.id().context("the gateway has ended")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    let kib: f64 = kib.context("the kernel does not tell")?;
    Ok(kib / 1024.0)
}

/// Bytes of the journal's file once nothing is left beside it.
async fn moved(folder: &Path) -> Result<u64> {
    let file = folder.join("interlock.db");
    // Whoever closes it last moves what is left.
    let settings = json!({"mcpServers": {}, "journal": {"url": "sqlite:interlock.db", "mirror_dir": null}});
    fs::write(folder.join("idle.json"), settings.to_string())?;
    let mut ending = tokio::process::Command::new(env!("CARGO_BIN_EXE_interlock"));
    ending.args(["calls", "list", "--config"]).arg(folder.join("idle.json")).stdout(std::process::Stdio::null());
    anyhow::ensure!(ending.status().await?.success(), "the journal could not be closed");
    Ok(fs::metadata(&file)?.len())
}
