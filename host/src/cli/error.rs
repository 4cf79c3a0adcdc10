//! How a verb fails: kind, causes, hint and exit code, told on standard error.

use std::{fmt, process::ExitCode};

use crate::config::Problems;

/// Why a verb did not do what it was asked for.
#[derive(Debug)]
pub(super) enum Failure {
    /// The configuration is wrong.
    Config(Problems),
    /// Anything else.
    Other {
        /// What the caller of the program is to make of it.
        kind: Kind,
        /// What went wrong: a clause without a full stop.
        message: String,
        /// Why, and why that, outermost first.
        causes: Vec<String>,
        /// What to type next: sentences.
        hint: Option<String>,
    },
}

/// The kinds of failures, each with an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It was tried and did not work.
    Failed,
    /// It was asked for in a wrong way.
    Usage,
    /// A policy refused it.
    Refused,
    /// The configuration or a plugin is wrong.
    Config,
    /// Interlock itself is wrong.
    Bug,
}

impl Kind {
    /// What the message starts with, and the exit code.
    fn words(self) -> (&'static str, u8) {
        match self {
            Self::Failed => ("Error", 1),
            Self::Usage => ("Usage error", 2),
            Self::Refused => ("Refused", 3),
            Self::Config => ("Config error", 4),
            Self::Bug => ("Internal error", 70),
        }
    }

    /// The exit code.
    pub(super) fn exit_code(self) -> ExitCode {
        self.words().1.into()
    }
}

impl Failure {
    /// A failure with nothing but a message.
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self::Other { kind, message: message.into(), causes: Vec::new(), hint: None }
    }

    /// Adds what to type next.
    pub(super) fn hint(mut self, text: impl Into<String>) -> Self {
        if let Self::Other { hint, .. } = &mut self {
            *hint = Some(text.into());
        }
        self
    }

    /// The exit code.
    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_) => Kind::Config.exit_code(),
            Self::Other { kind, .. } => kind.exit_code(),
        }
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Config(problems)
    }
}

/// Fails with exit code 1, every cause of the error told.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let mut chain = error.chain().map(ToString::to_string);
        let message = chain.next().unwrap_or_default();
        Self::Other { kind: Kind::Failed, message, causes: chain.collect(), hint: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(problems) => problems.fmt(f),
            Self::Other { kind, message, causes, hint } => {
                write!(f, "{}: {message}", kind.words().0)?;
                causes.iter().try_for_each(|cause| write!(f, "\n  because {cause}"))?;
                hint.iter().try_for_each(|hint| write!(f, "\nHint: {hint}"))
            }
        }
    }
}
