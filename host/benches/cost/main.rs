//! What Interlock costs, each figure beside a baseline of the same run. For whoever decides if it is quick enough.
//!
//! `cargo xtask bench [-- [sandbox] [ledger] [scopes] [gateway] [house] [keys] [swap] [--full] [--json FILE]]`.
//! Prints Markdown tables.

mod echo;
mod gateway;
mod house;
mod keys;
mod ledger;
mod load;
mod measure;
mod proxy;
mod sandbox;
mod scopes;
mod swap;
mod table;

use std::{fs, io::Write as _, net::SocketAddr, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};

use self::table::Table;

/// What is to be measured, and for how long.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only these parts.
    parts: Vec<Part>,
    /// Longer runs.
    #[arg(long)]
    full: bool,
    /// Keeps the figures here too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Is the MCP server that the gateway is measured with.
    #[arg(long, hide = true)]
    echo: bool,
    /// Is a proxy without anything to do, in front of this server.
    #[arg(long, hide = true, value_name = "ADDRESS")]
    proxy: Option<SocketAddr>,
    /// What cargo says.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Sandbox,
    Ledger,
    Scopes,
    Gateway,
    House,
    Keys,
    Swap,
}

fn main() -> Result<()> {
    let asked = Arguments::parse();
    let parts = if asked.parts.is_empty() { Part::value_variants() } else { &asked.parts };
    if asked.echo || asked.proxy.is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        return runtime.block_on(async {
            match asked.proxy {
                Some(server) => proxy::proxy(server).await,
                None => echo::echo().await,
            }
        });
    }
    // One thread: the sandbox and the ledger are measured on it, and the gateway's client needs no more.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut tables = Vec::new();
    for part in parts {
        let one = |table| vec![table];
        let made = runtime.block_on(async {
            match part {
                Part::Sandbox => sandbox::measure(asked.full).await.map(one),
                Part::Ledger => ledger::measure(asked.full).await.map(one),
                Part::Scopes => scopes::measure(asked.full).await.map(one),
                Part::Gateway => gateway::measure(asked.full).await.map(one),
                Part::House => house::measure(asked.full).await.map(one),
                Part::Keys => keys::measure(asked.full).await.map(one),
                Part::Swap => swap::measure(asked.full).await,
            }
        });
        for table in made.with_context(|| format!("{part:?} could not be measured"))? {
            write!(std::io::stdout().lock(), "{table}\n\n")?;
            tables.push(table);
        }
    }
    if let Some(path) = asked.json {
        let all: Vec<_> = tables.iter().map(Table::to_json).collect();
        fs::write(&path, serde_json::to_string_pretty(&all)?).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
