//! `auth`: who may come in over HTTP, by keys or by tokens.

use std::collections::BTreeMap;

use http::uri::Authority;
use interlock_glob::Glob;
use url::Url;

use super::{
    document::Node,
    findings::Findings,
    pointer,
    problem::ProblemKind::BadValue,
    shape::{Key, Shape},
};
use crate::{
    gateway::{Resource, ScopeRule},
    identity::TokenConfig,
    oauth::Endpoint,
};

/// What `auth` may hold.
pub(super) const SHAPE: Shape = Shape::Table(&[
    Key::new("keys", Shape::Flag, "Whether API keys are taken; false unless given."),
    Key::new("jwt", Shape::OrNull(&JWT), "Whose access tokens are taken (OAuth 2.1); none unless given."),
    Key::new(
        "hosts",
        Shape::List(&Shape::Text),
        "Names by which other machines call, as in the HTTP `Host` header; with a port, that one only.",
    ),
]);

const JWT: Shape = Shape::Table(&[
    Key::required("issuer", Shape::Text, "Who issues the tokens, by the exact URL that stands in their `iss`."),
    Key::required(
        "audience",
        Shape::Text,
        "The URL by which clients reach this gateway, with its path, `https://HOST/mcp`: tokens have to be issued for it.",
    ),
    Key::new("jwks_url", Shape::Text, "Where the issuer's keys are; where its metadata say, unless given."),
    Key::new(
        "roles_claim",
        Shape::Text,
        "The claim that holds the caller's roles, by name or as a JSON Pointer; `roles` unless given.",
    ),
    Key::new("required_scopes", SCOPES, "Scopes that every request takes; none unless given."),
    Key::new("scopes", Shape::List(&RULE), "Scopes that calls of some tools take beside those."),
    Key::new(
        "implied_scopes",
        Shape::Names(&SCOPES),
        "Scopes that stand for others as well: the broader one, and the narrower ones that it implies.",
    ),
]);

const RULE: Shape = Shape::Table(&[
    Key::required("tools", Shape::List(&Shape::Text), "Patterns of `server/tool`."),
    Key::required("scopes", SCOPES, "Scopes of which a token for them needs all."),
]);

const SCOPES: Shape = Shape::List(&Shape::Text);

/// Whose tokens are taken, and for what.
#[derive(Clone, Debug, PartialEq)]
pub struct Jwt {
    /// What a token has to be.
    pub tokens: TokenConfig,
    /// What clients are told, and what takes which scope.
    pub resource: Resource,
}

/// Whether API keys are taken.
pub(super) fn keys(section: Option<&Node>) -> bool {
    section.and_then(|section| section.get("keys")).and_then(Node::flag).unwrap_or_default()
}

/// By which names other machines call.
pub(super) fn hosts(section: Option<&Node>, findings: &mut Findings<'_>) -> Vec<String> {
    let hosts = section.and_then(|section| section.get("hosts"));
    let named = hosts.into_iter().flat_map(Node::texts).filter_map(|(at, host)| {
        let is_host = host.parse::<Authority>().is_ok_and(|host| {
            let named = host.host();
            host.as_str() == named || host.port_u16().is_some_and(|port| host.as_str() == format!("{named}:{port}"))
        });
        let is_host = is_host && is_name(host);
        if !is_host {
            let what = "must be a host such as `interlock.example.com`, if need be with a port, and without wildcards";
            findings.value(at, BadValue, what);
        }
        is_host.then(|| host.to_owned())
    });
    named.collect()
}

/// Whether a host, perhaps with a port, has a name that one can have: an address, or words between full stops.
fn is_name(host: &str) -> bool {
    let name = host.rsplit_once(':').filter(|_| !host.ends_with(']')).map_or(host, |(name, _)| name);
    let is_word = |word: &str| {
        let plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        plain && !word.is_empty() && !word.starts_with('-')
    };
    name.starts_with('[') || name.split('.').all(is_word)
}

/// Whose tokens are taken; none if none are.
pub(super) fn jwt(section: Option<&Node>, findings: &mut Findings<'_>) -> Option<Jwt> {
    let section = section?.get("jwt").filter(|jwt| !matches!(jwt.value, super::document::Value::Null))?;
    let text = |key| section.get(key).and_then(|at| Some((at, at.text()?)));
    let mut address = |key| {
        let (at, text) = text(key)?;
        match Endpoint::parse(text) {
            Ok(endpoint) if key == "jwks_url" || endpoint.url().query().is_none() => Some(endpoint),
            Ok(_) | Err(_) => {
                findings.value(
                    at,
                    BadValue,
                    "must be a URL with `https://`, or with `http://` on this machine, without user, query and fragment",
                );
                None
            }
        }
    };
    let (issuer, audience, keys) = (address("issuer"), address("audience"), address("jwks_url"));
    if let Some((at, claim)) = text("roles_claim")
        && (claim.trim_start_matches('/').is_empty() || claim.starts_with('/') && pointer::fault(claim).is_some())
    {
        findings.value(at, BadValue, "must name a claim, such as `roles` or `/realm_access/roles`");
    }
    for list in section
        .get("scopes")
        .map_or(&[][..], Node::items)
        .iter()
        .flat_map(|rule| [rule.get("tools"), rule.get("scopes")])
    {
        if let Some(list) = list.filter(|list| list.items().is_empty()) {
            findings.value(list, BadValue, "must not be empty");
        }
    }
    let patterns = section.get("scopes").map_or(&[][..], Node::items).iter().filter_map(|rule| rule.get("tools"));
    for (at, glob) in patterns.flat_map(Node::texts) {
        if !glob.contains('/') && !glob.contains("**") {
            findings.value(at, BadValue, &format!("fits no tool: `{glob}` has no `/`"));
        }
    }
    let rules = section.get("scopes").map_or(&[][..], Node::items).iter().map(|rule| ScopeRule {
        tools: rule.get("tools").into_iter().flat_map(Node::texts).map(|(_, glob)| Glob::new(glob)).collect(),
        scopes: scopes(rule.get("scopes"), findings),
    });
    let rules = rules.collect();
    let implied = section.get("implied_scopes").map_or(&[][..], Node::entries).iter();
    let implied: BTreeMap<_, _> =
        implied.map(|(broad, narrow)| (broad.clone(), scopes(Some(narrow), findings))).collect();
    let required = scopes(section.get("required_scopes"), findings);
    // As written: they are compared letter by letter.
    let written = |key| text(key).map(|(_, text)| text.to_owned()).unwrap_or_default();
    let uri: Url = audience?.url().clone();
    issuer?;
    Some(Jwt {
        tokens: TokenConfig {
            issuer: written("issuer"),
            audience: written("audience"),
            keys,
            roles_claim: text("roles_claim").map_or("roles", |(_, claim)| claim).to_owned(),
        },
        resource: Resource { audience: written("audience"), uri, issuer: written("issuer"), required, rules, implied },
    })
}

/// A list of scopes (RFC 6749, 3.3).
pub(super) fn scopes(list: Option<&Node>, findings: &mut Findings<'_>) -> Vec<String> {
    let is_letter = |letter: u8| matches!(letter, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    let mut scopes = Vec::new();
    for (at, scope) in list.into_iter().flat_map(Node::texts) {
        if scope.is_empty() || !scope.bytes().all(is_letter) {
            findings.value(at, BadValue, "must be a scope: visible ASCII characters without blanks, `\"` and `\\`");
        }
        scopes.push(scope.to_owned());
    }
    scopes
}
