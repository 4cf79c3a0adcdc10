//! Embeds the standard plugins, and what `interlock plugin new` makes folders of.
//!
//! `standard_plugins.rs` gets `STANDARD`, the name and bytes of each component. They are what `cargo xtask plugins` left in `plugins/` of cargo's target folder; `INTERLOCK_PLUGINS_DIR` names another
//! folder. The host builds without them too (with a warning), so that `cargo check` works in a fresh checkout.
//!
//! `kit_files.rs` gets `FILES`, the path and text of each file: `templates/…`, and what plugins are made with, as it lies
//! in this repository: the SDK and the crate that it needs, in a workspace of their own, as `vendor/…`; the interface as
//! `wit/…`; the helpers for other languages; the lock file; and the standard plugins' cases as `cases/NAME.json`.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Crates of the plugins' workspace that a plugin elsewhere needs.
const VENDORED: [&str; 3] = ["cases", "glob", "sdk"];

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    embed_plugins(&out)?;
    embed_kit(&out)
}

fn embed_plugins(out: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-env-changed=INTERLOCK_PLUGINS_DIR");
    let dir = match env::var_os("INTERLOCK_PLUGINS_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => target_dir(out)?.join("plugins"),
    };
    // Cargo takes a watched path that does not exist for changed, every time.
    fs::create_dir_all(&dir)?;
    let dir = dir.canonicalize()?;
    println!("cargo:rerun-if-changed={}", dir.display());

    let mut components = Vec::new();
    for entry in fs::read_dir(&dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            println!("cargo:rerun-if-changed={}", path.display());
            components.push(path);
        }
    }
    components.sort_by(|left, right| left.file_stem().cmp(&right.file_stem()));
    if components.is_empty() {
        let dir = dir.display();
        println!("cargo:warning=no standard plugins in {dir}: run `cargo xtask plugins`, then build again");
    }

    let mut code = String::from("static STANDARD: &[(&str, &[u8])] = &[\n");
    for path in &components {
        let (Some(name), Some(file)) = (path.file_stem().and_then(|name| name.to_str()), path.to_str()) else {
            return Err(format!("{} is not UTF-8", path.display()).into());
        };
        writeln!(code, "    ({name:?}, include_bytes!({file:?})),")?;
    }
    code.push_str("];\n");
    fs::write(out.join("standard_plugins.rs"), code)?;
    Ok(())
}

/// Cargo's target folder: `OUT_DIR` lies at `TARGET_DIR[/TRIPLE]/PROFILE/build/…`, however the folder was chosen.
fn target_dir(out: &Path) -> Result<&Path, Box<dyn Error>> {
    let build = out.ancestors().find(|dir| dir.ends_with("build"));
    let above = build.and_then(Path::parent).and_then(Path::parent).ok_or("OUT_DIR is not in a target folder")?;
    let triple = env::var("TARGET")?;
    let target = if above.ends_with(&triple) { above.parent() } else { Some(above) };
    Ok(target.ok_or("OUT_DIR is not in a target folder")?)
}

fn embed_kit(out: &Path) -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let plugins = root.join("plugins");
    let mut files = Vec::new();
    find(&root.join("host/templates"), "templates", &mut files)?;
    find(&root.join("wit"), "wit", &mut files)?;
    for name in VENDORED {
        find(&plugins.join(name), &format!("vendor/{name}"), &mut files)?;
    }
    find(&plugins.join("python"), "python", &mut files)?;
    find(&plugins.join("javascript"), "javascript", &mut files)?;
    files.push(("Cargo.lock".to_owned(), plugins.join("Cargo.lock")));
    let kinds = [fs::read_dir(plugins.join("policies"))?, fs::read_dir(plugins.join("toolsets"))?];
    for plugin in kinds.into_iter().flatten() {
        let cases = plugin?.path().join("cases.json");
        if let Some(name) = cases.parent().and_then(Path::file_name).and_then(|name| name.to_str())
            && cases.is_file()
        {
            files.push((format!("cases/{name}.json"), cases));
        }
    }
    files.sort();
    let manifest = out.join("vendor_manifest.toml");
    fs::write(&manifest, vendored_manifest(&fs::read_to_string(plugins.join("Cargo.toml"))?)?)?;
    for folder in ["host/templates", "wit", "plugins"] {
        println!("cargo:rerun-if-changed={}", root.join(folder).display());
    }

    let mut code = String::from("static FILES: &[(&str, &str)] = &[\n");
    writeln!(code, "    (\"vendor/Cargo.toml\", include_str!({:?})),", manifest.display().to_string())?;
    for (name, path) in &files {
        writeln!(code, "    ({name:?}, include_str!({:?})),", path.to_str().ok_or("a path is not UTF-8")?)?;
    }
    code.push_str("];\n");
    fs::write(out.join("kit_files.rs"), code)?;
    Ok(())
}

/// Every file of a folder, each under the name that it gets.
fn find(folder: &Path, name: &str, files: &mut Vec<(String, PathBuf)>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let file = path.file_name().and_then(|file| file.to_str()).ok_or("a path is not UTF-8")?;
        let name = format!("{name}/{file}");
        if path.is_dir() {
            // What Python leaves where it runs.
            if file != "__pycache__" {
                find(&path, &name, files)?;
            }
        } else {
            files.push((name, path));
        }
    }
    Ok(())
}

/// The manifest of the plugins' workspace, with the vendored crates as its only members.
fn vendored_manifest(text: &str) -> Result<String, Box<dyn Error>> {
    let members =
        text.lines().find(|line| line.starts_with("members = [")).ok_or("plugins/Cargo.toml has no members")?;
    let vendored = format!("members = {VENDORED:?}");
    Ok(text.replacen(members, &vendored, 1))
}
