//! Installing what is missing on this machine, where that is allowed: as root on Debian and its descendants.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Installs packages if that is allowed here, saying why; whether it did.
pub(crate) fn install(packages: &[&str], why: &str) -> Result<bool> {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let debian = release.lines().any(|line| {
        let (key, value) = line.split_once('=').unwrap_or_default();
        ["ID", "ID_LIKE"].contains(&key) && value.trim_matches('"').split(' ').any(|id| id == "debian")
    });
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.trim_ascii() == b"0");
    if !debian || !root {
        return Ok(false);
    }
    eprintln!("{why}; installing Debian's: {}", packages.join(" "));
    let install = ["install", "--yes", "--no-install-recommends"].iter().chain(packages);
    for arguments in [vec!["update"], install.copied().collect()] {
        let mut apt = Command::new("apt-get");
        apt.args(&arguments).env("DEBIAN_FRONTEND", "noninteractive").stdout(std::io::stderr());
        let status = apt.status().context("cannot start apt-get")?;
        if !status.success() {
            bail!("`apt-get {}` failed", arguments.join(" "));
        }
    }
    Ok(true)
}

/// Whether a command is there and ends well. What it says is not shown.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
