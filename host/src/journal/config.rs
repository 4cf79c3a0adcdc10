//! What the journal is told when it opens.

use std::path::PathBuf;

use interlock_glob::Glob;

use super::sqlite::{beside, resolved};

/// Where and how the journal is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The SQLite file. Made if it is not there.
    pub path: PathBuf,
    /// Where the daily JSON-lines files are written; none: no mirror.
    pub mirror_dir: Option<PathBuf>,
    /// What must not be kept: values at these JSON Pointers, of arguments and of results' `structuredContent`, for the
    /// tools that fit.
    pub redact: Vec<(Glob, Vec<String>)>,
    /// Arguments and results larger than this, in bytes of JSON, are kept as digest, length and first KiB.
    pub max_body_bytes: usize,
    /// When an admission counts as durable.
    pub durability: Durability,
}

impl Config {
    /// The folder beside it for components, so that one can be gone back to or need not be pulled. It may not be there.
    pub fn components(&self) -> PathBuf {
        beside(&resolved(&self.path), "-components")
    }

    /// The file beside it for the key that seals what clients are given to come back with. It may not be there.
    pub fn seal(&self) -> PathBuf {
        beside(&resolved(&self.path), "-seal")
    }

    /// The file beside it for the pepper of API keys. It may not be there.
    pub fn pepper(&self) -> PathBuf {
        beside(&resolved(&self.path), "-pepper")
    }
}

/// When an admission counts as durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Once it is on disk, before the call is sent.
    BeforeCall,
    /// Once it is ordered; on disk at most 50 ms later. A power loss may lose those 50 ms; a crash of the process loses
    /// nothing.
    Batched,
}
