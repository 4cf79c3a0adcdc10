//! What a gateway asks a registry for, by the OCI Distribution Specification 1.1: a manifest and a blob.
//!
//! `oci-client` reads manifests, tokens and errors to their end, wherever that is. Here no answer takes more memory than was
//! allowed for it before it was asked for.

use http::{HeaderMap, StatusCode, header};
use oci_client::{manifest::OCI_IMAGE_MEDIA_TYPE, secrets::RegistryAuth};
use reqwest::{Client, RequestBuilder, Response, Url};
use serde::Deserialize;

use super::{Reference, RegistryError, client, reference::is_local};

/// No more is read of a token, or of what a registry says of a failure.
const MAX_WORDS_BYTES: usize = 64 << 10;
/// Most letters of that which are passed on.
const MAX_WORDS: usize = 512;

/// A way to one registry, for one reference.
#[derive(Debug)]
pub(super) struct Download<'a> {
    client: Client,
    from: &'a Reference,
    login: RegistryAuth,
    /// What it is shown, once it has asked for something.
    permission: RegistryAuth,
}

/// The beginning of what was sent, and whether that is all of it.
struct Body {
    bytes: Vec<u8>,
    whole: bool,
}

/// What a registry wants to be shown (RFC 7617, RFC 6750).
enum Challenge {
    Basic,
    /// A token that is given at another place.
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<Error>,
}

#[derive(Deserialize)]
struct Error {
    code: String,
    #[serde(default)]
    message: String,
}

impl<'a> Download<'a> {
    /// To the registry of a reference, as the holder of these credentials.
    pub(super) fn new(from: &'a Reference, login: RegistryAuth) -> Result<Self, RegistryError> {
        let mut client = Client::builder()
            .connect_timeout(client::CONNECT)
            .read_timeout(client::SILENCE)
            .user_agent(client::USER_AGENT)
            // Wherever it may be sent on to, or asked to show its credentials.
            .https_only(!from.is_local());
        if from.is_local() {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| told(from, error))?;
        Ok(Self { client, from, login, permission: RegistryAuth::Anonymous })
    }

    /// The manifest, if it has at most so many bytes.
    pub(super) async fn manifest(&mut self, most: usize) -> Result<Option<Vec<u8>>, RegistryError> {
        let image = self.from.inner();
        let named = image.digest().or(image.tag()).unwrap_or("latest");
        self.get(&format!("manifests/{named}"), OCI_IMAGE_MEDIA_TYPE, most).await
    }

    /// A blob, if it has at most so many bytes.
    pub(super) async fn blob(&mut self, digest: &str, most: usize) -> Result<Option<Vec<u8>>, RegistryError> {
        self.get(&format!("blobs/{digest}"), "*/*", most).await
    }

    async fn get(&mut self, what: &str, accept: &str, most: usize) -> Result<Option<Vec<u8>>, RegistryError> {
        let mut answer = self.ask(what, accept).await?;
        if answer.status() == StatusCode::UNAUTHORIZED && self.permission == RegistryAuth::Anonymous {
            self.permission = self.log_in(answer.headers()).await?;
            if self.permission != RegistryAuth::Anonymous {
                answer = self.ask(what, accept).await?;
            }
        }
        if answer.status() != StatusCode::OK {
            return Err(self.failure(answer).await);
        }
        let body = read(answer, most).await.map_err(|error| told(self.from, error))?;
        Ok(body.whole.then_some(body.bytes))
    }

    async fn ask(&self, what: &str, accept: &str) -> Result<Response, RegistryError> {
        let scheme = if self.from.is_local() { "http" } else { "https" };
        let (registry, repository) = (self.from.registry(), self.from.inner().repository());
        let request = self.client.get(format!("{scheme}://{registry}/v2/{repository}/{what}"));
        // Where it is sent on to another host, what is shown does not go with it.
        let request = shown(request.header(header::ACCEPT, accept), &self.permission);
        request.send().await.map_err(|error| told(self.from, error))
    }

    /// What to show, by the challenges in an answer: the credentials, or a token that somebody gives for them, or to anybody.
    async fn log_in(&self, answer: &HeaderMap) -> Result<RegistryAuth, RegistryError> {
        match challenge(answer) {
            Some(Challenge::Basic) => Ok(self.login.clone()),
            Some(Challenge::Bearer { realm, service }) => self.token(&realm, service).await,
            None => Ok(RegistryAuth::Anonymous),
        }
    }

