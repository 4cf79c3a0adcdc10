//! Finds a Rust that can build plugins for Wasm, and has rustup fetch what it lacks.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::GuestError;

/// No operating system and no WASI: a plugin imports what its world names and nothing else.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Forces one way; for tests, and for machines that have both.
const FORCE: &str = "INTERLOCK_GUEST_TOOLCHAIN";

/// Debian's current Rust, with the sources of its standard library and a linker for Wasm.
pub const DEBIAN_PACKAGES: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"];

/// The cargo that started this program, or else the one that is found under that name.
pub fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

/// A cargo and a rustc that can build for [`TARGET`].
#[derive(Debug)]
pub struct Toolchain {
    cargo: PathBuf,
    rustc: PathBuf,
    std: Std,
}

/// Where the standard library for the target comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Std {
    /// It came with the toolchain.
    Prebuilt,
    /// Its sources came with the toolchain, and cargo builds it.
    FromSource,
}

impl Toolchain {
    /// The first of: the active Rust with its target installed; that target fetched by rustup; a Rust that has the
    /// sources of its standard library. Installs no packages of the system.
    ///
    /// # Errors
    /// None of these is to be had, or `INTERLOCK_GUEST_TOOLCHAIN` is neither `rustup` nor `debian`.
    pub fn find() -> Result<Self, GuestError> {
        let value = env::var(FORCE).unwrap_or_default();
        let (rustup, debian) = match value.as_str() {
            "" => (true, true),
            "rustup" => (true, false),
            "debian" => (false, true),
            _ => return Err(GuestError::UnknownToolchain { variable: FORCE, value }),
        };
        let active = || Self { cargo: cargo(), rustc: "rustc".into(), std: Std::Prebuilt };
        let system = || Self { cargo: "/usr/bin/cargo".into(), rustc: "/usr/bin/rustc".into(), std: Std::FromSource };
        if rustup && (active().has_target() || (rustup_adds_target() && active().has_target())) {
            return Ok(active());
        }
        let from_source = Self { std: Std::FromSource, ..active() };
        if rustup && debian && from_source.has_sources() {
            return Ok(from_source);
        }
        if debian && system().has_sources() {
            return Ok(system());
        }
        Err(GuestError::NoToolchain { debian })
    }

    /// A command that builds for the target in release mode, into a folder below `target`, or where cargo would.
    ///
    /// What the user set for the outer cargo is about the host's code: its compiler flags, profile and wrappers do not
    /// reach the plugins.
    pub(crate) fn build(&self, target: Option<&Path>) -> Command {
        let mut command = self.command(&self.cargo);
        command.args(["build", "--release", "--target", TARGET]);
        if let Some(target) = target {
            // A folder of its own: two toolchains in one folder would rebuild everything in turns.
            let folder = if self.std == Std::FromSource { target.join("std") } else { target.to_owned() };
            command.arg("--target-dir").arg(folder);
        }
        if self.std == Std::FromSource {
            command.arg("-Zbuild-std=std,panic_abort");
        }
        command
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(is_about_the_host) {
                command.env_remove(name);
            }
        }
        if self.std == Std::FromSource {
            // Building the standard library is an unstable feature of cargo.
            command.env("RUSTC_BOOTSTRAP", "1").env("RUSTC", &self.rustc);
            // The outer cargo put its own toolchain's libraries here; they are not this compiler's.
            command.env_remove("LD_LIBRARY_PATH");
        }
        command
    }

    fn has_target(&self) -> bool {
        let Some(libraries) = self.print(&["target-libdir", "--target", TARGET]) else { return false };
        let Ok(mut entries) = fs::read_dir(libraries) else { return false };
        entries.any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libstd-")))
    }

    fn has_sources(&self) -> bool {
        let sources = |sysroot: PathBuf| sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file();
        self.print(&["sysroot"]).is_some_and(sources) && succeeds(self.command(&self.cargo).arg("--version"))
    }

    /// What rustc prints for `--print …`; none if there is no such rustc.
    fn print(&self, what: &[&str]) -> Option<PathBuf> {
        let output = self.command(&self.rustc).arg("--print").args(what).output().ok()?;
        let path = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
        Some(PathBuf::from(path.trim()))
    }
}

/// Whether a variable of cargo's or rustc's says how the host is to be built, rather than where things are.
fn is_about_the_host(name: &str) -> bool {
    const PREFIXES: [&str; 3] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_PROFILE_"];
    const NAMES: [&str; 9] = [
        "CARGO",
        "CARGO_BUILD_RUSTC",
        "CARGO_BUILD_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTC",
        "RUSTC_BOOTSTRAP",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTFLAGS",
    ];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&name)
}

fn rustup_adds_target() -> bool {
    if !succeeds(Command::new("rustup").arg("--version")) {
        return false;
    }
    eprintln!("The plugins are built for {TARGET}, which is not installed: `rustup target add {TARGET}`");
    Command::new("rustup").args(["target", "add", TARGET]).status().is_ok_and(|status| status.success())
}

/// Whether a command is there and ends well. What it says is not shown.
fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
