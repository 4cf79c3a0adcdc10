//! In which languages plugins are written, and how a folder shows its own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::KitError;

/// A language that plugins can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Compiled by cargo.
    Rust,
    /// Componentised with its interpreter by componentize-py.
    Python,
    /// Componentised with QuickJS by jco.
    JavaScript,
}

/// What a new plugin is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Judge calls.
    Policy,
    /// Offer tools.
    Toolset,
}

impl Language {
    /// The word for it in names of folders.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::JavaScript => "javascript",
        }
    }

    /// The language of a plugin's folder: Rust where there is a `Cargo.toml`, JavaScript where there is a `package.json`
    /// or else a `.js`, Python where there is a `.py`.
    ///
    /// # Errors
    /// If there is none of these, or the folder cannot be read.
    pub fn of(folder: &Path) -> Result<Self, KitError> {
        let has = |name: &str| folder.join(name).is_file();
        if has("Cargo.toml") {
            return Ok(Self::Rust);
        }
        if has("package.json") || !sources(folder, "js")?.is_empty() {
            return Ok(Self::JavaScript);
        }
        if !sources(folder, "py")?.is_empty() {
            return Ok(Self::Python);
        }
        Err(KitError::NoSources { folder: folder.to_owned() })
    }
}

impl Kind {
    /// The word for it in names of folders, and for people.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Toolset => "toolset",
        }
    }

    /// The world of the plugin interface that such a plugin is made for.
    pub(super) fn world(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Toolset => "tools",
        }
    }
}

/// The files of a folder that may be a plugin's source, by extension, without the helper that Interlock brings.
pub(super) fn sources(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, KitError> {
    let read = |source| KitError::File { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        let helper = path.file_stem().is_some_and(|stem| stem == "interlock");
        if path.is_file() && !helper && path.extension().is_some_and(|ending| ending == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
