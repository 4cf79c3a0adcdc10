//! How Interlock shows a server who it is: with an access token of its own, which it fetches by the client credentials that
//! the server's configuration has (OAuth 2.1, 4.2). For `http`.
//!
//! A caller's credential never comes this far, and no token goes to another server than the one it was fetched for.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use url::{Url, form_urlencoded::byte_serialize};

use super::config::{ClientCredentials, ClientProof, Reach, TokenSource};
use crate::{
    clock::{Clock, Timestamp},
    oauth::{Answered, AuthorizationServer, Challenge, DiscoveryError, Endpoint, Fetch, FetchError, ProtectedResource},
    secret::Secret,
};

/// A token is renewed so long before its end, or after nine tenths of its time if that is later.
const MARGIN: Duration = Duration::from_secs(30);
/// How long a token is used of which nothing is said: until then, or until the server takes it no more.
const UNSAID: Duration = Duration::from_mins(5);
/// No token is used for longer, whatever is said of it.
const LONGEST: Duration = Duration::from_hours(24);
/// A token that is refused is renewed only if it is older than this. One that is younger would be refused again.
const YOUNG: Duration = Duration::from_secs(5);
/// For so long whoever comes is told of a failure that somebody else has just had.
const REMEMBERED: Duration = Duration::from_secs(2);
/// What a proof by a key is (RFC 7523, 2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Most letters of an error's code that are passed on.
const LONGEST_CODE: usize = 64;

/// Why there is no token. Names hosts and codes, and nothing secret.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum LoginError {
    /// There is no HTTP client, or nobody answers.
    #[error("no access token: {0}")]
    Fetch(#[source] Arc<FetchError>),
    /// Who gives out tokens cannot be found out.
    #[error("who gives out access tokens is not known: {0}")]
    Discovery(#[source] Arc<DiscoveryError>),
    /// The server's metadata name nobody.
    #[error("the server names nobody who gives out access tokens")]
    Nobody,
    /// The server names somebody else than before, who is not to be told the secret.
    #[error("the server names `{found}`, and before `{known}`, as who gives out access tokens")]
    Another {
        /// Whom it named first.
        known: String,
        /// Whom it names now.
        found: String,
    },
    /// The client's key does not sign.
    #[error("no access token: the client's key does not sign")]
    Unsigned,
    /// The client is not let in, or not for what was asked.
    #[error("`{host}` gives no access token: {code}")]
    Refused {
        /// Whose answer.
        host: String,
        /// Its error code, or HTTP status.
        code: String,
    },
    /// The answer has no token that can be used.
    #[error("`{host}` answered with no bearer token that can be used")]
    Malformed {
        /// Whose answer.
        host: String,
    },
}

/// A server's login. Lives as long as the server does, over all its connections.
#[derive(Debug)]
pub(super) struct Login {
    credentials: ClientCredentials,
    server: Url,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Held by the one who fetches.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    failed: Option<(Timestamp, LoginError)>,
    /// Whom the server named: the first time counts.
    issuer: Option<String>,
}

/// An access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    text: Secret,
    fetched: Timestamp,
    ends: Timestamp,
}

