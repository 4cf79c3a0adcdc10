//! An authorization server on this machine: metadata, keys that rotate, and tokens for clients of its own.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use aws_lc_rs::{
    encoding::AsDer as _,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use interlock::{
    clock::{Clock as _, SystemClock},
    tasks::Tasks,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode, jwk::Jwk};
use serde_json::{Value, json};

/// What tokens are for, unless they are for something else.
pub(crate) const AUDIENCE: &str = "https://gate.example.com/mcp";

/// A key of the issuer's, or of somebody else's.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    algorithm: Algorithm,
    private: EncodingKey,
    der: Vec<u8>,
}

impl Key {
    pub(crate) fn new(id: &str) -> Self {
        let made =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &aws_lc_rs::rand::SystemRandom::new());
        let der = made.unwrap().as_ref().to_vec();
        Self { id: id.to_owned(), algorithm: Algorithm::ES256, private: EncodingKey::from_ec_der(&der), der }
    }

    pub(crate) fn rsa(id: &str) -> Self {
        let der = RsaKeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
        let der = der.as_ref().to_vec();
        let private = EncodingKey::from_rsa_pem(pem(&der).as_bytes()).unwrap();
        Self { id: id.to_owned(), algorithm: Algorithm::RS256, private, der }
    }

    pub(crate) fn pem(&self) -> String {
        pem(&self.der)
    }

    pub(crate) fn public(&self) -> Value {
        let mut public = Jwk::from_encoding_key(&self.private, self.algorithm).unwrap();
        public.common.key_id = Some(self.id.clone());
        serde_json::to_value(public).unwrap()
    }

    /// A token with this header and these claims, signed with this key.
    pub(crate) fn sign(&self, header: &Header, claims: &Value) -> String {
        encode(header, claims, &self.private).unwrap()
    }

    pub(crate) fn header(&self) -> Header {
        Header { kid: Some(self.id.clone()), ..Header::new(self.algorithm) }
    }
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64_STANDARD.encode(der))
}

/// The server; it stands as long as this is held.
pub(crate) struct Issuer {
    pub(crate) url: String,
    shared: Arc<Shared>,
    tasks: Tasks,
}

struct Shared {
    url: String,
    keys: Mutex<Vec<Key>>,
    /// The key of a client that signs.
    client: Mutex<Option<Key>>,
    away: AtomicBool,
    asked_for_keys: AtomicUsize,
    /// What came to the token endpoint: who said they were which client, and the form.
    asked_for_tokens: Mutex<Vec<(String, BTreeMap<String, String>)>>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.tasks.stopping().cancel();
    }
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            url: url.clone(),
            keys: Mutex::new(vec![Key::new("first")]),
            client: Mutex::default(),
            away: AtomicBool::new(false),
            asked_for_keys: AtomicUsize::new(0),
            asked_for_tokens: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(Arc::clone(&shared));
        let tasks = Tasks::new();
        let stopping = tasks.stopping();
        tasks.spawn("test issuer", async move {
            let _ = stopping.run_until_cancelled(async { axum::serve(listener, router).await }).await;
        });
        Self { url, shared, tasks }
    }

    pub(crate) fn key(&self) -> Key {
        self.shared.keys.lock().unwrap().last().unwrap().clone()
    }

    /// From now on it signs with this key, and no longer with those before.
    pub(crate) fn rotate(&self, to: Key) {
        *self.shared.keys.lock().unwrap() = vec![to];
    }

    /// Lets a client in that signs with this key.
    pub(crate) fn let_in(&self, client: Key) {
        *self.shared.client.lock().unwrap() = Some(client);
    }

    /// Whether nothing but errors can be had from it.
    pub(crate) fn be_away(&self, away: bool) {
        self.shared.away.store(away, Ordering::SeqCst);
    }

    pub(crate) fn asked_for_keys(&self) -> usize {
        self.shared.asked_for_keys.load(Ordering::SeqCst)
    }

    pub(crate) fn asked_for_tokens(&self) -> Vec<(String, BTreeMap<String, String>)> {
        self.shared.asked_for_tokens.lock().unwrap().clone()
    }

    /// The claims of a good token for this subject, with these changed; null: left out.
    pub(crate) fn claims(&self, subject: &str, change: Value) -> Value {
        self.shared.claims(subject, AUDIENCE, change)
    }

    /// A token for this subject, with these claims changed.
    pub(crate) fn token(&self, subject: &str, change: Value) -> String {
        let key = self.key();
        key.sign(&key.header(), &self.claims(subject, change))
    }
}

