//! `cargo xtask fuzz`: hands each target random input for some minutes. On stable Rust, by the leave of
//! `RUSTC_BOOTSTRAP`: the instruments are the compiler's, only their flags are called unstable.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::cargo;
use crate::debian::succeeds;
use crate::layout::Layout;

/// How long each target runs unless it is said.
const MINUTES: u64 = 10;
/// Largest input, in bytes: what is read here is small, and small input finds more in the same time.
const MAX_BYTES: u32 = 16 << 10;
/// Longest time for one input, in seconds. None should take more than a few milliseconds.
const SLOWEST: u32 = 10;

/// Folders of the repository that hold inputs for a target, beside its own seeds.
const MORE_SEEDS: [(&str, &[&str]); 1] =
    [("config", &["host/tests/it/config/valid", "host/tests/it/config/invalid", "host/tests/it/config/clients"])];

/// Runs one target, or all, one after the other.
///
/// # Errors
/// There is no such target, or no cargo-fuzz and none can be installed.
pub(crate) fn run(layout: &Layout, args: &[String]) -> Result<ExitCode> {
    let folder = layout.root.join("host/fuzz");
    let all = targets(&folder.join("fuzz_targets"))?;
    let (wanted, minutes) = read(args)?;
    let chosen: Vec<String> = match wanted {
        None => all,
        Some(target) if all.contains(&target) => vec![target],
        Some(target) => bail!("there is no target `{target}`; there are {}", all.join(", ")),
    };
    install(layout)?;
    let mut failed = Vec::new();
    for target in chosen {
        if !fuzz(layout, &folder, &target, minutes)? {
            failed.push(target);
        }
    }
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("error: {} failed; what they failed with is in {}", failed.join(", "), artifacts(layout).display());
    Ok(ExitCode::FAILURE)
}

/// The target, if one was named, and for how many minutes.
fn read(args: &[String]) -> Result<(Option<String>, u64)> {
    let (mut target, mut minutes) = (None, MINUTES);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--minutes" => {
                let number = args.next().context("how many minutes?")?;
                minutes = number.parse().with_context(|| format!("`{number}` is no number of minutes"))?;
                if minutes == 0 {
                    // To the fuzzer it means for ever.
                    bail!("no target finds anything in no time");
                }
            }
            name if !name.starts_with('-') && target.is_none() => target = Some(name.to_owned()),
            surplus => bail!("`fuzz` takes a target and `--minutes N`; what is `{surplus}`?"),
        }
    }
    Ok((target, minutes))
}

/// The targets' names, in order.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("no targets at {}", folder.display()))? {
        let path = entry?.path();
        names.extend(path.file_stem().and_then(|name| name.to_str()).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

fn install(layout: &Layout) -> Result<()> {
    if succeeds(cargo::command().args(["fuzz", "--version"])) {
        return Ok(());
    }
    eprintln!("note: installing cargo-fuzz, which is not here");
    let mut install = cargo::command();
    install.args(["install", "cargo-fuzz", "--locked", "--target-dir"]).arg(layout.target.join("cargo-fuzz"));
    if cargo::run(&mut install)? != ExitCode::SUCCESS {
        bail!("cargo-fuzz cannot be installed");
    }
    Ok(())
}

/// Runs a target; false if it failed.
fn fuzz(layout: &Layout, folder: &Path, target: &str, minutes: u64) -> Result<bool> {
    let corpus = layout.target.join("fuzz/corpus").join(target);
    let failures = artifacts(layout).join(target);
    for made in [&corpus, &failures] {
        fs::create_dir_all(made).with_context(|| format!("cannot make {}", made.display()))?;
    }
    let mut run = cargo::command();
    run.env("RUSTC_BOOTSTRAP", "1");
    run.args(["fuzz", "run", "--sanitizer", "none", "--fuzz-dir"]).arg(folder);
    run.arg("--target-dir").arg(layout.target.join("fuzz"));
    run.arg(target).arg(&corpus).args(seeds(layout, folder, target));
    run.arg("--").arg(format!("-max_total_time={}", minutes.saturating_mul(60)));
    run.args([format!("-max_len={MAX_BYTES}"), format!("-timeout={SLOWEST}"), "-print_final_stats=1".to_owned()]);
    run.arg(format!("-artifact_prefix={}/", failures.display()));
    Ok(cargo::run(&mut run)? == ExitCode::SUCCESS)
}

/// Where inputs come to lie that a target failed with.
fn artifacts(layout: &Layout) -> PathBuf {
    layout.target.join("fuzz/artifacts")
}

fn seeds(layout: &Layout, folder: &Path, target: &str) -> Vec<PathBuf> {
    let more = MORE_SEEDS.iter().filter(|(of, _)| *of == target).flat_map(|(_, more)| *more);
    let all = more.map(|more| layout.root.join(more)).chain([folder.join("seeds").join(target)]);
    all.filter(|seeds| seeds.is_dir()).collect()
}
