//! Builds the plugins and wraps each core module as a component, for the host to embed and for tests to load.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use interlock_guests::{DEBIAN_PACKAGES, GuestError, TARGET, Toolchain, compile, wrap, write_if_changed};

use crate::debian;
use crate::layout::Layout;

/// Builds all plugins, or those of one folder, into `TARGET/plugins`.
///
/// Standard plugins (policies and toolsets) come to lie there by name, other kinds in a folder each: `faults/`,
/// `examples/`. A file whose bytes would stay the same is not touched, so that whoever embeds it is not rebuilt.
///
/// # Errors
/// No toolchain, a plugin that does not compile, or one that is not a component of our world.
pub(crate) fn build(layout: &Layout, dir: Option<&Path>) -> Result<()> {
    let out = layout.target.join("plugins");
    let mut made = BTreeSet::new();
    let modules = compile(&toolchain()?, dir.unwrap_or(&layout.plugins), Some(&layout.guests()));
    for module in modules.context("the plugins do not build")? {
        let component = wrap(&module)?;
        let file = out.join(output_name(&module.package)?);
        if write_if_changed(&file, &component)? {
            eprintln!("  Component {} ({} KiB)", file.display(), component.len().div_ceil(1024));
        }
        made.insert(file);
    }
    if dir.is_none() { remove_stale(&out, &made) } else { Ok(()) }
}

/// A toolchain for the plugins; as root on Debian, its packages are installed where there is none.
fn toolchain() -> Result<Toolchain> {
    match Toolchain::find() {
        Err(missing @ GuestError::NoToolchain { debian: true }) => {
            let why = format!("No Rust here can build for {TARGET}");
            if debian::install(&DEBIAN_PACKAGES, &why)? { Ok(Toolchain::find()?) } else { Err(missing.into()) }
        }
        found => Ok(found?),
    }
}

/// Where a package's component goes: `interlock-policy-rate-limit` is the standard plugin `rate-limit`.
fn output_name(package: &str) -> Result<String> {
    let parts = package.strip_prefix("interlock-").and_then(|rest| rest.split_once('-'));
    let Some((kind, name)) = parts else {
        bail!("plugin package `{package}` should be named `interlock-KIND-NAME`, such as `interlock-policy-sequence`");
    };
    Ok(match kind {
        "policy" | "toolset" => format!("{name}.wasm"),
        other => format!("{other}s/{name}.wasm"),
    })
}

/// Removes components of plugins that are gone, here and one folder down, lest they be embedded for ever.
fn remove_stale(folder: &Path, made: &BTreeSet<PathBuf>) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            remove_stale(&path, made)?;
        } else if path.extension().is_some_and(|extension| extension == "wasm") && !made.contains(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_plugins_lie_by_name_and_other_kinds_in_a_folder_each() {
        for (package, file) in [
            ("interlock-policy-rate-limit", Some("rate-limit.wasm")),
            ("interlock-toolset-approval-desk", Some("approval-desk.wasm")),
            ("interlock-fault-spin", Some("faults/spin.wasm")),
            ("interlock-example-quiet-hours", Some("examples/quiet-hours.wasm")),
            ("rate-limit", None),
            ("interlock-plugin", None),
        ] {
            assert_eq!(output_name(package).ok().as_deref(), file, "{package}");
        }
    }

    #[test]
    fn components_that_nobody_made_are_removed() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("xtask-stale-{}", std::process::id()));
        let (kept, stale) = (folder.join("a.wasm"), folder.join("faults/b.wasm"));
        write_if_changed(&kept, b"one")?;
        write_if_changed(&stale, b"two")?;
        remove_stale(&folder, &BTreeSet::from([kept.clone()]))?;
        assert!(kept.exists() && !stale.exists());
        Ok(fs::remove_dir_all(folder)?)
    }
}
