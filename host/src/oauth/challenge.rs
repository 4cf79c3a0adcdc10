//! What a server says that wants a token, or another one (RFC 6750, RFC 9728).

use http::{HeaderMap, header::WWW_AUTHENTICATE};

/// The `Bearer` challenge of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenge {
    /// Where the resource's metadata are.
    pub resource_metadata: Option<String>,
    /// The scopes that are needed.
    pub scope: Option<String>,
    /// What is wrong with the token that was shown.
    pub error: Option<String>,
}

impl Challenge {
    /// The first one of an answer; none if it wants no bearer token.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let texts = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let mut all = texts.filter_map(|text| http_auth::parse_challenges(text).ok()).flatten();
        let bearer = all.find(|challenge| challenge.scheme.eq_ignore_ascii_case("bearer"))?;
        let parameter = |wanted: &str| {
            let found = bearer.params.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.to_unescaped())
        };
        Some(Self {
            resource_metadata: parameter("resource_metadata"),
            scope: parameter("scope"),
            error: parameter("error"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_challenge_is_found_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(Challenge::of(&headers), None);
        headers.append(WWW_AUTHENTICATE, "Basic realm=\"a\"".parse().unwrap());
        assert_eq!(Challenge::of(&headers), None);
        let bearer = "bearer resource_metadata=\"https://a.example/m\", scope=\"r w\", error=\"insufficient_scope\"";
        headers.append(WWW_AUTHENTICATE, bearer.parse().unwrap());
        let Challenge { resource_metadata, scope, error } = Challenge::of(&headers).unwrap();
        assert_eq!(resource_metadata.as_deref(), Some("https://a.example/m"));
        assert_eq!((scope.as_deref(), error.as_deref()), (Some("r w"), Some("insufficient_scope")));
    }
}
