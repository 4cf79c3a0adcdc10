//! `${NAME}` in the file's strings: filled in from the environment. `$${` stands for `${` itself.

/// Looks a variable up.
pub type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Why a `${…}` cannot be filled in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No such variable.
    Unset(String),
    /// What stands between the braces names no variable.
    NoName(String),
    /// There is no closing brace.
    Open,
}

/// The text with every variable filled in; one that cannot be stays as it was written.
pub(super) fn expand(text: &str, environment: &Environment<'_>) -> (String, Vec<Fault>) {
    let (mut expanded, mut faults) = (String::with_capacity(text.len()), Vec::new());
    let mut rest = text;
    while let Some((before, from)) = rest.find('$').map(|at| rest.split_at(at)) {
        expanded.push_str(before);
        rest = if let Some(after) = from.strip_prefix("$${") {
            expanded.push_str("${");
            after
        } else if let Some((name, after)) = from.strip_prefix("${").and_then(|inner| inner.split_once('}')) {
            let fault = match is_name(name).then(|| environment(name)) {
                Some(Some(value)) => {
                    expanded.push_str(&value);
                    None
                }
                Some(None) => Some(Fault::Unset(name.to_owned())),
                None => Some(Fault::NoName(name.to_owned())),
            };
            if let Some(fault) = fault {
                faults.push(fault);
                expanded.push_str("${");
                expanded.push_str(name);
                expanded.push('}');
            }
            after
        } else {
            if from.starts_with("${") {
                faults.push(Fault::Open);
            }
            let (dollar, after) = from.split_at(1);
            expanded.push_str(dollar);
            after
        };
    }
    expanded.push_str(rest);
    (expanded, faults)
}

/// Whether a text can name a variable: ASCII letters, digits and `_`, no digit first.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in_and_escapes_are_not() {
        let environment = |name: &str| (name == "A").then(|| "ä${B}".to_owned());
        for (text, expanded, faults) in [
            ("x${A}y", "xä${B}y", vec![]),
            ("$${A} costs $5 $", "${A} costs $5 $", vec![]),
            ("${NONE}", "${NONE}", vec![Fault::Unset("NONE".to_owned())]),
            ("${/amount}", "${/amount}", vec![Fault::NoName("/amount".to_owned())]),
            ("${A", "${A", vec![Fault::Open]),
        ] {
            assert_eq!(expand(text, &environment), (expanded.to_owned(), faults), "`{text}`");
        }
    }
}
