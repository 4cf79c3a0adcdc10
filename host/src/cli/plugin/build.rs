//! `interlock plugin build`: makes a component of a plugin's folder.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::{
    cli::{
        arguments::Global,
        error::Failure,
        output::{print, print_json},
    },
    kit,
};

#[derive(Debug, Args)]
pub(super) struct Build {
    /// The plugin's folder.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Where the component goes; into the folder, under its name, unless given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Builds, and says what came of it.
pub(super) fn run(global: &Global, asked: &Build) -> Result<(), Failure> {
    let built = kit::build(&asked.folder, asked.out.as_deref())?;
    let path = built.path.display();
    if global.json {
        return print_json(&json!({ "component": path.to_string(), "bytes": built.bytes, "changed": built.changed }));
    }
    let kib = built.bytes.div_ceil(1024);
    print(&format!("{path}: {kib} KiB{}\n", if built.changed { "" } else { ", as it was" }))
}
