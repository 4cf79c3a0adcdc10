//! Previews: a text with places that are filled from the arguments.

use serde_json::Value;

use crate::{Pointer, View, json};

/// How long one argument may be in a preview, in characters.
const LONGEST: usize = 200;

/// What would be done, for the person who decides: a text in which `{/amount}` stands for the argument at that JSON
/// Pointer, and `{{` and `}}` for braces.
#[derive(Clone, Debug)]
pub struct Preview(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Argument(Pointer),
}

impl Preview {
    /// Reads a text.
    ///
    /// # Errors
    /// Says what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            literal.push_str(before);
            if let Some(after) = from.strip_prefix("{{").or(from.strip_prefix("}}")) {
                literal.push_str(&from[..1]);
                rest = after;
                continue;
            }
            let Some((place, after)) = from.strip_prefix('{').and_then(|from| from.split_once('}')) else {
                return Err(
                    "a brace stands alone: write `{/argument}` for an argument, `{{` or `}}` for a brace".to_owned()
                );
            };
            parts.push(Part::Text(std::mem::take(&mut literal)));
            parts.push(Part::Argument(Pointer::parse(place)?));
            rest = after;
        }
        literal.push_str(rest);
        parts.push(Part::Text(literal));
        Ok(Self(parts))
    }

    /// Fills the places. What comes from the arguments stays on one line and cannot pretend to be something else.
    pub fn fill(&self, host: &(impl View + ?Sized)) -> String {
        let each = self.0.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Argument(pointer) => match host.argument(pointer.as_str()) {
                Some(Value::String(text)) => json::cut(&text, LONGEST),
                Some(other) => json::shown(&other, LONGEST),
                None => "(not given)".to_owned(),
            },
        });
        each.collect()
    }
}
