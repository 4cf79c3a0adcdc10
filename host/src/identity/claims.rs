//! What a token's claims say of its bearer (RFC 7519, RFC 9068). For `tokens`, which has checked who signed them.

use std::time::Duration;

use serde_json::{Map, Value};

use super::tokens::{Rejected, TokenConfig};
use crate::{call::Caller, clock::Timestamp, plain::line};

/// How far two clocks may be apart.
pub(super) const LEEWAY: Duration = Duration::from_secs(30);
/// Most bytes of a subject (OpenID Connect Core 1.0, 2).
const LONGEST_SUBJECT: usize = 255;
/// Most roles, and most scopes, of one token.
const MOST_WORDS: usize = 256;
/// Most bytes of each.
const LONGEST_WORD: usize = 256;

/// Whose token it is, and what it was issued for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The principal is `ISSUER#SUBJECT`: a subject is unique with its issuer only, and no API key has such a name.
    pub caller: Caller,
    /// Its scopes.
    pub scopes: Vec<String>,
}

/// Reads claims that are the issuer's.
///
/// # Errors
/// If they are not for here, not for now, or for nobody.
pub(super) fn read(claims: &Map<String, Value>, config: &TokenConfig, now: Timestamp) -> Result<Bearer, Rejected> {
    if claims.get("iss").and_then(Value::as_str) != Some(&config.issuer) {
        return Err(Rejected::Issuer);
    }
    let is_here = |audience: &Value| audience.as_str() == Some(&config.audience);
    if !claims.get("aud").is_some_and(|audience| is_here(audience) || list(audience).iter().any(is_here)) {
        return Err(Rejected::Audience);
    }
    let time = |name| claims.get(name).map(|value| value.as_f64().map(after_epoch).ok_or(Rejected::Malformed));
    let expires = time("exp").ok_or(Rejected::Malformed)??;
    if expires.plus(LEEWAY) <= now {
        return Err(Rejected::Expired);
    }
    if let Some(begins) = time("nbf").transpose()?
        && now.plus(LEEWAY) < begins
    {
        return Err(Rejected::Early);
    }
    if claims.contains_key("cnf") {
        // RFC 7800: worth something only together with a key that is not asked for here.
        return Err(Rejected::Bound);
    }
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    let fits = !subject.is_empty() && subject.len() <= LONGEST_SUBJECT && subject.trim() == subject;
    // As with the names of keys: what does not show would make two principals look like one.
    if !fits || line(subject) != subject {
        return Err(Rejected::Subject);
    }
    let principal = format!("{}#{subject}", config.issuer);
    let roles = at(claims, &config.roles_claim).map(words).unwrap_or_default();
    let scopes = claims.get("scope").or_else(|| claims.get("scp")).map(words).unwrap_or_default();
    Ok(Bearer { caller: Caller { principal, roles, client: None }, scopes })
}

/// A `NumericDate`: seconds since the epoch, with or without a fraction. What is out of all bounds is the nearest bound.
fn after_epoch(seconds: f64) -> Timestamp {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "such a cast ends at the bounds")]
    let milliseconds = (seconds * 1000.0) as u64;
    Timestamp(milliseconds)
}

/// A claim by its name, or by the JSON Pointer to it.
fn at<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let Some(path) = name.strip_prefix('/') else { return claims.get(name) };
    let unescaped = |key: &str| key.replace("~1", "/").replace("~0", "~");
    let (first, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let first = claims.get(&unescaped(first))?;
    rest.map_or(Some(first), |rest| first.pointer(&format!("/{rest}")))
}

