//! What authorization servers and protected resources say of themselves (RFC 8414, OpenID Connect Discovery 1.0, RFC 9728).

use http::StatusCode;
use serde::Deserialize;
use url::Url;

use super::{Endpoint, Fetch, FetchError, NotAnEndpoint};

/// Why something is not known of an authorization server or a resource.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// An address that is not to be used.
    #[error(transparent)]
    Address(#[from] NotAnEndpoint),
    /// Nothing came.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// There is no document where it has to be.
    #[error("`{0}` has no metadata where RFC 8414 or OpenID Connect has them")]
    Nowhere(String),
    /// The document is about somebody else.
    #[error("the metadata of `{asked}` are those of `{found}`")]
    Another {
        /// Whose they should be.
        asked: String,
        /// Whose they say they are.
        found: String,
    },
    /// The document does not have what is needed.
    #[error("the metadata of `{about}` cannot be used: {problem}")]
    Malformed {
        /// Whose they are.
        about: String,
        /// What is wrong.
        problem: String,
    },
}

/// An authorization server, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AuthorizationServer {
    /// Its identifier, as asked for.
    pub issuer: String,
    /// Where its keys are.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// Where it gives out tokens.
    #[serde(default)]
    pub token_endpoint: Option<String>,
    /// How clients may authenticate there; what is left out means `client_secret_basic`.
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

impl AuthorizationServer {
    /// Asks an issuer, at each of the places where its metadata may be.
    ///
    /// # Errors
    /// If it does not answer, has none, or another's.
    pub async fn discover(fetch: &Fetch, issuer: &str) -> Result<Self, DiscoveryError> {
        let home = Endpoint::parse(issuer)?;
        for place in places(home.url()) {
            let document = match fetch.get(&Endpoint::parse(place.as_str())?).await {
                Ok(document) => document,
                Err(FetchError::Status { status, .. }) if is_elsewhere(status) => continue,
                Err(error) => return Err(error.into()),
            };
            let read: Self = serde_json::from_value(document).map_err(|error| malformed(issuer, &error.to_string()))?;
            // RFC 8414, 3.3: by simple comparison. Anybody could say that their keys are another's.
            if read.issuer != issuer {
                return Err(DiscoveryError::Another { asked: issuer.to_owned(), found: read.issuer });
            }
            return Ok(read);
        }
        Err(DiscoveryError::Nowhere(issuer.to_owned()))
    }

    /// Where its keys are.
    ///
    /// # Errors
    /// If it does not say so, or names an address that is not to be used.
    pub fn keys(&self) -> Result<Endpoint, DiscoveryError> {
        self.endpoint(self.jwks_uri.as_deref(), "jwks_uri")
    }

    /// Where it gives out tokens.
    ///
    /// # Errors
    /// As for [`AuthorizationServer::keys`].
    pub fn tokens(&self) -> Result<Endpoint, DiscoveryError> {
        self.endpoint(self.token_endpoint.as_deref(), "token_endpoint")
    }

    fn endpoint(&self, named: Option<&str>, field: &str) -> Result<Endpoint, DiscoveryError> {
        let named = named.ok_or_else(|| malformed(&self.issuer, &format!("`{field}` is missing")))?;
        Ok(Endpoint::parse(&self.issuer)?.leads_to(named)?)
    }
}

/// A protected resource, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ProtectedResource {
    /// Its identifier.
    pub resource: String,
    /// Whose tokens it takes.
    #[serde(default)]
    pub authorization_servers: Vec<String>,
}

impl ProtectedResource {
    /// Asks a server at `url`: where its challenge says, or at the places where RFC 9728 has it.
    ///
    /// # Errors
    /// If it does not answer, has none, or another's: the resource has to be this origin, and `url` be part of it.
    pub async fn discover(fetch: &Fetch, url: &Url, told: Option<&str>) -> Result<Self, DiscoveryError> {
        let home = Endpoint::parse(url.as_str())?;
        let mut read = None;
        for place in told.map_or_else(|| at_home(url), |told| vec![told.to_owned()]) {
            match fetch.get(&home.leads_to(&place)?).await {
                Ok(document) => {
                    read = Some(document);
                    break;
                }
                Err(FetchError::Status { status, .. }) if is_elsewhere(status) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let read = read.ok_or_else(|| malformed(url.as_str(), "there are none"))?;
        let read: Self = serde_json::from_value(read).map_err(|error| malformed(url.as_str(), &error.to_string()))?;
        let is_ours = Url::parse(&read.resource).is_ok_and(|resource| is_within(url, &resource));
        if !is_ours {
            return Err(DiscoveryError::Another { asked: url.to_string(), found: read.resource });
        }
        Ok(read)
    }
}

/// Whether a URL belongs to a resource: the same origin, and its path or one below it.
fn is_within(url: &Url, resource: &Url) -> bool {
    let (path, above) = (url.path(), resource.path().trim_end_matches('/'));
    let below = path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    url.origin() == resource.origin() && below
}

/// RFC 9728, 3.1: the well-known part comes before the path; and for the whole host.
fn at_home(url: &Url) -> Vec<String> {
    const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
    let origin = url.origin().ascii_serialization();
    let path = url.path().trim_end_matches('/');
    let mut places = vec![format!("{origin}{WELL_KNOWN}{path}")];
    if !path.is_empty() {
        places.push(format!("{origin}{WELL_KNOWN}"));
    }
    places
}

/// Where the metadata of an issuer may be, in the order that MCP demands.
fn places(issuer: &Url) -> Vec<String> {
    let origin = issuer.origin().ascii_serialization();
    let path = issuer.path().trim_end_matches('/');
    let mut places = vec![
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
        format!("{origin}/.well-known/openid-configuration{path}"),
    ];
    if !path.is_empty() {
        places.push(format!("{origin}{path}/.well-known/openid-configuration"));
    }
    places
}

/// Whether a status says that the document is not at this place.
fn is_elsewhere(status: StatusCode) -> bool {
    status.is_client_error() || status.is_redirection()
}

fn malformed(about: &str, problem: &str) -> DiscoveryError {
    DiscoveryError::Malformed { about: about.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_are_looked_for_where_the_rfcs_have_them() {
        let of = |url: &str| places(&Url::parse(url).unwrap());
        assert_eq!(
            of("https://id.example.com/"),
            [
                "https://id.example.com/.well-known/oauth-authorization-server",
                "https://id.example.com/.well-known/openid-configuration",
            ]
        );
        assert_eq!(
            of("https://id.example.com:8443/realms/a"),
            [
                "https://id.example.com:8443/.well-known/oauth-authorization-server/realms/a",
                "https://id.example.com:8443/.well-known/openid-configuration/realms/a",
                "https://id.example.com:8443/realms/a/.well-known/openid-configuration",
            ]
        );
    }

    #[test]
    fn a_url_belongs_to_the_resource_at_or_above_it() {
        let within = |url: &str, resource: &str| is_within(&Url::parse(url).unwrap(), &Url::parse(resource).unwrap());
        for resource in ["https://a.example/mcp", "https://a.example", "https://a.example/"] {
            assert!(within("https://a.example/mcp", resource), "{resource}");
        }
        for other in
            ["https://b.example/mcp", "http://a.example/mcp", "https://a.example/mc", "https://a.example/mcp/x"]
        {
            assert!(!within("https://a.example/mcp", other), "{other}");
        }
    }
}
