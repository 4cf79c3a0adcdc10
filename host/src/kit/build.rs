//! Makes a component of a plugin's folder, whatever its language.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::SystemTime,
};

use interlock_guests::{GuestError, Toolchain, compile, wrap, write_if_changed};

use super::{KitError, Language, language::sources};

/// A component that was made.
#[derive(Clone, Debug)]
pub struct Built {
    /// Where it lies.
    pub path: PathBuf,
    /// Its size.
    pub bytes: usize,
    /// Whether it differs from what lay there before.
    pub changed: bool,
    /// What it was made of.
    pub language: Language,
}

/// Folders that hold no sources of the author's: what is built or installed, and what a run of Interlock leaves.
const NOT_SOURCES: [&str; 6] = ["target", "node_modules", "__pycache__", "venv", "env", "audit_logs"];

/// Where the component of a folder comes to lie unless it is told: in the folder, under the folder's name.
pub(super) fn component_of(folder: &Path) -> PathBuf {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = whole.file_name().and_then(|name| name.to_str()).unwrap_or("plugin");
    folder.join(format!("{name}.wasm"))
}

/// Whether the component is there and no source of the folder is newer than it.
pub(super) fn is_up_to_date(folder: &Path, component: &Path) -> bool {
    let written = |path: &Path| fs::metadata(path).and_then(|file| file.modified());
    written(component).is_ok_and(|built| newest(folder).is_some_and(|newest| newest <= built))
}

fn newest(folder: &Path) -> Option<SystemTime> {
    let mut newest = None;
    for entry in fs::read_dir(folder).ok()? {
        let path = entry.ok()?.path();
        let name = path.file_name()?.to_str()?;
        let time = if path.is_dir() {
            if name.starts_with('.') || NOT_SOURCES.contains(&name) {
                continue;
            }
            self::newest(&path)
        } else if is_no_source(name) {
            continue;
        } else {
            fs::metadata(&path).and_then(|file| file.modified()).ok()
        };
        newest = newest.max(time);
    }
    newest
}

/// Whether a file has no part in the component: cases, documents, and a configuration with the journal beside it.
fn is_no_source(name: &str) -> bool {
    let others = ["cases.json", "expected.json", "interlock.json"];
    let journal = name.starts_with("interlock.db");
    journal || name.starts_with('.') || others.contains(&name) || name.ends_with(".wasm") || name.ends_with(".md")
}

/// Builds the folder's component. Compilers talk on standard error.
///
/// # Errors
/// If the folder holds no plugin, its toolchain is not there, or it does not build.
pub fn build(folder: &Path, out: Option<&Path>) -> Result<Built, KitError> {
    let language = Language::of(folder)?;
    let path = out.map_or_else(|| component_of(folder), Path::to_owned);
    let component = match language {
        Language::Rust => rust(folder)?,
        Language::Python => python(folder)?,
        Language::JavaScript => javascript(folder)?,
    };
    let changed = write_if_changed(&path, &component)?;
    if !changed {
        // It is the component of the sources as they are now.
        let now = fs::File::options().append(true).open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        now.map_err(|source| KitError::File { path: path.clone(), source })?;
    }
    Ok(Built { path, bytes: component.len(), changed, language })
}

fn rust(folder: &Path) -> Result<Vec<u8>, KitError> {
    let modules = compile(&Toolchain::find()?, folder, None)?;
    match modules.as_slice() {
        [module] => Ok(wrap(module)?),
        several => Err(KitError::NotOneModule { found: several.len() }),
    }
}

fn python(folder: &Path) -> Result<Vec<u8>, KitError> {
    let module = match sources(folder, "py")?.as_slice() {
        [one] => one.file_stem().map(ToOwned::to_owned).unwrap_or_default(),
        several => return Err(ambiguous(several, "it is the only .py in its folder beside `interlock.py`")),
    };
    let places =
        [folder.join(".venv/bin"), env::var_os("VIRTUAL_ENV").map(PathBuf::from).unwrap_or_default().join("bin")];
    let tool = find("componentize-py", &places).ok_or_else(|| KitError::NoTool {
        tool: "componentize-py",
        install: format!(
            "in `{}`: `python3 -m venv .venv && .venv/bin/pip install -r requirements.txt`",
            folder.display()
        ),
    })?;
    let mut command = Command::new(tool);
    command.args(["--wit-path", "wit", "--world", "plugin", "componentize", "--stub-wasi"]).arg(module);
    componentize("componentize-py", command, folder)
}

fn javascript(folder: &Path) -> Result<Vec<u8>, KitError> {
    let main = fs::read(folder.join("package.json")).ok().and_then(|text| {
        let package: serde_json::Value = serde_json::from_slice(&text).ok()?;
        Some(package.get("main")?.as_str()?.to_owned())
    });
    let main = match (main, sources(folder, "js")?.as_slice()) {
        (Some(main), _) => PathBuf::from(main),
        (None, [one]) => one.file_name().map(PathBuf::from).unwrap_or_default(),
        (None, several) => return Err(ambiguous(several, "`main` in package.json tells")),
    };
    let tool = find("jco", &[folder.join("node_modules/.bin")]).ok_or_else(|| KitError::NoTool {
        tool: "jco",
        install: format!("in `{}`: `npm install`", folder.display()),
    })?;
    let mut command = Command::new(tool);
    command.arg("componentize").arg(main).args(["--wit", "wit", "--world-name", "plugin"]);
    // Small, and without WASI: nothing that a plugin would not get.
    command.args(["--backend", "qjs", "--backend-qjs-disable-async", "--backend-qjs-stub-wasi"]);
    componentize("jco", command, folder)
}

/// Runs a tool that writes a component to the file that `--output` or `-o` names.
fn componentize(tool: &'static str, mut command: Command, folder: &Path) -> Result<Vec<u8>, KitError> {
    let told = |source| KitError::File { path: folder.to_owned(), source };
    let out = tempfile::tempdir().map_err(told)?;
    let file = out.path().join("plugin.wasm");
    command.arg("-o").arg(&file).current_dir(folder).stdin(Stdio::null());
    // What it says is not the answer of the verb.
    command.stdout(std::io::stderr());
    let program = command.get_program().display().to_string();
    let done = command.status().map_err(|source| GuestError::Start { program, source })?;
    if !done.success() {
        return Err(KitError::Tool { tool });
    }
    fs::read(&file).map_err(|source| KitError::File { path: file, source })
}

/// An executable, first in these folders, then on the `PATH`; absolute.
fn find(program: &str, first: &[PathBuf]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = first.iter().cloned().chain(env::split_paths(&path));
    let found = folders.map(|folder| folder.join(program)).find(|file| file.is_file())?;
    std::path::absolute(found).ok()
}

fn ambiguous(found: &[PathBuf], how: &'static str) -> KitError {
    let name = |path: &PathBuf| path.file_name().map(|name| name.display().to_string()).unwrap_or_default();
    KitError::Ambiguous { found: found.iter().map(name).collect(), how }
}