impl Shared {
    fn claims(&self, subject: &str, audience: &str, change: Value) -> Value {
        let now = now();
        let mut claims = json!({
            "iss": self.url, "aud": audience, "sub": subject, "iat": now, "exp": now + 600, "roles": ["ci"],
        });
        for (name, value) in change.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().shift_remove(name),
                value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        claims
    }
}

/// Seconds since the epoch.
pub(crate) fn now() -> u64 {
    SystemClock.now().0 / 1000
}

async fn metadata(State(shared): State<Arc<Shared>>) -> Result<String, StatusCode> {
    if shared.away.load(Ordering::SeqCst) {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let url = &shared.url;
    let metadata = json!({
        "issuer": url, "jwks_uri": format!("{url}/keys"), "token_endpoint": format!("{url}/token"),
        "authorization_endpoint": format!("{url}/nowhere"),
        "grant_types_supported": ["client_credentials"], "response_types_supported": ["none"],
    });
    Ok(metadata.to_string())
}

async fn keys(State(shared): State<Arc<Shared>>) -> Result<String, StatusCode> {
    shared.asked_for_keys.fetch_add(1, Ordering::SeqCst);
    if shared.away.load(Ordering::SeqCst) {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let keys: Vec<Value> = shared.keys.lock().unwrap().iter().map(Key::public).collect();
    Ok(json!({ "keys": keys }).to_string())
}

/// The client that a form's assertion proves to be there, if it is the one who may sign (RFC 7523).
fn signed(shared: &Shared, form: &BTreeMap<String, String>) -> Option<String> {
    let client = shared.client.lock().unwrap().clone()?;
    let public = DecodingKey::from_jwk(&serde_json::from_value(client.public()).unwrap()).unwrap();
    let mut validation = Validation::new(client.algorithm);
    validation.set_audience(&[&shared.url]);
    let assertion = form.get("client_assertion")?;
    let claims = decode::<Value>(assertion, &public, &validation).ok()?.claims;
    (claims["iss"] == claims["sub"]).then(|| claims["sub"].as_str().unwrap().to_owned())
}

/// RFC 6749, 4.4, with `client_secret_basic`: whoever has the secret `s3cret-NAME` is the client NAME.
async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let login = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
    let login = login.and_then(|login| String::from_utf8(BASE64_STANDARD.decode(login).ok()?).ok());
    let (name, secret) = login.as_deref().and_then(|login| login.split_once(':')).unwrap_or_default();
    let signer = signed(&shared, &form);
    let (name, secret) = match &signer {
        Some(signer) => (signer.as_str(), format!("s3cret-{signer}")),
        None => (name, secret.to_owned()),
    };
    shared.asked_for_tokens.lock().unwrap().push((name.to_owned(), form.clone()));
    if shared.away.load(Ordering::SeqCst) {
        return (StatusCode::SERVICE_UNAVAILABLE, String::new());
    }
    if name.is_empty() || secret != format!("s3cret-{name}") {
        return (StatusCode::UNAUTHORIZED, json!({"error": "invalid_client"}).to_string());
    }
    if form.get("grant_type").map(String::as_str) != Some("client_credentials") {
        return (StatusCode::BAD_REQUEST, json!({"error": "unsupported_grant_type"}).to_string());
    }
    let scope = form.get("scope").cloned().unwrap_or_default();
    let audience = form.get("resource").cloned().unwrap_or_default();
    let key = shared.keys.lock().unwrap().last().unwrap().clone();
    let claims = shared.claims(name, &audience, json!({"scope": scope, "jti": uuid::Uuid::new_v4().to_string()}));
    let token = key.sign(&key.header(), &claims);
    let answer = json!({"access_token": token, "token_type": "Bearer", "expires_in": 600, "scope": scope});
    (StatusCode::OK, answer.to_string())
}
