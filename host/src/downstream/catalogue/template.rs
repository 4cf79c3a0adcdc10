//! Whether a URI may come from a URI template (RFC 6570), to find the server that knows it. Pure.

/// Whether the template's literal parts occur in the URI in order, from its beginning to its end. Generous: an
/// expression stands for any text, the empty one included.
pub(super) fn matches(template: &str, uri: &str) -> bool {
    let mut parts = template.split('{').enumerate().map(|(at, part)| match (at, part.split_once('}')) {
        (0, _) | (_, None) => part,
        (_, Some((_, literal))) => literal,
    });
    let Some(mut rest) = uri.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(mut literal) = parts.next() else { return rest.is_empty() };
    for next in parts {
        match rest.split_once(literal) {
            Some((_, after)) => rest = after,
            None => return false,
        }
        literal = next;
    }
    rest.ends_with(literal)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_uri_matches_when_the_literal_parts_are_there_in_order() {
        for (template, uri, expected) in [
            ("file:///{path}", "file:///a/b", true),
            ("file:///{path}", "http://a", false),
            ("db://{table}/rows/{id}", "db://t/rows/7", true),
            ("db://{table}/rows/{id}", "db://t/columns/7", false),
            ("x://{a}.json", "x://b.json", true),
            ("x://{a}.json", "x://b.yaml", false),
            ("x://a", "x://a", true),
            ("x://a", "x://ab", false),
            ("x://a{?q}", "x://a", true),
        ] {
            assert_eq!(matches(template, uri), expected, "{template} {uri}");
        }
    }
}
