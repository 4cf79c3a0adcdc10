//! Paths into the document that lead nowhere. Languages leave what they are in undefined, or false, so that a rule that
//! denies never would.

use crate::{CALL, CALLER, Facts};

/// How a language writes paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The name that the document has.
    pub root: &'static str,
    /// What begins a comment that goes to the end of the line.
    pub comment: &'static str,
    /// Whether `caller` is in the document.
    pub caller: bool,
}

impl Paths {
    /// Finds `ROOT.A.B` where there is no `A`, or no `B` in it; each with its distance from the beginning in bytes. `ROOT.A
    /// has B` is such a path too.
    pub fn astray(self, text: &str, facts: &Facts) -> Vec<(usize, String)> {
        let facts: Vec<_> = facts.names().collect();
        let mut roots: Vec<(&str, &[&str])> = vec![("call", &CALL), ("history", &facts)];
        if self.caller {
            roots.insert(1, ("caller", &CALLER));
        }
        let root = self.root;
        let mut astray = Vec::new();
        for (at, path) in self.paths(text) {
            let Some(first) = path.first() else { continue };
            let Some((_, keys)) = roots.iter().find(|(root, _)| root == first) else {
                let roots: Vec<_> = roots.iter().map(|(root, _)| *root).collect();
                astray.push((at, format!("there is no `{root}.{first}`: it has {}", listed(&roots))));
                continue;
            };
            if let Some(second) = path.get(1).filter(|second| !keys.contains(second)) {
                let more = if *first == "history" { "; `facts` names more" } else { "" };
                astray.push((at, format!("there is no `{root}.{first}.{second}`: it has {}{more}", listed(keys))));
            }
        }
        astray
    }

    /// The first two names after each root, outside of comments and strings.
    fn paths(self, text: &str) -> Vec<(usize, Vec<&str>)> {
        let mut paths = Vec::new();
        let (mut at, mut before) = (0, ' ');
        while let Some(letter) = text[at..].chars().next() {
            let rest = &text[at..];
            let length = match letter {
                _ if rest.starts_with(self.comment) => rest.find('\n').unwrap_or(rest.len()),
                '"' => quoted(rest),
                '`' => rest[1..].find('`').map_or(rest.len(), |end| end + 2),
                letter if is_word(letter) => {
                    let word = word(rest);
                    if word == self.root && before != '.' {
                        paths.push((at, names(&rest[word.len()..])));
                    }
                    word.len()
                }
                letter => letter.len_utf8(),
            };
            before = letter;
            at += length.max(1);
        }
        paths
    }
}

fn listed(keys: &[&str]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
    if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") }
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

fn word(text: &str) -> &str {
    &text[..text.find(|letter| !is_word(letter)).unwrap_or(text.len())]
}

/// The length of the string that the text begins with.
fn quoted(text: &str) -> usize {
    let mut escaped = true;
    for (at, letter) in text.char_indices() {
        match letter {
            '"' if !escaped => return at + 1,
            '\\' if !escaped => escaped = true,
            _ => escaped = false,
        }
    }
    text.len()
}

fn names(mut text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    while names.len() < 2 {
        let has = |text: &'_ str| text.trim_start().strip_prefix("has ").map(str::len).map(|left| text.len() - left);
        let Some(after) = text.strip_prefix('.').or_else(|| text.get(has(text)?..)) else { break };
        let after = after.trim_start();
        let name = word(after);
        if name.is_empty() {
            break;
        }
        names.push(name);
        text = &after[name.len()..];
    }
    names
}

#[cfg(test)]
mod tests {
    use interlock_plugin::prelude::*;

    use super::*;

    const REGO: Paths = Paths { root: "input", comment: "#", caller: true };
    const CEDAR: Paths = Paths { root: "context", comment: "//", caller: false };

    fn facts() -> Facts {
        interlock_plugin::settings::read(&json!({"ticket": {"latest": "a/b"}}).to_string()).unwrap()
    }

    fn told(text: &str) -> Vec<(usize, String)> {
        REGO.astray(text, &facts())
    }

    #[test]
    fn paths_that_lead_somewhere_are_right() {
        for right in [
            "input.call.arguments.amount > 1",
            "input.history.ticket == null; input.caller.roles[_] == \"x\"",
            "input[\"cal\"]; input.history[name]; input",
            "# input.cal\nx := `input.cal`; y := \"\\\"input.cal\"",
            "my_input.cal; data.input.cal; x.input.cal",
        ] {
            assert!(told(right).is_empty(), "{right}: {:?}", told(right));
        }
    }

    #[test]
    fn paths_that_lead_nowhere_are_told_where_they_begin() {
        let place = |text: &str| told(text).into_iter().map(|(at, _)| at).collect::<Vec<_>>();
        assert_eq!(place("x := \"é\"; input.cal.tool"), [11]);
        assert_eq!(place("input.call.argument\ninput.history.tickt\ninput.caller.role"), [0, 20, 40]);
        assert_eq!(
            told("input.history.tickt")[0].1,
            "there is no `input.history.tickt`: it has `ticket`; `facts` names more"
        );
        assert_eq!(told("input.cal")[0].1, "there is no `input.cal`: it has `call`, `caller`, `history`");
    }

    #[test]
    fn what_is_asked_for_with_has_is_a_path_too() {
        let told = |text: &str| CEDAR.astray(text, &facts()).into_iter().map(|(_, told)| told).collect::<Vec<_>>();
        let right = "context.history has ticket && context has call // context.cal\n&& context.call has arguments";
        assert!(told(right).is_empty(), "{:?}", told(right));
        assert_eq!(told("context.history has tickt").len(), 1);
        assert_eq!(told("context has caller"), ["there is no `context.caller`: it has `call`, `history`"]);
    }
}
