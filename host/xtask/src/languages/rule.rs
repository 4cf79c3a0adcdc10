//! `examples/refund-limit`: the rule that is written in every language, tested, run and measured in each.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Author, number};
use crate::{cargo, layout::Layout};

/// A language's name, its folder, and who makes the component.
const LANGUAGES: [(&str, &str, Made); 7] = [
    ("Rust", "rust", Made::ByPlugins("refund-limit")),
    ("Rust, without the SDK", "rust-without-sdk", Made::ByPlugins("refund-limit-without-sdk")),
    ("Python", "python", Made::Here),
    ("JavaScript", "javascript", Made::Here),
    ("Cedar", "cedar", Made::Standard),
    ("CEL", "cel", Made::Standard),
    ("Rego", "rego", Made::Standard),
];

/// How long each is measured.
const SECONDS: &str = "5";

const HEAD: &str = "\
| | component, KiB | memory, KiB | shared, KiB | median, µs | p99, µs | beside Rust | each call starts from |
|---|---:|---:|---:|---:|---:|---:|---|
";

/// How a component comes about.
#[derive(Clone, Copy)]
enum Made {
    /// `cargo xtask plugins` has made it of the example's folder, by this name.
    ByPlugins(&'static str),
    /// `interlock plugin test` makes it of a copy of the folder, as that of anybody who takes it over.
    Here,
    /// The language is a plugin that Interlock brings.
    Standard,
}

/// The rule in every language.
pub(super) struct Rule {
    /// Copies of the example's folders.
    folder: PathBuf,
    rows: Vec<(&'static str, Value)>,
}

impl Rule {
    /// Builds it where that is to be done, and runs its cases and its bench in each language.
    ///
    /// # Errors
    /// If it does not build, or a case comes out otherwise.
    pub(super) fn try_out(author: &Author, layout: &Layout) -> Result<Self> {
        let folder = author.folder.join("refund-limit");
        copy(&layout.root.join("examples/refund-limit"), &folder)?;
        let mut rows = Vec::new();
        for (name, folder, made) in LANGUAGES {
            let target = match made {
                Made::ByPlugins(name) => {
                    layout.target.join(format!("plugins/examples/{name}.wasm")).display().to_string()
                }
                Made::Here => format!("refund-limit/{folder}"),
                Made::Standard => folder.to_owned(),
            };
            let cases = format!("refund-limit/{folder}/cases.json");
            let tested = author.interlock(&["plugin", "test", &target, "--cases", &cases]);
            tested.with_context(|| format!("the rule in {name} fails"))?;
            let bench = ["plugin", "bench", &target, "--cases", &cases, "--seconds", SECONDS, "--json"];
            rows.push((name, author.json(&bench)?));
        }
        Ok(Self { folder, rows })
    }

    /// Does what each example's `expected.json` says by the real program, these among them, and hands the tests' exit
    /// code on.
    ///
    /// # Errors
    /// If the tests cannot be started.
    pub(super) fn behind_a_gateway(&self, layout: &Layout) -> Result<ExitCode> {
        let mut tests = layout.cargo("test");
        tests.args(["--package", "interlock-host", "--test", "it", "examples::"]);
        cargo::run(tests.env("INTERLOCK_BUILT_EXAMPLES", &self.folder))
    }

    /// The figures as a Markdown table.
    pub(super) fn table(&self) -> String {
        let mut table = HEAD.to_owned();
        let rust = self.rows.first().map(|(_, rust)| number(rust, "/median_us")).unwrap_or_default();
        for (name, bench) in &self.rows {
            let kib = |pointer| number(bench, pointer) / 1024.0;
            let median = number(bench, "/median_us");
            let start = match bench.get("isolation").and_then(Value::as_str) {
                Some("snapshot") => "a snapshot of the configured policy",
                Some("configure_each") => "a fresh instance, configured anew",
                other => other.unwrap_or("?"),
            };
            // Writing into memory does not fail.
            let _ = writeln!(
                table,
                "| {name} | {:.0} | {:.0} | {:.0} | {median:.0} | {:.0} | {:.1} | {start} |",
                kib("/component_bytes"),
                kib("/memory_bytes"),
                kib("/image_bytes"),
                number(bench, "/p99_us"),
                median / rust,
            );
        }
        table
    }
}

/// Copies a folder, without what a run or a build in it has left.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let (from, name) = (entry.path(), entry.file_name());
        let left = name.to_str().is_some_and(|name| {
            ["target", "node_modules", "__pycache__", ".venv", "audit_logs"].contains(&name)
                || name.starts_with("interlock.db")
                || name.ends_with(".wasm")
        });
        if left {
            continue;
        }
        if from.is_dir() {
            copy(&from, &to.join(name))?;
        } else {
            fs::copy(&from, to.join(name)).with_context(|| from.display().to_string())?;
        }
    }
    Ok(())
}
