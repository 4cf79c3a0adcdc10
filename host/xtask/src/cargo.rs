//! Cargo, started from cargo, as if it had been started by hand.

use std::env;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

/// The cargo that started xtask, without the variables that it set for xtask alone.
///
/// They would not change what is built, but some build scripts watch them, and so `cargo xtask test` and `cargo test`
/// would keep undoing each other's work.
pub(crate) fn command() -> Command {
    let mut command = Command::new(interlock_guests::cargo());
    let own = |name: &str| {
        ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix))
            || ["CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"].contains(&name)
    };
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(own) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs it to its end and hands its exit code on. It has told the user what went wrong, so a failure is no error here.
///
/// # Errors
/// It could not be started.
pub(crate) fn run(command: &mut Command) -> Result<ExitCode> {
    let status = command.status().with_context(|| format!("cannot start `{}`", command.get_program().display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}
