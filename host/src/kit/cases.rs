//! A `cases.json`: JSON with comments, read so that every mistake is told at its place.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use jsonc_parser::{ast, common::Ranged};
use serde_json::Value;
use serde_path_to_error::Segment;

use super::{KitError, case::Case};
use crate::config::{JSONC, Lines, Position};

/// The cases of one file.
#[derive(Clone, Debug)]
pub struct Cases {
    /// Where they were read, or what stands for it.
    pub path: PathBuf,
    /// The file's text.
    pub(super) text: String,
    /// The cases, in the file's order.
    pub cases: Vec<Case>,
}

/// Something that is wrong with a file of cases.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{}:{}: {message}", path.display(), at.line, at.column)]
pub struct CaseProblem {
    /// Which file.
    pub path: PathBuf,
    /// Where in it.
    pub at: Position,
    /// What is wrong: a clause without a full stop.
    pub message: String,
}

impl Cases {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, or anything in it is wrong: all of that.
    pub fn read(path: &Path) -> Result<Self, KitError> {
        let text = fs::read_to_string(path).map_err(|source| KitError::File { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    /// The cases of a text that was read from `path`.
    ///
    /// # Errors
    /// Everything in it that is wrong.
    pub fn parse(path: &Path, text: &str) -> Result<Self, KitError> {
        let lines = Lines::of(text);
        let problem =
            |offset: usize, message: String| CaseProblem { path: path.to_owned(), at: lines.position(offset), message };
        let parsed = jsonc_parser::parse_to_ast(text, &Default::default(), &JSONC)
            .map_err(|error| vec![problem(error.range().start, error.kind().to_string().to_lowercase())])?;
        let items = match parsed.value {
            Some(ast::Value::Array(list)) if !list.elements.is_empty() => list.elements,
            Some(other) => return Err(vec![problem(other.range().start, NO_CASES.to_owned())].into()),
            None => return Err(vec![problem(0, NO_CASES.to_owned())].into()),
        };
        let (mut cases, mut problems, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
        for item in items {
            let start = item.range().start;
            match case(&item, lines.position(start)) {
                Ok(case) if !names.insert(case.name.clone()) => {
                    problems.push(problem(start, format!("there is another case named `{}`", case.name)));
                }
                Ok(case) => cases.push(case),
                Err((offset, message)) => problems.push(problem(offset, message)),
            }
        }
        if problems.is_empty() {
            Ok(Self { path: path.to_owned(), text: text.to_owned(), cases })
        } else {
            Err(problems.into())
        }
    }
}

const NO_CASES: &str = "it is no list of cases, such as `[{\"name\": …, \"call\": …, \"expect\": …}]`";

/// One case; or the offset of what is wrong with it, and what that is.
fn case(item: &ast::Value<'_>, at: Position) -> Result<Case, (usize, String)> {
    let start = item.range().start;
    let read: interlock_cases::Case = serde_path_to_error::deserialize(Value::from(item.clone())).map_err(|error| {
        let segments: Vec<&Segment> = error.path().iter().collect();
        (offset_of(item, &segments), error.inner().to_string())
    })?;
    Case::of(read, at).map_err(|error| (start, error.to_string()))
}

/// Where the value at a path starts; for a key, where the key does. The nearest around it if there is none.
fn offset_of(value: &ast::Value<'_>, path: &[&Segment]) -> usize {
    let start = value.range().start;
    let Some((first, rest)) = path.split_first() else { return start };
    match (first, value) {
        (Segment::Seq { index }, ast::Value::Array(list)) => {
            list.elements.get(*index).map_or(start, |item| offset_of(item, rest))
        }
        (Segment::Map { key }, ast::Value::Object(object)) => match object.get(key) {
            Some(property) if rest.is_empty() => property.range.start,
            Some(property) => offset_of(&property.value, rest),
            None => start,
        },
        _ => start,
    }
}