/// A list of texts, or one text with blanks between them. What is no such thing says nothing.
fn words(value: &Value) -> Vec<String> {
    let fits = |word: &&str| !word.is_empty() && word.len() <= LONGEST_WORD && line(word) == *word;
    let words: Vec<&str> = match value {
        Value::String(text) => text.split(' ').collect(),
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    words.into_iter().filter(fits).take(MOST_WORDS).map(str::to_owned).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_767_603_600;

    fn config(roles_claim: &str) -> TokenConfig {
        TokenConfig {
            issuer: "https://id.example.com".to_owned(),
            audience: "https://gate.example.com/mcp".to_owned(),
            keys: None,
            roles_claim: roles_claim.to_owned(),
        }
    }

    fn read_with(roles_claim: &str, change: Value) -> Result<Bearer, Rejected> {
        let mut claims = json!({
            "iss": "https://id.example.com", "aud": "https://gate.example.com/mcp", "sub": "ann", "exp": NOW + 60,
        });
        for (name, value) in change.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().shift_remove(name),
                value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        read(claims.as_object().unwrap(), &config(roles_claim), Timestamp(NOW * 1000))
    }

    #[test]
    fn a_token_is_good_for_this_audience_from_this_issuer_at_this_time_and_for_somebody() {
        let bearer = read_with("roles", json!({"scope": "a b", "aud": ["x", "https://gate.example.com/mcp"]})).unwrap();
        assert_eq!(bearer.caller.principal, "https://id.example.com#ann");
        assert_eq!(bearer.scopes, ["a", "b"]);
        for (change, expected) in [
            (json!({"iss": "https://evil.example.com"}), Rejected::Issuer),
            (json!({"iss": "https://id.example.com/"}), Rejected::Issuer),
            (json!({"iss": ["https://id.example.com"]}), Rejected::Issuer),
            (json!({"iss": null}), Rejected::Issuer),
            (json!({"aud": "https://gate.example.com"}), Rejected::Audience),
            (json!({"aud": []}), Rejected::Audience),
            (json!({"aud": null}), Rejected::Audience),
            (json!({"sub": "an\u{200b}n"}), Rejected::Subject),
            (json!({"exp": null}), Rejected::Malformed),
            (json!({"exp": "never"}), Rejected::Malformed),
            (json!({"exp": NOW - 30}), Rejected::Expired),
            (json!({"exp": -1e300}), Rejected::Expired),
            (json!({"nbf": NOW + 31}), Rejected::Early),
            (json!({"nbf": 1e300}), Rejected::Early),
            (json!({"nbf": "soon"}), Rejected::Malformed),
            (json!({"cnf": {"jkt": "x"}}), Rejected::Bound),
            (json!({"sub": null}), Rejected::Subject),
            (json!({"sub": ""}), Rejected::Subject),
            (json!({"sub": 7}), Rejected::Subject),
            (json!({"sub": "a\nb"}), Rejected::Subject),
            (json!({"sub": " a"}), Rejected::Subject),
            (json!({"sub": "a".repeat(256)}), Rejected::Subject),
        ] {
            let found = read_with("roles", change.clone()).unwrap_err();
            assert_eq!(found.to_string(), expected.to_string(), "{change}");
        }
        for fine in [json!({"exp": NOW - 29}), json!({"exp": (NOW as f64) + 0.5}), json!({"nbf": NOW + 30})] {
            assert!(read_with("roles", fine.clone()).is_ok(), "{fine}");
        }
    }

    #[test]
    fn roles_come_from_the_claim_that_is_configured_or_are_none() {
        let roles = |claim: &str, claims: Value| read_with(claim, claims).unwrap().caller.roles;
        assert_eq!(roles("roles", json!({"roles": ["ci", "night"]})), ["ci", "night"]);
        assert_eq!(roles("groups", json!({"roles": ["ci"], "groups": "a  b"})), ["a", "b"]);
        assert_eq!(roles("/realm_access/roles", json!({"realm_access": {"roles": ["ci"]}})), ["ci"]);
        assert_eq!(roles("/https:~1~1x~1roles", json!({"https://x/roles": ["ci"]})), ["ci"]);
        assert_eq!(roles("https://x/roles", json!({"https://x/roles": ["ci"]})), ["ci"]);
        let odd = json!({"roles": [7, null, "", "a\u{7}b", "le\u{200b}ad", "ok", "x".repeat(257)]});
        assert_eq!(roles("roles", odd), ["ok"]);
        for nothing in [json!({}), json!({"roles": 7}), json!({"roles": {"admin": true}})] {
            assert!(roles("roles", nothing.clone()).is_empty(), "{nothing}");
        }
    }
}
