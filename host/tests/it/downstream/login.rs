//! Servers that want tokens: rmcp's own server behind a guard, in both eras, and an issuer that gives them out.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard},
};

use axum::{
    Router,
    extract::{Request, State as Held},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::future::join_all;
use interlock::{
    clock::ManualClock,
    oauth::{ClientKey, Endpoint},
    secret::Secret,
};

use super::{
    http::{ERAS, listen, serving},
    *,
};
use crate::attacks::issuer::{Issuer, Key};

const METADATA: &str = "/.well-known/oauth-protected-resource/mcp";

/// What a guard goes by, and what it has seen.
#[derive(Default)]
struct Rules {
    url: String,
    /// Whom it names as the one who gives out tokens.
    issuer: String,
    refused: BTreeSet<String>,
    /// Every token that it was shown, and how often.
    shown: BTreeMap<String, usize>,
    /// Whether it wants more than any token has.
    strict: bool,
}

type Guard = Arc<Mutex<Rules>>;

/// Whether a token is for this server, whoever signed it.
fn is_for(token: &str, url: &str) -> bool {
    let claims = token.split('.').nth(1).and_then(|claims| BASE64_URL_SAFE_NO_PAD.decode(claims).ok());
    let claims: Value = claims.and_then(|claims| serde_json::from_slice(&claims).ok()).unwrap_or_default();
    claims["aud"] == url
}

async fn guard(Held(guard): Held<Guard>, request: Request, next: Next) -> Response {
    let shown = request.headers().get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let answer = {
        let mut rules = guard.lock().unwrap();
        let Rules { url, issuer, refused, .. } = &*rules;
        let challenge = |error: &str| {
            let metadata = format!("{}{METADATA}", url.trim_end_matches("/mcp"));
            format!(r#"Bearer resource_metadata="{metadata}", scope="tools", error="{error}""#)
        };
        let answer = match shown {
            _ if request.uri().path() == METADATA => {
                Some(json!({"resource": url, "authorization_servers": [issuer]}).to_string().into_response())
            }
            Some(token) if is_for(token, url) && !refused.contains(token) && rules.strict => {
                Some((StatusCode::FORBIDDEN, [("www-authenticate", challenge("insufficient_scope"))]).into_response())
            }
            Some(token) if is_for(token, url) && !refused.contains(token) => None,
            _ => Some((StatusCode::UNAUTHORIZED, [("www-authenticate", challenge("invalid_token"))]).into_response()),
        };
        if let Some(token) = shown {
            *rules.shown.entry(token.to_owned()).or_default() += 1;
        }
        answer
    };
    match answer {
        Some(answer) => answer,
        None => next.run(request).await,
    }
}

/// A guarded server, and the issuer whose tokens it wants.
struct Place {
    issuer: Issuer,
    guard: Guard,
    url: String,
    tasks: Tasks,
}

impl Place {
    async fn new(era: rmcp::model::ProtocolVersion) -> Self {
        let (issuer, guarded, tasks) = (Issuer::start().await, Guard::default(), Tasks::new());
        let (router, _) = serving(era);
        let router: Router = router.layer(middleware::from_fn_with_state(guarded.clone(), guard));
        let url = listen(&tasks, router).await;
        guarded.lock().unwrap().url = url.clone();
        guarded.lock().unwrap().issuer = issuer.url.clone();
        Self { issuer, guard: guarded, url, tasks }
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.guard.lock().unwrap()
    }

    fn reach(&self, secret: &str, from: TokenSource) -> Reach {
        self.proving(ClientProof::Secret(Secret::new(secret)), from)
    }

    fn proving(&self, proof: ClientProof, from: TokenSource) -> Reach {
        let credentials =
            ClientCredentials { client_id: "gate".to_owned(), proof, scopes: Vec::new(), resource: None, from };
        Reach::Http { url: self.url.clone(), headers: Vec::new(), oauth: Some(credentials) }
    }

    async fn stop(self, fixture: Fixture) {
        fixture.stop().await;
        self.tasks.stop(Duration::from_secs(30)).await;
    }
}

const SECRET: &str = "s3cret-gate";

/// Calls a tool that needs no more than its answer.
async fn call(fixture: &Fixture) -> Result<Value, ServerError> {
    fixture.plain("steps", json!({})).await
}

#[tokio::test]
async fn a_server_says_itself_who_gives_out_its_tokens_and_one_does_for_many_calls() {
    for era in ERAS {
        let place = Place::new(era).await;
        let fixture = Fixture::start(place.reach(SECRET, TokenSource::Server), settings()).await.ready().await;
        for answer in join_all((0..20).map(|_| call(&fixture))).await {
            assert_eq!(answer.unwrap()["content"][0]["text"], "done");
        }
        let asked = place.issuer.asked_for_tokens();
        let [(client, form)] = asked.as_slice() else { panic!("{asked:?}") };
        assert_eq!((client.as_str(), form["grant_type"].as_str()), ("gate", "client_credentials"));
        assert_eq!((form["resource"].as_str(), form["scope"].as_str()), (place.url.as_str(), "tools"));
        assert!(!form.contains_key("client_secret"), "it is shown once");
        assert_eq!(place.rules().shown.len(), 1, "one token for everything");
        place.stop(fixture).await;
    }
}

#[tokio::test]
async fn a_token_comes_from_where_the_configuration_says() {
    let era = || ERAS[1].clone();
    let place = Place::new(era()).await;
    // Whatever the server says.
    place.rules().issuer = "https://evil.example.com".to_owned();
    let at = Endpoint::parse(&format!("{}/token", place.issuer.url)).unwrap();
    for from in [TokenSource::Endpoint(at), TokenSource::Issuer(place.issuer.url.clone())] {
        let fixture = Fixture::start(place.reach(SECRET, from), settings()).await.ready().await;
        call(&fixture).await.unwrap();
        fixture.stop().await;
    }
    let asked = place.issuer.asked_for_tokens();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|(_, form)| form["resource"] == place.url && !form.contains_key("scope")), "{asked:?}");
    place.tasks.stop(Duration::from_secs(30)).await;
}

