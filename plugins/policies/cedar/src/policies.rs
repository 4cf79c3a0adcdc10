//! The policies of the settings: read, checked, and what their annotations say.

use std::collections::HashMap;
use std::str::FromStr;

use cedar_policy::{Effect, Entities, PolicyId, PolicySet};
use interlock_language::Text;
use interlock_plugin::prelude::*;
use miette::Diagnostic;

use crate::note::Note;
use crate::scope;

/// Where the policies are in the settings.
const AT: &str = "/policies";

/// The policies, and those of them apart that forbid until people agree.
pub(crate) struct Policies {
    /// All but those.
    pub(crate) deciding: PolicySet,
    /// Those.
    pub(crate) asking: PolicySet,
    notes: HashMap<PolicyId, Note>,
}

impl Policies {
    /// Reads and checks the policies.
    ///
    /// # Errors
    /// Everything that is wrong, by line and column.
    pub(crate) fn read(text: &Text, entities: &Entities, types: &[String]) -> Result<Self, Vec<Problem>> {
        let all = PolicySet::from_str(text.as_str()).map_err(|errors| {
            let told = errors.iter().map(|error| text.problem_at(AT, offset(error).unwrap_or(0), &error.to_string()));
            told.collect::<Vec<_>>()
        })?;
        let mut policies = Self { deciding: PolicySet::new(), asking: PolicySet::new(), notes: HashMap::new() };
        let mut problems = Vec::new();
        for template in all.templates() {
            let at = text.as_str().find(&template.to_cedar()).unwrap_or(0);
            problems.push(text.problem_at(AT, at, "a template has nothing to be linked to here: write the entity out"));
        }
        if all.is_empty() {
            problems.push(text.problem(AT, 1, 1, "there is no policy, so nothing would be permitted"));
        }
        let mut ordered: Vec<_> = all.policies().collect();
        // Cedar numbers them as they come: `policy0`, `policy1`, …
        ordered.sort_by_key(|policy| number(policy.id()));
        let mut from = 0;
        for (place, policy) in ordered.into_iter().enumerate() {
            let source = policy.to_cedar().unwrap_or_default();
            let start = text.as_str()[from..].find(&source).map_or(from, |found| from + found);
            from = start + source.len();
            let told = |(word, message): (String, String)| {
                text.problem_at(AT, start + source.find(&word).unwrap_or(0), &message)
            };
            problems.extend(scope::astray(policy, entities, types).into_iter().map(told));
            match Note::read(policy, place) {
                Ok(note) => {
                    let forbids = policy.effect() == Effect::Forbid;
                    let set = if note.ask.is_some() && forbids { &mut policies.asking } else { &mut policies.deciding };
                    if let Err(error) = set.add(policy.clone()) {
                        problems.push(text.problem_at(AT, start, &error.to_string()));
                    }
                    policies.notes.insert(policy.id().clone(), note);
                }
                Err(mistakes) => problems.extend(mistakes.into_iter().map(told)),
            }
        }
        if problems.is_empty() { Ok(policies) } else { Err(problems) }
    }

    /// What the policies say that determined a decision, in their order.
    pub(crate) fn notes<'a>(&'a self, ids: impl Iterator<Item = &'a PolicyId>) -> Vec<&'a Note> {
        let mut notes: Vec<_> = ids.filter_map(|id| self.notes.get(id)).collect();
        notes.sort_by_key(|note| note.place);
        notes
    }
}

/// Where in the text an error is.
pub(crate) fn offset(error: &dyn Diagnostic) -> Option<usize> {
    error.labels()?.next().map(|label| label.offset())
}

fn number(id: &PolicyId) -> usize {
    let id: &str = id.as_ref();
    id.trim_start_matches("policy").parse().unwrap_or(usize::MAX)
}