    async fn token(&self, realm: &str, service: Option<String>) -> Result<RegistryAuth, RegistryError> {
        let failure =
            |reason: &str| RegistryError::Registry { reference: self.from.to_string(), reason: reason.into() };
        let mut realm = Url::parse(realm).map_err(|_| failure("it names no place to log in at"))?;
        // The credentials go there. Nobody is to listen.
        if realm.scheme() != "https" && !is_local(realm.host_str().unwrap_or_default()) {
            return Err(failure("it wants the credentials to be sent in the clear"));
        }
        let scope = format!("repository:{}:pull", self.from.inner().repository());
        realm.query_pairs_mut().append_pair("scope", &scope).extend_pairs(service.map(|name| ("service", name)));
        let asked = shown(self.client.get(realm), &self.login).send();
        let answer = asked.await.map_err(|error| told(self.from, error))?;
        if answer.status() != StatusCode::OK {
            return Err(self.failure(answer).await);
        }
        let body = read(answer, MAX_WORDS_BYTES).await.map_err(|error| told(self.from, error))?;
        let token: Option<Token> = serde_json::from_slice(&body.bytes).ok();
        let token = token.and_then(|Token { token, access_token }| token.or(access_token));
        token.map(RegistryAuth::Bearer).ok_or_else(|| failure("it gives no token that can be read"))
    }

    /// Why it did not do it, in its own words if it has any.
    async fn failure(&self, answer: Response) -> RegistryError {
        let status = answer.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return RegistryError::not_let_through(self.from, &self.login);
        }
        let words = read(answer, MAX_WORDS_BYTES).await.map(|body| body.bytes).unwrap_or_default();
        let errors = serde_json::from_slice(&words).map(|Errors { errors }| errors).unwrap_or_default();
        let words = errors.iter().map(|Error { code, message }| format!(", {code}: {message}")).collect::<String>();
        let reason = format!("it answered {status}{}", words.chars().take(MAX_WORDS).collect::<String>());
        RegistryError::Registry { reference: self.from.to_string(), reason }
    }
}

/// The first challenge in an answer that can be met.
fn challenge(answer: &HeaderMap) -> Option<Challenge> {
    let texts = answer.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|text| text.to_str().ok());
    let mut challenges = texts.filter_map(|text| http_auth::parse_challenges(text).ok()).flatten();
    challenges.find_map(|challenge| {
        let parameter = |wanted: &str| {
            let found = challenge.params.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.to_unescaped())
        };
        if challenge.scheme.eq_ignore_ascii_case("basic") {
            return Some(Challenge::Basic);
        }
        let realm = parameter("realm").filter(|_| challenge.scheme.eq_ignore_ascii_case("bearer"))?;
        Some(Challenge::Bearer { realm, service: parameter("service") })
    })
}

fn shown(request: RequestBuilder, permission: &RegistryAuth) -> RequestBuilder {
    match permission {
        RegistryAuth::Anonymous => request,
        RegistryAuth::Basic(name, secret) => request.basic_auth(name, Some(secret)),
        RegistryAuth::Bearer(token) => request.bearer_auth(token),
    }
}

/// Reads until there are more than so many bytes. Nothing beyond is waited for.
async fn read(mut answer: Response, most: usize) -> reqwest::Result<Body> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        let fits = chunk.get(..most.saturating_sub(bytes.len())).unwrap_or(&chunk);
        bytes.extend_from_slice(fits);
        if fits.len() < chunk.len() {
            return Ok(Body { bytes, whole: false });
        }
    }
    Ok(Body { bytes, whole: true })
}

/// Without the address: where it was sent on to, that may be as good as a password.
fn told(from: &Reference, error: reqwest::Error) -> RegistryError {
    let error = error.without_url();
    RegistryError::Registry { reference: from.to_string(), reason: super::chain(&error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn on_the_way_to_a_registry_elsewhere_nothing_goes_in_the_clear() {
        let from = "oci://registry.example/rule:1".parse().unwrap();
        let download = Download::new(&from, RegistryAuth::Anonymous).unwrap();
        let refused = download.client.get("http://127.0.0.1:9").send().await.unwrap_err();
        assert!(refused.is_builder(), "it was sent: {refused:?}");
    }
}
