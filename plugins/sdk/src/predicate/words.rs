//! Predicates in words, for the description of a guarded tool.

use std::fmt::{Display, Formatter, Result};

use super::comparison::Comparison;
use super::{All, Any, ArgumentIs, HasRole, HintIs, InTime, Not, OutcomeOf, Predicate, ResultOf};
use crate::Outcome;

impl Display for Predicate {
    /// A clause that can follow "requires that" or "where".
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Argument(ArgumentIs { argument, op, value }) => {
                write!(f, "the argument {argument} {}", Comparison { op: *op, value: value.as_ref() }.is())
            }
            Self::OutcomeOf(OutcomeOf { outcome_of, is }) => match is {
                Outcome::Succeeded | Outcome::Failed => write!(f, "the latest {outcome_of} {is}"),
                Outcome::Cancelled | Outcome::Unknown | Outcome::Running => {
                    write!(f, "the latest {outcome_of} is {is}")
                }
            },
            Self::ResultOf(ResultOf { result_of, at, op, value }) => {
                let comparison = Comparison { op: *op, value: value.as_ref() };
                write!(f, "{at} in the result of {result_of} {}", comparison.is())
            }
            Self::Hint(HintIs { hint, is }) => write!(f, "the tool is {}{hint}", if *is { "" } else { "not " }),
            Self::Role(HasRole { role }) => write!(f, "the caller has the role {role}"),
            Self::Time(InTime { time }) => write!(f, "it is {time}"),
            Self::All(All { all }) => joined(all, ", and ", f),
            Self::Any(Any { any }) => joined(any, ", or ", f),
            Self::Not(Not { not }) => write!(f, "not ({not})"),
        }
    }
}

fn joined(parts: &[Predicate], joint: &str, f: &mut Formatter<'_>) -> Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(joint)?;
        }
        match part {
            Predicate::All(_) | Predicate::Any(_) => write!(f, "({part})")?,
            _ => part.fmt(f)?,
        }
    }
    Ok(())
}
