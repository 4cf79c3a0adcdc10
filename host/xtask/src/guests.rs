//! Builds the plugins and wraps each core module as a component, for the host to embed and for tests to load.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use wit_component::ComponentEncoder;

use crate::layout::Layout;
use crate::toolchain::Toolchain;

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
    for module in compile(layout, dir.unwrap_or(&layout.plugins))? {
        let component = wrap(&module.file).with_context(|| format!("`{}` is not a component", module.package))?;
        let file = out.join(output_name(&module.package)?);
        if write_if_changed(&file, &component)? {
            eprintln!("  Component {} ({} KiB)", file.display(), component.len().div_ceil(1024));
        }
        made.insert(file);
    }
    if dir.is_none() { remove_stale(&out, &made) } else { Ok(()) }
}

/// A core module that cargo made.
struct Module {
    package: String,
    file: PathBuf,
}

/// Has cargo bring the modules up to date; also those that were so already are in the list.
fn compile(layout: &Layout, dir: &Path) -> Result<Vec<Module>> {
    let mut command = Toolchain::find()?.build(&layout.guests());
    command.arg("--message-format=json-render-diagnostics").current_dir(dir).stdout(Stdio::piped());
    let mut cargo = command.spawn().with_context(|| format!("cannot start `{}`", command.get_program().display()))?;
    let mut modules = Vec::new();
    for line in cargo.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines) {
        let message: Value = serde_json::from_str(&line?).context("cargo's messages are not JSON")?;
        modules.extend(module(&message));
    }
    if !cargo.wait()?.success() {
        bail!("the plugins do not build");
    }
    Ok(modules)
}

/// The module that one message of cargo's tells of, if it does.
fn module(message: &Value) -> Option<Module> {
    let target = message.get("target")?;
    if !target.get("crate_types")?.as_array()?.iter().any(|kind| kind == "cdylib") {
        return None;
    }
    let files = message.get("filenames")?.as_array()?;
    let file = files.iter().filter_map(Value::as_str).find(|file| file.ends_with(".wasm"))?;
    Some(Module { package: target.get("name")?.as_str()?.replace('_', "-"), file: file.into() })
}

fn wrap(module: &Path) -> Result<Vec<u8>> {
    ComponentEncoder::default().module(&fs::read(module)?)?.validate(true).encode()
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

/// Replaces the file in one step, so that nobody reads half of it; whether that was necessary.
fn write_if_changed(file: &Path, bytes: &[u8]) -> Result<bool> {
    if fs::read(file).is_ok_and(|old| old == bytes) {
        return Ok(false);
    }
    let fresh = file.with_extension("wasm.new");
    let folder = file.parent().context("a component without a folder")?;
    fs::create_dir_all(folder).and_then(|()| fs::write(&fresh, bytes)).and_then(|()| fs::rename(&fresh, file))?;
    Ok(true)
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
    use serde_json::json;

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
    fn only_a_wasm_library_in_cargos_messages_is_a_module() {
        let message = |kind: &str, file: &str| {
            json!({"reason": "compiler-artifact", "target": {"name": "interlock_policy_a", "crate_types": [kind]},
                   "filenames": [file]})
        };
        let found = module(&message("cdylib", "/t/a.wasm")).map(|module| (module.package, module.file));
        assert_eq!(found, Some(("interlock-policy-a".to_owned(), PathBuf::from("/t/a.wasm"))));
        assert!(module(&message("lib", "/t/a.rlib")).is_none());
        assert!(module(&message("cdylib", "/t/liba.so")).is_none());
        assert!(module(&json!({"reason": "build-finished", "success": true})).is_none());
    }

    #[test]
    fn the_same_bytes_leave_a_file_alone() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("xtask-write-{}", std::process::id()));
        let file = folder.join("faults/a.wasm");
        assert!(write_if_changed(&file, b"one")?);
        assert!(!write_if_changed(&file, b"one")?);
        assert!(write_if_changed(&file, b"two")?);
        assert_eq!(fs::read(&file)?, b"two");
        remove_stale(&folder, &BTreeSet::new())?;
        assert!(!file.exists());
        Ok(fs::remove_dir_all(folder)?)
    }
}