#[tokio::test]
async fn a_client_with_a_key_signs_and_sends_no_secret() {
    let place = Place::new(ERAS[1].clone()).await;
    let client = Key::new("client");
    place.issuer.let_in(client.clone());
    let proof = ClientProof::Key(ClientKey::read(&Secret::new(client.pem())).unwrap());
    let fixture = Fixture::start(place.proving(proof, TokenSource::Server), settings()).await.ready().await;
    call(&fixture).await.unwrap();
    let asked = place.issuer.asked_for_tokens();
    let [(name, form)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((name.as_str(), form["grant_type"].as_str()), ("gate", "client_credentials"));
    assert!(!form.contains_key("client_secret"), "{form:?}");
    place.stop(fixture).await;
    // Somebody else's key proves nothing.
    let (place, other) = (Place::new(ERAS[1].clone()).await, Key::new("client"));
    place.issuer.let_in(client);
    let proof = ClientProof::Key(ClientKey::read(&Secret::new(other.pem())).unwrap());
    let fixture = Fixture::start(place.proving(proof, TokenSource::Server), settings()).await;
    let State::Away { reason } = fixture.server.settled().await.state else { panic!("it is there") };
    assert!(reason.contains("invalid_client"), "{reason}");
    place.stop(fixture).await;
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once_and_the_call_is_made_once() {
    for era in ERAS {
        let place = Place::new(era).await;
        let clock = Arc::new(ManualClock::new(Timestamp(1_767_603_600_000)));
        let reach = place.reach(SECRET, TokenSource::Server);
        let fixture = Fixture::start_by(clock.clone(), reach, settings()).await.ready().await;
        let first = place.rules().shown.keys().next().unwrap().clone();
        place.rules().refused.insert(first.clone());
        // One that has only just been given out would be refused again: nobody is asked for another.
        let error = call(&fixture).await.unwrap_err();
        assert!(matches!(error, ServerError::Unavailable { .. }), "nothing was done: {error}");
        assert!(error.to_string().contains("does not take the access token"), "{error}");
        assert_eq!(place.issuer.asked_for_tokens().len(), 1);
        clock.advance(Duration::from_secs(5));
        for answer in join_all((0..20).map(|_| call(&fixture))).await {
            assert_eq!(answer.unwrap()["content"][0]["text"], "done");
        }
        assert_eq!(place.issuer.asked_for_tokens().len(), 2, "one asked for all");
        place.stop(fixture).await;
    }
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end() {
    let place = Place::new(ERAS[1].clone()).await;
    let clock = Arc::new(ManualClock::new(Timestamp(1_767_603_600_000)));
    let fixture =
        Fixture::start_by(clock.clone(), place.reach(SECRET, TokenSource::Server), settings()).await.ready().await;
    clock.advance(Duration::from_secs(569));
    call(&fixture).await.unwrap();
    assert_eq!(place.issuer.asked_for_tokens().len(), 1);
    clock.advance(Duration::from_secs(1));
    call(&fixture).await.unwrap();
    assert_eq!(place.issuer.asked_for_tokens().len(), 2, "half a minute is left of ten");
    place.stop(fixture).await;
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_and_why_is_told_without_secrets() {
    let place = Place::new(ERAS[1].clone()).await;
    let odd = Endpoint::parse(&format!("{}/nowhere", place.issuer.url)).unwrap();
    let slow = Settings { retry_least: Duration::from_secs(600), retry_most: Duration::from_secs(600), ..settings() };
    for (secret, from, expected) in [
        ("s3cret-other", TokenSource::Server, "`127.0.0.1` gives no access token: invalid_client"),
        (SECRET, TokenSource::Endpoint(odd), "`127.0.0.1` gives no access token: HTTP status 404 Not Found"),
        (SECRET, TokenSource::Issuer("http://127.0.0.1:1".to_owned()), "`127.0.0.1` cannot be reached"),
    ] {
        let fixture = Fixture::start(place.reach(secret, from), slow).await;
        let State::Away { reason } = fixture.server.settled().await.state else { panic!("{expected}") };
        assert!(reason.contains(expected), "{reason}");
        let told = format!("{reason} {}", call(&fixture).await.unwrap_err());
        assert!(!told.contains("s3cret"), "{told}");
        assert!(!format!("{:?}", place.reach(secret, TokenSource::Server)).contains("s3cret"));
        fixture.stop().await;
    }
    // It was there, and is away when the next one is wanted.
    let clock = Arc::new(ManualClock::new(Timestamp(1_767_603_600_000)));
    let fixture = Fixture::start_by(clock.clone(), place.reach(SECRET, TokenSource::Server), slow).await.ready().await;
    place.issuer.be_away(true);
    clock.advance(Duration::from_secs(3600));
    let before = place.issuer.asked_for_tokens().len();
    let all = join_all((0..20).map(|_| call(&fixture))).await;
    assert!(all.iter().all(|one| matches!(one, Err(ServerError::Unavailable { .. }))), "{all:?}");
    assert!(place.issuer.asked_for_tokens().len() <= before + 1, "one has asked for all");
    place.stop(fixture).await;
}

#[tokio::test]
async fn the_secret_is_told_to_nobody_else_than_at_first() {
    let (place, evil) = (Place::new(ERAS[1].clone()).await, Issuer::start().await);
    let clock = Arc::new(ManualClock::new(Timestamp(1_767_603_600_000)));
    let fixture =
        Fixture::start_by(clock.clone(), place.reach(SECRET, TokenSource::Server), settings()).await.ready().await;
    place.rules().issuer = evil.url.clone();
    clock.advance(Duration::from_secs(3600));
    let error = call(&fixture).await.unwrap_err().to_string();
    assert!(error.contains(&evil.url) && error.contains(&place.issuer.url), "{error}");
    assert!(evil.asked_for_tokens().is_empty());
    place.stop(fixture).await;
}

#[tokio::test]
async fn a_token_goes_to_its_own_server_alone() {
    let (one, other) = (Place::new(ERAS[1].clone()).await, Place::new(ERAS[1].clone()).await);
    // Both want tokens of one issuer, for one client.
    other.rules().issuer = one.issuer.url.clone();
    let first = Fixture::start(one.reach(SECRET, TokenSource::Server), settings()).await.ready().await;
    let second = Fixture::start(other.reach(SECRET, TokenSource::Server), settings()).await.ready().await;
    call(&first).await.unwrap();
    call(&second).await.unwrap();
    assert!(one.rules().shown.keys().all(|token| is_for(token, &one.url)));
    assert!(other.rules().shown.keys().all(|token| is_for(token, &other.url)));
    first.stop().await;
    second.stop().await;
    one.tasks.stop(Duration::from_secs(30)).await;
    other.tasks.stop(Duration::from_secs(30)).await;
}

#[tokio::test]
async fn what_a_token_lacks_is_told() {
    let place = Place::new(ERAS[1].clone()).await;
    let fixture = Fixture::start(place.reach(SECRET, TokenSource::Server), settings()).await.ready().await;
    place.rules().strict = true;
    let error = call(&fixture).await.unwrap_err();
    assert!(matches!(error, ServerError::Unavailable { .. }), "{error:?}");
    assert!(error.to_string().contains("lacks a scope: `tools`"), "{error}");
    place.stop(fixture).await;
}
