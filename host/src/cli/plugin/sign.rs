//! `interlock plugin sign`: signs a component.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::{
    cli::{
        arguments::Global,
        error::Failure,
        output::{print, print_json},
        running::block_on,
    },
    kit,
};

#[derive(Debug, Args)]
pub(super) struct Sign {
    /// The component.
    file: PathBuf,
    /// The secret key.
    #[arg(long, value_name = "NAME.key")]
    key: PathBuf,
    /// Where the signature goes; beside the component, as FILE.sig, unless given.
    #[arg(long, value_name = "FILE.sig")]
    out: Option<PathBuf>,
}

/// Signs, and says where the signature is.
pub(super) fn run(global: &Global, asked: &Sign) -> Result<(), Failure> {
    block_on(async {
        let (path, signer) = kit::sign(&asked.file, &asked.key, asked.out.as_deref()).await?;
        let path = path.display();
        if global.json {
            return print_json(&json!({ "signature": path.to_string(), "key": signer.to_string() }));
        }
        print(&format!("{path}: signed by key {signer}\n"))
    })
}
