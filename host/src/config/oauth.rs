//! `oauth` of a server: how Interlock gets the tokens that the server wants.

use url::Url;

use super::{
    document::{Node, Value},
    findings::Findings,
    problem::ProblemKind::{BadValue, Clash, Keys},
    shape::{Key, Shape},
};
use crate::{
    downstream::{ClientCredentials, ClientProof, TokenSource},
    oauth::{ClientKey, Endpoint},
    secret::Secret,
};

/// What `oauth` may hold.
pub(super) const SHAPE: Shape = Shape::OrNull(&Shape::OneOf(&PROOFS, &KEYS));

const PROOFS: [&str; 2] = ["client_secret", "private_key"];

const KEYS: [Key; 7] = [
    Key::required("client_id", Shape::Text, "Who Interlock is to whoever gives out the tokens."),
    Key::new("client_secret", Shape::Text, "The secret that proves it, best as `${NAME}` from the environment."),
    Key::new(
        "private_key",
        Shape::Text,
        "The key that proves it by what it signs, in PEM (PKCS #8), best as `${NAME}` from the environment.",
    ),
    Key::new("token_url", Shape::Text, "Where tokens are given out; found out unless given."),
    Key::new(
        "issuer",
        Shape::Text,
        "Who gives out the tokens, by URL, if `token_url` is not given; whom the server names unless given.",
    ),
    Key::new(
        "scopes",
        Shape::List(&Shape::Text),
        "What the tokens are to be for; what the server asks for unless given.",
    ),
    Key::new(
        "resource",
        Shape::Text,
        "What they are to be valid for (RFC 8707); what the server calls itself unless given.",
    ),
];

/// The credentials; none if there are none.
pub(super) fn read(server: &Node, url: &str, findings: &mut Findings<'_>) -> Option<ClientCredentials> {
    let section = server.get("oauth").filter(|section| !matches!(section.value, Value::Null))?;
    let text = |key| section.get(key).and_then(|at| Some((at, at.text()?)));
    if Url::parse(url).is_ok() && Endpoint::parse(url).is_err() {
        findings.key(section, BadValue, "tokens go only to a `url` with `https://`, or with `http://` on this machine");
    }
    let headers = server.get("headers").map_or(&[][..], Node::entries);
    if let Some((name, at)) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
        findings.key(at, Clash, &format!("the header `{name}` is that of the tokens which `oauth` fetches"));
    }
    for key in ["client_id", "client_secret"] {
        if let Some((at, "")) = text(key) {
            findings.value(at, BadValue, "must not be empty");
        }
    }
    let proof = match (text("client_secret"), text("private_key")) {
        (Some((_, secret)), _) => Some(ClientProof::Secret(Secret::new(secret))),
        (None, Some((at, pem))) => match ClientKey::read(&Secret::new(pem)) {
            Ok(key) => Some(ClientProof::Key(key)),
            Err(error) => {
                // A variable that is not set is told of as that.
                if !matches!(&at.value, Value::Text(_, faults) if !faults.is_empty()) {
                    findings.value(at, BadValue, &format!("cannot be used: {error}"));
                }
                None
            }
        },
        (None, None) => None,
    };
    let mut address = |key| {
        let (at, text) = text(key)?;
        let read = Endpoint::parse(text).ok();
        if read.is_none() {
            findings.value(at, BadValue, "must be a URL with `https://`, or with `http://` on this machine");
        }
        read.map(|endpoint| (endpoint, text))
    };
    let from = match (address("token_url"), address("issuer")) {
        (Some((endpoint, _)), _) => TokenSource::Endpoint(endpoint),
        (None, Some((_, issuer))) => TokenSource::Issuer(issuer.to_owned()),
        (None, None) => TokenSource::Server,
    };
    if let (Some(_), Some(issuer)) = (section.get("token_url"), section.get("issuer")) {
        findings.key(issuer, Keys, "`issuer` says nothing beside `token_url`");
    }
    if let Some((at, resource)) = text("resource")
        && Url::parse(resource).map_or(true, |uri| uri.fragment().is_some())
    {
        findings.value(at, BadValue, "must be a URI without fragment");
    }
    Some(ClientCredentials {
        client_id: text("client_id").map(|(_, id)| id.to_owned()).unwrap_or_default(),
        proof: proof?,
        scopes: super::auth::scopes(section.get("scopes"), findings),
        resource: text("resource").map(|(_, resource)| resource.to_owned()),
        from,
    })
}
