//! JSON Pointers (RFC 6901), for naming places of the file and for checking those that it contains.

use interlock_glob::Glob;

/// `pointer` with one more step to `key`.
pub(super) fn join(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The keys along a pointer.
pub(super) fn keys(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")).collect()
}

/// What a pointer leads to, as people are told: (`settings`, `/rules/0`) is "`settings/rules/0`".
pub(super) fn named(from: &str, pointer: &str) -> String {
    let mut path = vec![from.to_owned()];
    path.extend(keys(pointer));
    format!("`{}`", path.join("/"))
}

/// Why a text is not a pointer to something within a value, if it is not.
pub(super) fn fault(text: &str) -> Option<&'static str> {
    if !text.starts_with('/') {
        return Some("a JSON Pointer starts with `/`");
    }
    let stray = text.split('~').skip(1).any(|after| !after.starts_with(['0', '1']));
    stray.then_some("in a JSON Pointer, `~` is written `~0`")
}

/// The redaction that hides what a pointer leads to, whatever the tool.
pub(super) fn hidden<'r>(pointer: &str, redact: &'r [(Glob, Vec<String>)]) -> Option<&'r String> {
    redact.iter().flat_map(|(_, pointers)| pointers).find(|hidden| {
        pointer.strip_prefix(hidden.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_taken_apart_as_it_was_put_together() {
        let pointer = join(&join("", "crm/*"), "a~b");
        assert_eq!(pointer, "/crm~1*/a~0b");
        assert_eq!(keys(&pointer), ["crm/*", "a~b"]);
        assert_eq!(fault(&pointer), None);
        for wrong in ["", "a", "/a~", "/a~2"] {
            assert!(fault(wrong).is_some(), "`{wrong}`");
        }
    }
}
