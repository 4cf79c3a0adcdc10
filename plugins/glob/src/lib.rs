//! Tool patterns: `*` stands for any run of characters within a name, `**` for any run across `/`.
//!
//! Used by the host (what a policy guards, what a history query asks for) and by plugins (what a rule is about), so
//! that both sides always agree. Everything else in a pattern stands for itself.

use std::{collections::HashSet, fmt};

/// A compiled tool pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Glob {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    Literal(String),
    Within,
    Across,
}

impl Glob {
    /// Compiles a pattern. Every text is a pattern.
    pub fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("**") {
                parts.push(Part::Across);
                rest = after;
            } else if let Some(after) = rest.strip_prefix('*') {
                parts.push(Part::Within);
                rest = after;
            } else {
                let end = rest.find('*').unwrap_or(rest.len());
                let (literal, after) = rest.split_at(end);
                parts.push(Part::Literal(literal.to_owned()));
                rest = after;
            }
        }
        Self { text: text.to_owned(), parts }
    }

    /// Whether the whole of `name` fits.
    pub fn matches(&self, name: &str) -> bool {
        fits(&self.parts, name)
    }

    /// Whether there is a name that fits both patterns.
    pub fn overlaps(&self, other: &Self) -> bool {
        let (mine, theirs) = (steps(&self.parts), steps(&other.parts));
        // From each pair of places that can be reached at once, the pairs after one more step of either, or of both.
        let (mut reached, mut seen) = (vec![(0, 0)], HashSet::from([(0, 0)]));
        while let Some((at, there)) = reached.pop() {
            if at == mine.len() && there == theirs.len() {
                return true;
            }
            let (one, other) = (mine.get(at), theirs.get(there));
            let mut go = |to: (usize, usize)| {
                if seen.insert(to) {
                    reached.push(to);
                }
            };
            match (one, other) {
                (Some(Step::Letter(one)), Some(Step::Letter(other))) if one == other => go((at + 1, there + 1)),
                _ => {}
            }
            if let Some(wildcard) = one.filter(|step| step.is_wildcard()) {
                go((at + 1, there));
                if other.is_some_and(|other| wildcard.takes(other)) {
                    go((at, there + 1));
                }
            }
            if let Some(wildcard) = other.filter(|step| step.is_wildcard()) {
                go((at, there + 1));
                if one.is_some_and(|one| wildcard.takes(one)) {
                    go((at + 1, there));
                }
            }
        }
        false
    }

    /// The name itself, if the pattern has no wildcard and so fits one name only.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(name)] => Some(name),
            _ => None,
        }
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// One letter of a pattern, or a wildcard.
enum Step {
    Letter(char),
    Within,
    Across,
}

impl Step {
    fn is_wildcard(&self) -> bool {
        !matches!(self, Self::Letter(_))
    }

    /// Whether a wildcard can stand for what the other step stands for.
    fn takes(&self, other: &Self) -> bool {
        matches!(self, Self::Across) || !matches!(other, Self::Letter('/'))
    }
}

fn steps(parts: &[Part]) -> Vec<Step> {
    let step = |part: &Part| match part {
        Part::Literal(text) => text.chars().map(Step::Letter).collect(),
        Part::Within => vec![Step::Within],
        Part::Across => vec![Step::Across],
    };
    parts.iter().flat_map(step).collect()
}

/// Greedy matching that goes back only to the last wildcard of each kind, so its cost is bounded by a polynomial of
/// the lengths, whatever the pattern: patterns come from settings, names from callers.
fn fits(parts: &[Part], name: &str) -> bool {
    let (mut part, mut at) = (0, 0);
    // Where to resume when a literal does not fit: (part after the wildcard, position the wildcard has eaten up to).
    let mut within: Option<(usize, usize)> = None;
    let mut across: Option<(usize, usize)> = None;
    loop {
        match parts.get(part) {
            Some(Part::Literal(literal)) if name[at..].starts_with(literal.as_str()) => {
                at += literal.len();
                part += 1;
                continue;
            }
            Some(Part::Within) => {
                part += 1;
                within = Some((part, at));
                continue;
            }
            Some(Part::Across) => {
                part += 1;
                across = Some((part, at));
                // What stands before `**` is settled: a longer run of an earlier `*` cannot fit more.
                within = None;
                continue;
            }
            None if at == name.len() => return true,
            Some(Part::Literal(_)) | None => {}
        }
        if let Some((after, eaten)) = within
            && let Some(next) = name[eaten..].chars().next()
            && next != '/'
        {
            let eaten = eaten + next.len_utf8();
            within = Some((after, eaten));
            (part, at) = (after, eaten);
        } else if let Some((after, eaten)) = across
            && let Some(next) = name[eaten..].chars().next()
        {
            let eaten = eaten + next.len_utf8();
            across = Some((after, eaten));
            within = None;
            (part, at) = (after, eaten);
        } else {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_within_a_name_and_two_cross_it() {
        for (pattern, name, fit) in [
            ("files/read", "files/read", true),
            ("files/read", "files/reads", false),
            ("files/*", "files/read", true),
            ("files/*", "files/read/deep", false),
            ("files/**", "files/read/deep", true),
            ("**", "files/read", true),
            ("*", "files/read", false),
            ("*/read_*", "files/read_text", true),
            ("*/*_all", "db/drop_all", true),
            ("**/x/*", "a/x/b/x/c", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b/**c", "ab/x/yc", true),
            ("*a/*b", "aa/ab", true),
            ("", "", true),
            ("", "a", false),
            ("ä*", "äö", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(name), fit, "`{pattern}` on `{name}`");
        }
    }

    #[test]
    fn two_patterns_overlap_if_a_name_fits_both() {
        for (one, other, overlap) in [
            ("files/read", "files/read", true),
            ("files/read", "files/write", false),
            ("files/*", "files/read", true),
            ("files/*", "mail/*", false),
            ("*/read", "files/*", true),
            ("*/read", "files/write*", false),
            ("*", "files/read", false),
            ("*", "**", true),
            ("**", "files/**", true),
            ("a*c", "*b*", true),
            ("a*/x", "ab", false),
            ("**/x", "a/*/y", false),
            ("**/x", "a/*/*x", true),
            ("", "*", true),
            ("", "a", false),
        ] {
            let (a, b) = (Glob::new(one), Glob::new(other));
            assert_eq!((a.overlaps(&b), b.overlaps(&a)), (overlap, overlap), "`{one}` and `{other}`");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_exponential_time() {
        assert!(!Glob::new(&"*a".repeat(64)).matches(&"a".repeat(63)));
        assert!(!Glob::new(&"**a*b".repeat(40)).matches(&"ab".repeat(39)));
    }
}
