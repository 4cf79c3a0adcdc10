//! `interlock plugin push`: puts a component into a registry.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::{
    cli::{
        arguments::Global,
        error::{Failure, Kind},
        output::{print, print_json},
        running::block_on,
    },
    kit,
    registry::Reference,
};

#[derive(Debug, Args)]
pub(super) struct Push {
    /// The component.
    file: PathBuf,
    /// Where it goes, as oci://host/repository:tag.
    to: String,
    /// Signs it with this secret key. Without, signatures beside it (FILE.sig) go with it.
    #[arg(long, value_name = "NAME.key")]
    key: Option<PathBuf>,
}

/// Pushes, and prints the reference by which it will always be the same.
pub(super) fn run(global: &Global, asked: &Push) -> Result<(), Failure> {
    let to = reference(&asked.to)?;
    block_on(async {
        let pinned = kit::push(&asked.file, asked.key.as_deref(), &to).await?.to_string();
        if global.json { print_json(&json!({ "reference": pinned })) } else { print(&format!("{pinned}\n")) }
    })
}

/// A reference as it was typed.
pub(super) fn reference(typed: &str) -> Result<Reference, Failure> {
    typed.parse().map_err(|error| Failure::new(Kind::Usage, format!("`{typed}` {error}")))
}
