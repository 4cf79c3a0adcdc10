//! The repository's own chores, for developers and CI: `cargo xtask VERB`.

mod cargo;
mod conformance;
mod debian;
mod fire;
mod fuzz;
mod guests;
mod languages;
mod layout;

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::layout::Layout;

const USAGE: &str = "\
Usage: cargo xtask VERB [ARGS]

  plugins [DIR]   build the Wasm components of plugins/ (or of DIR, a folder in it) into TARGET/plugins
  build [ARGS]    plugins, then the interlock binary; ARGS go to `cargo build`
  test [ARGS]     plugins, then the tests of the plugins and of the host; ARGS go to the host's `cargo test`
  demo [ARGS]     plugins, then `interlock demo ARGS`
  guests [ARGS]   plugins, then thousands of calls of bad ones, which must leave nothing behind; `--times N`: so many
  bench [ARGS]    plugins, then the host's benches; ARGS go to `cargo bench`: `-- --help` tells what they take
  fuzz [NAME] [--minutes N]
                  random input for one fuzz target, or for each in turn; 10 minutes each unless said otherwise
  stress [ARGS]   8 gateways with 25 tasks each over one journal; --processes, --tasks, --rounds, --seed N for others
  crash [ARGS]    gateways killed 200 times under load; --times N for more or fewer, --seed N for the same ones again
  soak [ARGS]     everything at once for 30 minutes: load, faults, kills, edits; --minutes N, --seed N for others
  conformance [--times N]
                  plugins, then MCP's conformance suites: a server bare, and N times behind Interlock; a client
  languages [--release]
                  plugins, then new ones in Rust, Python and JavaScript: built, tested, measured; then one rule in
                  six languages: tested, behind a gateway, measured; tables

TARGET is cargo's target folder. INTERLOCK_GUEST_TOOLCHAIN=rustup or =debian forces one way of finding a compiler for
the plugins; without it the first that works is taken.
";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<ExitCode> {
    let Some((verb, rest)) = args.split_first() else {
        return Ok(usage(None));
    };
    let action: fn(&Layout, &[String]) -> Result<ExitCode> = match verb.as_str() {
        "plugins" => plugins,
        "build" => build,
        "test" => test,
        "demo" => demo,
        "bench" => bench,
        "fuzz" => fuzz::run,
        "stress" => fire::stress,
        "crash" => fire::crash,
        "soak" => fire::soak,
        "conformance" => conformance::run,
        "languages" => languages::run,
        "guests" => bad_guests,
        "help" | "-h" | "--help" => {
            eprint!("{USAGE}");
            return Ok(ExitCode::SUCCESS);
        }
        other => return Ok(usage(Some(format!("there is no verb `{other}`")))),
    };
    if verb == "plugins"
        && let Some(surplus) = rest.get(1).or(rest.first().filter(|dir| dir.starts_with('-')))
    {
        return Ok(usage(Some(format!("`plugins` takes one folder at most; what is `{surplus}`?"))));
    }
    action(&Layout::find()?, rest)
}

/// Tells what was wrong, and how it is done. Exit code 2, as everywhere in this project.
fn usage(wrong: Option<String>) -> ExitCode {
    if let Some(wrong) = wrong {
        eprintln!("error: {wrong}\n");
    }
    eprint!("{USAGE}");
    ExitCode::from(2)
}

fn plugins(layout: &Layout, args: &[String]) -> Result<ExitCode> {
    let Some(dir) = args.first() else {
        guests::build(layout, None)?;
        return Ok(ExitCode::SUCCESS);
    };
    let Ok(dir) = Path::new(dir).canonicalize() else {
        bail!("`{dir}` is not a folder");
    };
    if !dir.starts_with(&layout.plugins) {
        bail!(
            "`{}` is outside of `{}`; for a plugin of your own there is `interlock plugin build`",
            dir.display(),
            layout.plugins.display()
        );
    }
    if !dir.join("Cargo.toml").is_file() {
        bail!("`{}` has no Cargo.toml", dir.display());
    }
    guests::build(layout, Some(&dir))?;
    Ok(ExitCode::SUCCESS)
}

fn build(layout: &Layout, args: &[String]) -> Result<ExitCode> {
    guests::build(layout, None)?;
    cargo::run(layout.cargo("build").args(["--package", "interlock-host", "--bin", "interlock"]).args(args))
}

/// Runs the host's tests even if a plugin's failed, so that one run shows all that is broken.
fn test(layout: &Layout, args: &[String]) -> Result<ExitCode> {
    guests::build(layout, None)?;
    find_python()?;
    find_registry()?;
    let plugins = cargo::run(&mut layout.plugins_cargo("test"))?;
    let host = cargo::run(layout.cargo("test").args(args))?;
    Ok(if plugins == ExitCode::SUCCESS { host } else { plugins })
}

/// The interoperability tests run Python's MCP packages, and get Node.js from there where there is none.
fn find_python() -> Result<()> {
    let found = debian::succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"]));
    if !found && !debian::install(&["python3", "python3-venv"], "The tests need Python 3 with venv, which is not here")?
    {
        eprintln!("note: there is no Python 3 with venv here, so the interoperability tests will fail");
    }
    Ok(())
}

/// The tests of registries run one.
fn find_registry() -> Result<()> {
    let found = debian::succeeds(Command::new("docker-registry").arg("--version"));
    if !found && !debian::install(&["docker-registry"], "The tests need docker-registry, which is not here")? {
        eprintln!("note: there is no docker-registry here, so the tests of registries will fail");
    }
    Ok(())
}

fn demo(layout: &Layout, args: &[String]) -> Result<ExitCode> {
    guests::build(layout, None)?;
    let mut demo = layout.cargo("run");
    cargo::run(demo.args(["--package", "interlock-host", "--bin", "interlock", "--", "demo"]).args(args))
}

/// Has bad guests fail so often that a leak would show. The same test makes a few hundred calls among all others.
fn bad_guests(layout: &Layout, args: &[String]) -> Result<ExitCode> {
    let times = match args {
        [] => 10_000,
        [flag, times] if flag == "--times" => times.parse().with_context(|| format!("`{times}` is no number"))?,
        _ => return Ok(usage(Some("`guests` takes `--times N`".to_owned()))),
    };
    guests::build(layout, None)?;
    let mut test = layout.cargo("test");
    test.args(["--package", "interlock-host", "--test", "it", "--", "sandbox::leaks", "--nocapture"]);
    cargo::run(test.env("INTERLOCK_GUEST_CALLS", u32::to_string(&times)))
}

fn bench(layout: &Layout, args: &[String]) -> Result<ExitCode> {
    guests::build(layout, None)?;
    cargo::run(layout.cargo("bench").args(["--package", "interlock-host"]).args(args))
}
