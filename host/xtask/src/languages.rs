//! `cargo xtask languages`: goes an author's way in every language by the real program, and prints what each costs.
//! Then the same for the example that is one rule in six, which it also runs before a gateway.

mod rule;
mod tools;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use self::{rule::Rule, tools::Tools};
use crate::{cargo, guests, layout::Layout};

/// A policy that says every word that the helper of its language has, and what must come of each.
const EVERY_WORD: [(&str, &str, &str); 2] = [
    ("python", "policy.py", include_str!("languages/every-word/policy.py")),
    ("javascript", "policy.js", include_str!("languages/every-word/policy.js")),
];
const EVERY_WORD_CASES: &str = include_str!("languages/every-word/cases.json");

/// Makes, builds, tests and measures. The exit code is 0 only if every case of every plugin comes out.
///
/// # Errors
/// Something could not be built or installed, or a plugin fails.
pub(crate) fn run(layout: &Layout, args: &[String]) -> Result<ExitCode> {
    let release = match args {
        [] => false,
        [flag] if flag == "--release" => true,
        _ => bail!("`languages` takes `--release` at most: a fast host, whose figures are those that users see"),
    };
    guests::build(layout, None)?;
    let mut build = layout.cargo("build");
    build.args(["--package", "interlock-host", "--bin", "interlock"]).args(release.then_some("--release"));
    let built = cargo::run(&mut build)?;
    if built != ExitCode::SUCCESS {
        return Ok(built);
    }
    let folder = layout.target.join("languages");
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let author = Author {
        program: layout.target.join(if release { "release" } else { "debug" }).join("interlock"),
        target: layout.guests(),
        tools: Tools::installed()?,
        folder,
    };
    let mut rows = Vec::new();
    for language in ["rust", "python", "javascript"] {
        for kind in ["policy", "toolset"] {
            let name = format!("{language}-{kind}");
            author.new_folder(&name, language, kind)?;
            rows.push(author.try_out(&name)?);
        }
    }
    for (language, file, text) in EVERY_WORD {
        let name = format!("{language}-every-word");
        author.new_folder(&name, language, "policy")?;
        fs::write(author.folder.join(&name).join(file), text)?;
        fs::write(author.folder.join(&name).join("cases.json"), EVERY_WORD_CASES)?;
        rows.push(author.try_out(&name)?);
    }
    let rule = Rule::try_out(&author, layout)?;
    // A fast host is for figures; the tests are compiled as all tests are.
    let run = if release { ExitCode::SUCCESS } else { rule.behind_a_gateway(layout)? };
    eprintln!(
        "{:22} {:>9} {:>9} {:>15} {:>11} {:>9} {:>7}",
        "PLUGIN", "SIZE KiB", "LOAD MS", "ISOLATION", "MEDIAN µs", "P99 µs", "MEM KiB"
    );
    rows.iter().for_each(|row| eprintln!("{row}"));
    eprintln!("\nexamples/refund-limit:\n{}", rule.table());
    Ok(run)
}

/// Who writes plugins.
struct Author {
    program: PathBuf,
    target: PathBuf,
    tools: Tools,
    folder: PathBuf,
}

impl Author {
    fn new_folder(&self, name: &str, language: &str, kind: &str) -> Result<()> {
        self.interlock(&["plugin", "new", name, "--lang", language, "--kind", kind])?;
        Ok(())
    }

    /// Builds, tests and measures one; a line of the table.
    fn try_out(&self, name: &str) -> Result<String> {
        self.interlock(&["plugin", "build", name])?;
        self.interlock(&["plugin", "test", name]).with_context(|| format!("`{name}` fails"))?;
        let bench = self.json(&["plugin", "bench", name, "--json"])?;
        let component = format!("{name}/{name}.wasm");
        let looked = self.json(&["plugin", "inspect", &component, "--json"])?;
        let isolation = bench.get("isolation").and_then(Value::as_str).unwrap_or_default();
        Ok(format!(
            "{name:22} {:>9.0} {:>9.0} {isolation:>15} {:>11.1} {:>9.1} {:>7.0}",
            number(&looked, "/bytes") / 1024.0,
            number(&looked, "/running/load_ms"),
            number(&bench, "/median_us"),
            number(&bench, "/p99_us"),
            number(&bench, "/memory_bytes") / 1024.0,
        ))
    }

    fn json(&self, arguments: &[&str]) -> Result<Value> {
        serde_json::from_str(&self.interlock(arguments)?).context("what interlock says is no JSON")
    }

    /// Runs the program in the folder; what it says on standard output.
    fn interlock(&self, arguments: &[&str]) -> Result<String> {
        eprintln!("interlock {}", arguments.join(" "));
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null()).stderr(Stdio::inherit());
        command.env("INTERLOCK_CACHE_DIR", self.folder.join("cache")).env("CARGO_TARGET_DIR", &self.target);
        command.env("PATH", self.tools.path()).env_remove("INTERLOCK_CONFIG");
        let output = command.output().with_context(|| format!("cannot start {}", self.program.display()))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            bail!("`interlock {}` failed\n{said}", arguments.join(" "));
        }
        Ok(said)
    }
}

/// A figure in what interlock says.
fn number(found: &Value, pointer: &str) -> f64 {
    found.pointer(pointer).and_then(Value::as_f64).unwrap_or_default()
}

/// The versions that `interlock plugin new` writes down.
fn pinned(root: &Path, file: &str) -> Result<String> {
    let path = root.join(file);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}
