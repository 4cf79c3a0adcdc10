//! From a cargo package to a component.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value;
use wit_component::ComponentEncoder;

use crate::{GuestError, Toolchain};

/// A core module that cargo made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// The package that it was made of.
    pub package: String,
    /// Where it lies.
    pub file: PathBuf,
}

/// Has cargo bring the modules of a folder up to date; also those that were so already are in the list. They come to lie
/// below `target`, or where cargo would put them. Cargo's messages go to standard error.
///
/// # Errors
/// If cargo cannot be started, or the folder does not build.
pub fn compile(toolchain: &Toolchain, dir: &Path, target: Option<&Path>) -> Result<Vec<Module>, GuestError> {
    let mut command = toolchain.build(target);
    command.arg("--message-format=json-render-diagnostics").current_dir(dir).stdout(Stdio::piped());
    let program = command.get_program().display().to_string();
    let mut cargo = command.spawn().map_err(|source| GuestError::Start { program: program.clone(), source })?;
    let mut modules = Vec::new();
    for line in cargo.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines) {
        let line = line.map_err(|error| GuestError::Messages(error.to_string()))?;
        let message = serde_json::from_str(&line).map_err(|error| GuestError::Messages(error.to_string()))?;
        modules.extend(module(&message));
    }
    let done = cargo.wait().map_err(|source| GuestError::Start { program, source })?;
    if done.success() { Ok(modules) } else { Err(GuestError::Build) }
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

/// The component that a module is wrapped as.
///
/// # Errors
/// If its file cannot be read, or it was not made for a world of the plugin interface.
pub fn wrap(module: &Module) -> Result<Vec<u8>, GuestError> {
    let bytes = fs::read(&module.file).map_err(|source| GuestError::File { path: module.file.clone(), source })?;
    let encoded = ComponentEncoder::default().module(&bytes).and_then(|encoder| encoder.validate(true).encode());
    encoded.map_err(|error| GuestError::NotAComponent { package: module.package.clone(), reason: format!("{error:#}") })
}

/// Replaces a file in one step, so that nobody reads half of it; whether that was necessary. The same bytes leave it
/// untouched, so that whoever embeds or watches it is not disturbed.
///
/// # Errors
/// If it cannot be written.
pub fn write_if_changed(file: &Path, bytes: &[u8]) -> Result<bool, GuestError> {
    if fs::read(file).is_ok_and(|old| old == bytes) {
        return Ok(false);
    }
    let fresh = file.with_extension("wasm.new");
    let folder = file.parent().map_or(Ok(()), fs::create_dir_all);
    folder
        .and_then(|()| fs::write(&fresh, bytes))
        .and_then(|()| fs::rename(&fresh, file))
        .map_err(|source| GuestError::File { path: file.to_owned(), source })?;
    Ok(true)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_wasm_library_in_cargos_messages_is_a_module() {
        let message = |kind: &str, file: &str| {
            json!({"reason": "compiler-artifact", "target": {"name": "interlock_policy_a", "crate_types": [kind]},
                   "filenames": [file]})
        };
        let found = module(&message("cdylib", "/t/a.wasm"));
        let wanted = Module { package: "interlock-policy-a".to_owned(), file: "/t/a.wasm".into() };
        assert_eq!(found, Some(wanted));
        assert!(module(&message("lib", "/t/a.rlib")).is_none());
        assert!(module(&message("cdylib", "/t/liba.so")).is_none());
        assert!(module(&json!({"reason": "build-finished", "success": true})).is_none());
    }

    #[test]
    fn the_same_bytes_leave_a_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("faults/a.wasm");
        assert!(write_if_changed(&file, b"one").unwrap());
        assert!(!write_if_changed(&file, b"one").unwrap());
        assert!(write_if_changed(&file, b"two").unwrap());
        assert_eq!(fs::read(&file).unwrap(), b"two");
    }
}