impl Token {
    /// The value of the `Authorization` header.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.text.expose())).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Where a token is to be had, and for what.
struct Desk {
    endpoint: Endpoint,
    /// Who is there, to whom a proof is addressed.
    name: String,
    /// Whether a secret goes into the form, and not into a header.
    in_the_form: bool,
    resource: String,
    scope: String,
}

#[derive(Deserialize)]
struct Given {
    access_token: String,
    token_type: String,
    #[serde(default)]
    expires_in: Option<f64>,
}

impl Login {
    /// The login of a server that wants one. Nothing is fetched yet.
    pub(super) fn of(reach: &Reach, clock: &Arc<dyn Clock>) -> Option<Arc<Self>> {
        let Reach::Http { url, oauth: Some(credentials), .. } = reach else { return None };
        let (credentials, clock) = (credentials.clone(), Arc::clone(clock));
        let server = Url::parse(url).ok()?;
        let (state, turn) = (Mutex::default(), tokio::sync::Mutex::default());
        Some(Arc::new(Self { credentials, server, clock, state, turn }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token to show. None where the server has to be asked first who gives them out: it says so when it refuses.
    ///
    /// # Errors
    /// If it cannot be had.
    pub(super) async fn token(&self) -> Result<Option<Token>, LoginError> {
        match self.current() {
            Some(token) => Ok(Some(token)),
            None if self.credentials.from == TokenSource::Server && self.state().issuer.is_none() => Ok(None),
            None => self.fetch_instead_of(None, None).await,
        }
    }

    /// Another token than the one that the server has just refused, or none if that is no use.
    ///
    /// # Errors
    /// As for [`Login::token`].
    pub(super) async fn renewed(
        &self,
        refused: Option<&Token>,
        challenge: Option<&Challenge>,
    ) -> Result<Option<Token>, LoginError> {
        let now = self.clock.now();
        if refused.is_some_and(|token| now.since(token.fetched) < YOUNG) {
            return Ok(None);
        }
        self.fetch_instead_of(refused, challenge).await
    }

    fn current(&self) -> Option<Token> {
        let now = self.clock.now();
        self.state().token.clone().filter(|token| now < token.ends)
    }

    /// Fetches a token, unless somebody else has done so, or failed to, while this one waited for their turn.
    async fn fetch_instead_of(
        &self,
        spent: Option<&Token>,
        challenge: Option<&Challenge>,
    ) -> Result<Option<Token>, LoginError> {
        let _turn = self.turn.lock().await;
        if let Some(token) = self.current().filter(|token| Some(token) != spent) {
            return Ok(Some(token));
        }
        let now = self.clock.now();
        let failed = self.state().failed.clone();
        if let Some((at, error)) = failed.filter(|(at, _)| now.since(*at) < REMEMBERED) {
            tracing::debug!(server = %self.server.host_str().unwrap_or_default(), since = %at, "no token just now");
            return Err(error);
        }
        let fetched = self.fetch(challenge).await;
        let mut state = self.state();
        match fetched {
            Ok(token) => {
                state.token = Some(token.clone());
                state.failed = None;
                Ok(Some(token))
            }
            Err(error) => {
                state.failed = Some((self.clock.now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn fetch(&self, challenge: Option<&Challenge>) -> Result<Token, LoginError> {
        let client = Fetch::new().map_err(|error| LoginError::Fetch(Arc::new(error)))?;
        let Desk { endpoint, name, in_the_form, resource, scope } = self.desk(&client, challenge).await?;
        let ClientCredentials { client_id, proof, .. } = &self.credentials;
        let host = endpoint.url().host_str().unwrap_or_default().to_owned();
        let mut form = vec![("grant_type", "client_credentials"), ("resource", resource.as_str())];
        if !scope.is_empty() {
            form.push(("scope", scope.as_str()));
        }
        // RFC 6749, 2.3.1: both are encoded before they are joined.
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let (signed, login);
        let login = match proof {
            ClientProof::Secret(secret) if in_the_form => {
                form.extend([("client_id", client_id.as_str()), ("client_secret", secret.expose())]);
                None
            }
            ClientProof::Secret(secret) => {
                login = (encoded(client_id), Secret::new(encoded(secret.expose())));
                Some((login.0.as_str(), &login.1))
            }
            ClientProof::Key(key) => {
                signed = key.proof(client_id, &name, self.clock.now()).ok_or(LoginError::Unsigned)?;
                form.extend([("client_assertion_type", JWT_BEARER), ("client_assertion", signed.expose())]);
                None
            }
        };
        let asked = self.clock.now();
        let answered = client.post(&endpoint, &form, login).await;
        let Answered { status, document } = answered.map_err(|error| LoginError::Fetch(Arc::new(error)))?;
        if !status.is_success() {
            return Err(LoginError::Refused { host, code: code(status, &document) });
        }
        let token = serde_json::from_value(document).ok().and_then(|given| token(given, asked));
        token.ok_or(LoginError::Malformed { host })
    }

    /// Finds out where a token is to be had.
    async fn desk(&self, client: &Fetch, challenge: Option<&Challenge>) -> Result<Desk, LoginError> {
        let unknown = |error| LoginError::Discovery(Arc::new(error));
        let ClientCredentials { from, scopes, resource, .. } = &self.credentials;
        let mut scope = scopes.join(" ");
        let mut resource = resource.clone();
        let issuer = match from {
            TokenSource::Endpoint(endpoint) => {
                let resource = resource.unwrap_or_else(|| canonical(&self.server));
                let name = endpoint.url().to_string();
                return Ok(Desk { endpoint: endpoint.clone(), name, in_the_form: false, resource, scope });
            }
            TokenSource::Issuer(issuer) => issuer.clone(),
            TokenSource::Server => {
                let told = challenge.and_then(|challenge| challenge.resource_metadata.as_deref());
                let found = ProtectedResource::discover(client, &self.server, told).await.map_err(unknown)?;
                if let Some(wanted) = challenge.and_then(|challenge| challenge.scope.clone())
                    && scopes.is_empty()
                {
                    scope = wanted;
                }
                resource = resource.or(Some(found.resource));
                self.named(found.authorization_servers)?
            }
        };
        let server = AuthorizationServer::discover(client, &issuer).await.map_err(unknown)?;
        let methods = server.token_endpoint_auth_methods_supported.as_deref().unwrap_or_default();
        let has = |method: &str| methods.iter().any(|one| one == method);
        let in_the_form = has("client_secret_post") && !has("client_secret_basic");
        let resource = resource.unwrap_or_else(|| canonical(&self.server));
        Ok(Desk { endpoint: server.tokens().map_err(unknown)?, name: issuer, in_the_form, resource, scope })
    }

    /// Whom the server names: the one whom it named first, who knows the secret already.
    fn named(&self, all: Vec<String>) -> Result<String, LoginError> {
        let mut state = self.state();
        match &state.issuer {
            Some(known) if all.contains(known) => Ok(known.clone()),
            Some(known) => {
                let found = all.into_iter().next().ok_or(LoginError::Nobody)?;
                Err(LoginError::Another { known: known.clone(), found })
            }
            None => {
                let first = all.into_iter().next().ok_or(LoginError::Nobody)?;
                state.issuer = Some(first.clone());
                Ok(first)
            }
        }
    }
}

/// The URI by which a server is meant (RFC 8707, 2).
fn canonical(server: &Url) -> String {
    let mut uri = server.clone();
    uri.set_query(None);
    uri.set_fragment(None);
    let text = uri.to_string();
    if uri.path() == "/" { text.trim_end_matches('/').to_owned() } else { text }
}

fn token(given: Given, asked: Timestamp) -> Option<Token> {
    let Given { access_token, token_type, expires_in } = given;
    let said = expires_in.map_or(UNSAID, |seconds| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(LONGEST));
    let lasts = said.min(LONGEST);
    let lasts = lasts.saturating_sub(MARGIN).max(lasts.mul_f64(0.9));
    let token = Token { text: Secret::new(access_token), fetched: asked, ends: asked.plus(lasts) };
    let fits = token_type.eq_ignore_ascii_case("bearer") && !token.text.expose().is_empty();
    if fits && token.header().is_some() { Some(token) } else { None }
}

/// What is wrong, in the code that OAuth has for it: what else is said might repeat what was sent.
fn code(status: StatusCode, document: &Value) -> String {
    let code = document.get("error").and_then(Value::as_str).unwrap_or_default();
    let is_code =
        !code.is_empty() && code.len() <= LONGEST_CODE && code.bytes().all(|it| matches!(it, b'a'..=b'z' | b'_'));
    if is_code { code.to_owned() } else { format!("HTTP status {status}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_used_until_shortly_before_its_end() {
        let given = |more: Value| {
            let mut given = json!({"access_token": "t", "token_type": "bearer"});
            given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value(given).ok().and_then(|given| token(given, Timestamp(0)))
        };
        let lasts = |more: Value| given(more).unwrap().ends.0 / 1000;
        assert_eq!(lasts(json!({"expires_in": 3600})), 3570);
        assert_eq!(lasts(json!({"expires_in": 60})), 54);
        assert_eq!(lasts(json!({"expires_in": 0})), 0);
        assert_eq!(lasts(json!({})), 270);
        assert_eq!(lasts(json!({"expires_in": 1e300})), 86_370);
        assert_eq!(lasts(json!({"expires_in": -1})), 0);
        for unfit in [json!({"token_type": "DPoP"}), json!({"access_token": ""}), json!({"access_token": "a\nb"})] {
            assert_eq!(given(unfit.clone()), None, "{unfit}");
        }
    }

    #[test]
    fn nothing_but_a_code_is_told_of_a_refusal() {
        let of = |document: Value| code(StatusCode::BAD_REQUEST, &document);
        assert_eq!(of(json!({"error": "invalid_client", "error_description": "secret"})), "invalid_client");
        for other in [json!(null), json!({"error": "the secret s3cret is wrong"}), json!({"error": "a".repeat(65)})] {
            assert_eq!(of(other), "HTTP status 400 Bad Request");
        }
    }

    #[test]
    fn a_server_is_meant_by_its_canonical_uri() {
        let of = |url: &str| canonical(&Url::parse(url).unwrap());
        assert_eq!(of("HTTPS://A.example/mcp?x=1#y"), "https://a.example/mcp");
        assert_eq!(of("https://a.example/"), "https://a.example");
    }
}
