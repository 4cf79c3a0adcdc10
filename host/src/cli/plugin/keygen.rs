//! `interlock plugin keygen`: makes a pair of keys to sign components with.

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
pub(super) struct Keygen {
    /// What the files are called: NAME.key, which is yours alone, and NAME.pub.
    #[arg(long, value_name = "NAME")]
    out: PathBuf,
}

/// Makes the two files, and says which is for whom.
pub(super) fn run(global: &Global, asked: &Keygen) -> Result<(), Failure> {
    let pair = kit::generate(&asked.out)?;
    let (secret, public) = (pair.secret.display(), pair.public.display());
    if global.json {
        return print_json(&json!({
            "key": pair.key.id().to_string(), "secret": secret.to_string(), "public": public.to_string(),
        }));
    }
    print(&format!(
        "Key {}: {secret} signs, and is yours alone; hand out {public}.\n\
         Trust it in a configuration: \"trust\": {{\"keys\": [\"{public}\"]}}\n",
        pair.key.id()
    ))
}
