//! What is wrong with a configuration: where, what, and what to write instead. For people and, as JSON, for programs.

use std::{fmt, path::PathBuf};

use serde::Serialize;

/// A place in the file. Both count from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// The kinds of problems, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The file cannot be read.
    File,
    /// It is not JSON, comments and trailing commas allowed for.
    Syntax,
    /// A key that means nothing.
    UnknownKey,
    /// A key that stands twice in one object.
    DuplicateKey,
    /// A key that has to be there and is not, or one that another key rules out.
    Keys,
    /// A value of the wrong JSON type.
    WrongType,
    /// A number beyond its range.
    OutOfRange,
    /// A value that makes no sense.
    BadValue,
    /// A `${NAME}` that cannot be filled in.
    Environment,
    /// Two things that cannot be told apart.
    Clash,
    /// Something that this version does not do.
    Unsupported,
    /// What a plugin says of its settings.
    Settings,
    /// Not an error: something that is read over, and why.
    Note,
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, as it was named.
    pub path: PathBuf,
    /// Where in it; none if the file could not be read at all.
    #[serde(flatten)]
    pub position: Option<Position>,
    /// JSON Pointer (RFC 6901) to the value or key in question.
    pub pointer: String,
    /// What kind.
    pub kind: ProblemKind,
    /// What is wrong: a clause without a full stop, which names the policy or server that it is about.
    pub message: String,
    /// What to write or do instead: sentences.
    pub hint: Option<String>,
}

impl Problem {
    /// Adds advice.
    pub(super) fn hint(&mut self, hint: impl Into<String>) {
        self.hint = Some(hint.into());
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.kind == ProblemKind::Note { "note" } else { "error" };
        write!(f, "Config {kind}: {}\n  {}", self.message, self.path.display())?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\nHint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a configuration, in the order of the file. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}
