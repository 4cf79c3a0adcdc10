//! Embeds the standard plugins: writes `standard_plugins.rs` with `STANDARD`, the name and bytes of each component.
//!
//! They are what `cargo xtask plugins` left in `plugins/` of cargo's target folder; `INTERLOCK_PLUGINS_DIR` names another
//! folder. The host builds without them too (with a warning), so that `cargo check` works in a fresh checkout.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    println!("cargo:rerun-if-env-changed=INTERLOCK_PLUGINS_DIR");
    let dir = match env::var_os("INTERLOCK_PLUGINS_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => target_dir(&out)?.join("plugins"),
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
