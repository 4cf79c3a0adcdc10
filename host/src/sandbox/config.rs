//! What a sandbox is told: which component, within which limits.

use std::{path::PathBuf, time::Duration};

use crate::registry::Pinned;

/// Where a component comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComponentSource {
    /// One that Interlock brings, by name.
    Standard(String),
    /// A file.
    File(PathBuf),
    /// One in a registry.
    Registry(Pinned),
}

/// What one call of a component may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Longest time that the guest runs. Waits for the host (a ledger that has to be read from disk) are not counted, and
    /// limited on their own.
    pub time: Duration,
    /// Largest linear memory, in bytes.
    pub memory_bytes: usize,
}

impl Limits {
    /// 50 ms and 16 MiB: what a policy gets unless configured otherwise.
    pub const POLICY: Self = Self { time: Duration::from_millis(50), memory_bytes: 16 << 20 };
    /// 60 s (a simulated tool may sleep) and 64 MiB.
    pub const TOOLSET: Self = Self { time: Duration::from_secs(60), memory_bytes: 64 << 20 };
}
