//! Paths below `input` that lead nowhere. Rego leaves what they are in undefined, so that a rule that denies never would.

use interlock_language::{CALL, CALLER, Facts};

/// Finds `input.A.B` where there is no `A`, or no `B` in it; each with its distance from the beginning in bytes.
pub(crate) fn astray(text: &str, facts: &Facts) -> Vec<(usize, String)> {
    let facts: Vec<_> = facts.names().collect();
    let roots: [(&str, &[&str]); 3] = [("call", &CALL), ("caller", &CALLER), ("history", &facts)];
    let mut astray = Vec::new();
    for (at, path) in paths(text) {
        let Some(first) = path.first() else { continue };
        let listed = |keys: &[&str]| {
            let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
            if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") }
        };
        let Some((_, keys)) = roots.iter().find(|(root, _)| root == first) else {
            let message = format!("there is no `input.{first}`: it has {}", listed(&roots.map(|(root, _)| root)));
            astray.push((at, message));
            continue;
        };
        if let Some(second) = path.get(1).filter(|second| !keys.contains(second)) {
            let more = if *first == "history" { "; `facts` names more" } else { "" };
            astray.push((at, format!("there is no `input.{first}.{second}`: it has {}{more}", listed(keys))));
        }
    }
    astray
}

/// The first two names after each `input.`, outside of comments and strings.
fn paths(text: &str) -> Vec<(usize, Vec<&str>)> {
    let mut paths = Vec::new();
    let (mut at, mut before) = (0, ' ');
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = match letter {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' => quoted(rest),
            '`' => rest[1..].find('`').map_or(rest.len(), |end| end + 2),
            letter if is_word(letter) => {
                let word = word(rest);
                if word == "input" && before != '.' {
                    let names = names(&rest[word.len()..]);
                    paths.push((at, names));
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
    while names.len() < 2
        && let Some(after) = text.strip_prefix('.')
        && let name = word(after)
        && !name.is_empty()
    {
        names.push(name);
        text = &after[name.len()..];
    }
    names
}

#[cfg(test)]
mod tests {
    use interlock_plugin::prelude::*;

    use super::*;

    fn told(text: &str) -> Vec<(usize, String)> {
        let facts =
            interlock_plugin::settings::read::<Facts>(&json!({"ticket": {"latest": "a/b"}}).to_string()).unwrap();
        astray(text, &facts)
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
}
