//! `interlock plugin pull`: fetches a component from a registry.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::push::reference;
use crate::{
    cli::{
        arguments::Global,
        error::Failure,
        output::{print, print_json},
        running::{block_on, configuration},
    },
    kit,
};

#[derive(Debug, Args)]
pub(super) struct Pull {
    /// The component, as oci://host/repository:tag or pinned, as oci://host/repository@sha256:…
    from: String,
    /// Writes it into this file, its signatures beside it; else it is kept where the configuration's journal is, for
    /// gateways that name it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Pulls, and prints the reference by which it is always the same.
pub(super) fn run(global: &Global, asked: &Pull) -> Result<(), Failure> {
    let from = reference(&asked.from)?;
    block_on(async {
        let (pinned, signatures) = match &asked.out {
            Some(out) => kit::pull_into(&from, out).await?,
            None => (kit::pull(&from, &configuration(global)?.store()).await?, None),
        };
        let pinned = pinned.to_string();
        if global.json {
            let signatures = signatures.map(|path| path.display().to_string());
            return print_json(&json!({ "reference": pinned, "signatures": signatures }));
        }
        print(&format!("{pinned}\n"))
    })
}
