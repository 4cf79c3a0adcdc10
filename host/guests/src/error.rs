//! Why a plugin was not built.

use std::{io, path::PathBuf};

use crate::{DEBIAN_PACKAGES, TARGET};

/// Why a plugin was not built.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// Nothing here can build for the target.
    #[error(
        "no Rust here can build for {TARGET}. Either way will do:\n  \
         rustup target add {TARGET}\n  apt-get install {}      (Debian or Ubuntu, as root)",
        DEBIAN_PACKAGES.join(" ")
    )]
    NoToolchain {
        /// Whether Debian's packages would be taken if they were there.
        debian: bool,
    },
    /// The variable that forces one way of finding a toolchain names none.
    #[error("{variable} is `{value}`; it may be `rustup` or `debian`")]
    UnknownToolchain {
        /// Its name.
        variable: &'static str,
        /// What it holds.
        value: String,
    },
    /// A program could not be started.
    #[error("`{program}` cannot be started")]
    Start {
        /// Which.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// What cargo said of its work could not be read.
    #[error("cargo's messages cannot be read: {0}")]
    Messages(String),
    /// Cargo failed; it has told why on standard error.
    #[error("it does not build; cargo has told why")]
    Build,
    /// A file could not be read or written.
    #[error("`{}`: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What cargo made is no component of our world.
    #[error("`{package}` is not a component: {reason}")]
    NotAComponent {
        /// Of which package.
        package: String,
        /// What is wrong with it.
        reason: String,
    },
}
