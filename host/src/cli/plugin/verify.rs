//! `interlock plugin verify`: checks who has signed a component.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::{
    cli::{
        arguments::Global,
        error::{Failure, Kind},
        output::{print, print_json},
        running::{block_on, configuration},
    },
    config::Problems,
    kit::{self, KitError},
    trust::PublicKey,
};

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The component.
    file: PathBuf,
    /// A public key that may have signed it, several times; those of the configuration unless given.
    #[arg(long, value_name = "NAME.pub")]
    key: Vec<PathBuf>,
    /// Where its signature is; beside it, as FILE.sig, unless given.
    #[arg(long, value_name = "FILE.sig")]
    signature: Option<PathBuf>,
}

/// Tells who has signed it, or fails.
pub(super) fn run(global: &Global, asked: &Verify) -> Result<(), Failure> {
    block_on(async {
        let keys = if asked.key.is_empty() { configured(global)? } else { named(&asked.key)? };
        let signer = kit::check(&asked.file, asked.signature.as_deref(), &keys).await?;
        let file = asked.file.display();
        if global.json {
            return print_json(&json!({ "component": file.to_string(), "key": signer.to_string() }));
        }
        print(&format!("{file}: signed by key {signer}\n"))
    })
}

fn named(paths: &[PathBuf]) -> Result<Vec<PublicKey>, KitError> {
    paths.iter().map(|path| Ok(PublicKey::read(path)?)).collect()
}

fn configured(global: &Global) -> Result<Vec<PublicKey>, Failure> {
    let config = configuration(global)?;
    let keys = config
        .trust
        .keys()
        .map_err(|wrong| Problems(wrong.iter().map(|(number, error)| config.key_problem(*number, error)).collect()))?;
    if keys.is_empty() {
        let none = Failure::new(Kind::Usage, "no key to check it with: the configuration trusts none");
        return Err(none.hint("name one with --key NAME.pub."));
    }
    Ok(keys)
}
