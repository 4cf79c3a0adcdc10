//! What can go wrong with a guest: while it is loaded, and while it runs.

use std::{path::PathBuf, time::Duration};

use wasmtime::Trap;

use super::{guest::Guest, words::one_line};
use crate::{registry::RegistryError, trust::TrustError};

/// Longest detail of a fault, in bytes: it is logged, and kept in the journal with every decision.
const MAX_DETAIL_BYTES: usize = 1024;

/// A guest's call went wrong. What becomes of the tool call is for the pipeline to say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct Fault {
    /// In what way.
    pub kind: FaultKind,
    /// For the operator; never for the AI.
    pub detail: String,
}

/// In what way a guest's call went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// It ran longer than it may.
    #[error("ran out of time")]
    Timeout,
    /// It wanted more memory than it may have.
    #[error("ran out of memory")]
    Memory,
    /// It trapped: a panic, a stack overflow, an illegal operation.
    #[error("trapped")]
    Trap,
    /// It answered with something that means nothing here.
    #[error("answered nonsense")]
    Nonsense,
    /// It said itself that it could not.
    #[error("reported a fault")]
    Reported,
    /// The host could not serve one of its questions.
    #[error("could not be served")]
    Host,
}

/// The guest has used its time up.
#[derive(Debug, thiserror::Error)]
#[error("out of time")]
pub(super) struct OutOfTime;

impl FaultKind {
    /// The code of the refusal that such a fault of a policy is.
    pub fn code(self) -> &'static str {
        match self {
            Self::Timeout => "policy_timeout",
            Self::Memory => "policy_memory",
            Self::Trap | Self::Nonsense | Self::Reported | Self::Host => "policy_fault",
        }
    }
}

impl Fault {
    /// A fault; the detail may be a guest's own words, of any length and shape.
    pub(super) fn new(kind: FaultKind, detail: &str) -> Self {
        Self { kind, detail: one_line(detail, MAX_DETAIL_BYTES) }
    }

    pub(super) fn timeout(limit: Duration) -> Self {
        Self { kind: FaultKind::Timeout, detail: format!("took longer than {} ms", limit.as_millis()) }
    }

    pub(super) fn nonsense(detail: impl Into<String>) -> Self {
        Self::new(FaultKind::Nonsense, &detail.into())
    }

    /// What an error out of wasmtime stands for, given the state that the guest's store was left in.
    pub(super) fn of(error: &wasmtime::Error, guest: &Guest) -> Self {
        if let Some(wanted) = guest.refused_memory() {
            let detail = format!("wanted {} KiB of memory", wanted >> 10);
            return Self { kind: FaultKind::Memory, detail };
        }
        if error.is::<OutOfTime>() {
            return Self::timeout(guest.time());
        }
        if let Some(facts) = error.downcast_ref::<super::FactsError>() {
            return Self::new(FaultKind::Host, &facts.to_string());
        }
        let mut detail = match error.downcast_ref::<Trap>() {
            Some(trap) => trap.to_string(),
            None => error.root_cause().to_string(),
        };
        if let Some(line) = guest.last_line() {
            detail = format!("{detail}; its last words: {line}");
        }
        Self::new(FaultKind::Trap, &detail)
    }
}

/// One thing that a plugin finds wrong with its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// JSON Pointer into the settings.
    pub pointer: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// Why a component cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Interlock brings no plugin of that name.
    #[error("there is no standard plugin `{name}`; there are {known}")]
    NoSuchPlugin {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Its file cannot be read.
    #[error("`{}` cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The component that counts is another than the one in its file, and is no longer kept.
    #[error(
        "the component that is in force, {digest}, is no longer kept, and the one in the file waits to be promoted"
    )]
    NotKept {
        /// SHA-256 of the component that counts.
        digest: String,
    },
    /// It does not come from its registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// There is no folder to keep it in.
    #[error("`{reference}` is in a registry, and there is no folder here to keep it in")]
    NoStore {
        /// Which.
        reference: String,
    },
    /// It is not from anybody who is trusted.
    #[error(transparent)]
    Untrusted(#[from] TrustError),
    /// A component that is kept, not the one in the file, is not from anybody who is trusted by now.
    #[error("the component that is to be in force, {digest}, is kept, and may not be used: {source}")]
    KeptUntrusted {
        /// SHA-256 of the component.
        digest: String,
        /// Why not.
        source: TrustError,
    },
    /// It is too large to be looked at.
    #[error("the component has {bytes} bytes; at most {limit} are taken")]
    TooLarge {
        /// What it has.
        bytes: usize,
        /// What is taken.
        limit: usize,
    },
    /// It is not a component at all.
    #[error("not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// It wants something that no plugin gets.
    #[error("it imports `{import}`: {hint}")]
    ForeignImport {
        /// The first such import.
        import: String,
        /// Why not, and how to build without it.
        hint: String,
    },
    /// It exports nothing that Interlock can use.
    #[error("it exports nothing to use: {0}")]
    WrongWorld(String),
    /// It is a plugin of another kind than is wanted where it stands; which.
    #[error("it is a {0}, which cannot be used here")]
    Misplaced(&'static str),
    /// It does not compile or link.
    #[error("it cannot be compiled: {0}")]
    Compile(String),
    /// It failed while it was started, asked what it is, or given its settings.
    #[error("it failed in `{during}`: {fault}")]
    Failed {
        /// `start` (its instantiation), `describe`, `configure`, or `tools`.
        during: &'static str,
        /// How.
        #[source]
        fault: Fault,
    },
    /// It does not accept its settings.
    #[error("it does not accept its settings")]
    Settings(Vec<Problem>),
    /// The machine would not let the sandbox work.
    #[error("the sandbox cannot work: {0}")]
    Host(String),
}
