//! Access tokens: whose are taken, for what, and what becomes of all others.

use std::{fs, sync::Arc, time::Duration};

use interlock::{
    clock::{Clock as _, ManualClock, SystemClock},
    gateway::Credential,
    identity::{Rejected, TokenConfig, Tokens},
    journal::kind,
    tasks::Tasks,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::{
    Gate, challenge,
    issuer::{AUDIENCE, Issuer, Key, now},
    try_all,
};
use crate::{
    keys::{create, files},
    plugins::cache,
    swap::live::events,
};

const METADATA: &str = "https://gate.example.com/.well-known/oauth-protected-resource/mcp";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_lets_its_subject_in_and_whoever_has_none_is_told_where_to_get_one() {
    let gate = Gate::open().await;
    let unknown = gate.call().send().await.unwrap();
    assert_eq!(unknown.status(), 401);
    assert_eq!(challenge(&unknown), format!(r#"Bearer realm="interlock", resource_metadata="{METADATA}""#));
    // Where the challenge leads, by way of whoever has that name; and for clients that look at the root.
    for path in ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"] {
        let metadata: Value = reqwest::get(gate.url(path)).await.unwrap().json().await.unwrap();
        assert_eq!(metadata["resource"], AUDIENCE);
        assert_eq!(metadata["authorization_servers"], json!([gate.issuer.url]));
        assert_eq!(metadata["bearer_methods_supported"], json!(["header"]));
        assert_eq!(metadata.get("scopes_supported"), None);
    }
    let answer = gate.call().bearer_auth(gate.issuer.token("ann", json!({}))).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("\"isError\":false"));
    // Known, and not entitled: that is for policies to say.
    let visitor = gate.issuer.token("eve", json!({"roles": null}));
    let refused: Value = gate.call().bearer_auth(visitor).send().await.unwrap().json().await.unwrap();
    assert_eq!(refused["result"]["structuredContent"]["interlock"]["refused"][0]["policy"], "who", "{refused}");
    let Gate { folder, issuer, served } = gate;
    served.stop().await;
    let calls = events(folder.path()).await;
    let calls = calls.iter().filter(|event| [kind::CALL_ADMITTED, kind::CALL_REFUSED].contains(&event.kind.as_str()));
    let principals: Vec<String> =
        calls.map(|event| event.body["caller"]["principal"].as_str().unwrap().to_owned()).collect();
    assert_eq!(principals, [format!("{}#ann", issuer.url), format!("{}#eve", issuer.url)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_token_lets_anybody_in() {
    let gate = Gate::open().await;
    let (key, stranger) = (gate.issuer.key(), Key::new("first"));
    let claims = |change| gate.issuer.claims("ann", change);
    let good = gate.issuer.token("ann", json!({}));
    let with = |header: Header| key.sign(&header, &claims(json!({})));
    let of = |change: Value| gate.call().bearer_auth(gate.issuer.token("ann", change));
    let show = |token: &str| gate.call().bearer_auth(token);
    let (head, rest) = good.split_once('.').unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", rest.split_once('.').unwrap().0);
    let public = key.public();
    let shared = EncodingKey::from_secret(public.to_string().as_bytes());
    let by_shared = Header { kid: Some("first".to_owned()), ..Header::new(Algorithm::HS256) };
    let mut brought = stranger.header();
    brought.jwk = Some(serde_json::from_value(stranger.public()).unwrap());
    let elsewhere = Issuer::start().await;
    elsewhere.rotate(stranger.clone());
    let mut led = stranger.header();
    led.jku = Some(format!("{}/keys", elsewhere.url));
    let mut critical = key.header();
    critical.crit = Some(vec!["exp".to_owned()]);
    let mut logout = key.header();
    logout.typ = Some("logout+jwt".to_owned());
    let query = |name: &str| gate.served.call(&format!("{}?{name}={good}", gate.served.url));
    try_all(vec![
        ("a good one", show(&good), 200),
        ("none", gate.call(), 401),
        ("an empty one", show(""), 401),
        ("no token at all", show("x.y.z"), 401),
        ("one without its signature", show(&good[..good.rfind('.').unwrap() + 1]), 401),
        ("one that was altered", show(&format!("{head}.{}", rest.replacen(&rest[9..10], "_", 1))), 401),
        ("expired", of(json!({"exp": now() - 60})), 401),
        ("without an end", of(json!({"exp": null})), 401),
        ("not yet valid", of(json!({"nbf": now() + 3600})), 401),
        ("for another audience", of(json!({"aud": "https://other.example.com/mcp"})), 401),
        ("for the host at large", of(json!({"aud": "https://gate.example.com"})), 401),
        ("for nobody", of(json!({"aud": null})), 401),
        ("by another issuer", of(json!({"iss": "https://id.example.com"})), 401),
        ("by no issuer", of(json!({"iss": null})), 401),
        ("about nobody", of(json!({"sub": null})), 401),
        ("about somebody without a name", of(json!({"sub": ""})), 401),
        ("bound to a key", of(json!({"cnf": {"jkt": "x"}})), 401),
        ("signed by a stranger", show(&stranger.sign(&stranger.header(), &claims(json!({})))), 401),
        ("with a key that nobody knows", with_id(&show, &key, "second", &claims(json!({}))), 401),
        ("with the signer's key in it", show(&stranger.sign(&brought, &claims(json!({})))), 401),
        ("with the signer's address in it", show(&stranger.sign(&led, &claims(json!({})))), 401),
        ("not signed", show(&unsigned), 401),
        (
            "signed with the public key as a secret",
            show(&encode(&by_shared, &claims(json!({})), &shared).unwrap()),
            401,
        ),
        ("with an extension that must be understood", show(&with(critical)), 401),
        ("a token that is for something else", show(&with(logout)), 401),
        ("too long", of(json!({"filler": "x".repeat(20_000)})), 401),
        ("in a query", query("access_token"), 401),
        ("under another scheme", gate.call().header("authorization", format!("DPoP {good}")), 401),
        ("in the header of keys", gate.call().header("x-api-key", &good), 401),
        ("twice", show(&good).header("authorization", format!("Bearer {good}")), 401),
        ("two in one", show(&format!("{good}, Bearer {good}")), 401),
        ("beside a key", show(&good).header("x-api-key", "ilk_"), 401),
        ("by another name of the host", show(&good).header("host", "evil.example.com"), 403),
        ("from another origin", show(&good).header("origin", "https://evil.example.com"), 403),
        ("metadata by another name of the host", metadata(&gate).header("host", "evil.example.com"), 403),
        ("no tool is listed without one", reqwest::Client::new().get(gate.url("/mcp/tools")), 401),
        ("nor called", reqwest::Client::new().post(gate.url("/tools/ci/run_tests")), 401),
    ])
    .await;
    assert_eq!(elsewhere.asked_for_keys(), 0, "nothing that a token says is followed");
    let denied = show("x.y.z").send().await.unwrap();
    let expected = format!(r#"Bearer realm="interlock", resource_metadata="{METADATA}", error="invalid_token""#);
    assert_eq!(challenge(&denied), expected);
    let Gate { folder, issuer: _issuer, served } = gate;
    served.stop().await;
    let calls = events(folder.path()).await;
    assert_eq!(calls.iter().filter(|event| event.kind.starts_with("call.")).count(), 2, "of the good one alone");
}

/// The same token under another key's name.
fn with_id(
    show: &dyn Fn(&str) -> reqwest::RequestBuilder,
    key: &Key,
    id: &str,
    claims: &Value,
) -> reqwest::RequestBuilder {
    show(&key.sign(&Header { kid: Some(id.to_owned()), ..key.header() }, claims))
}

fn metadata(gate: &Gate) -> reqwest::RequestBuilder {
    reqwest::Client::new().get(gate.url("/.well-known/oauth-protected-resource"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_token_is_kept_or_logged() {
    let gate = Gate::open().await;
    let key = create(gate.folder.path(), &["agent", "--role", "ci"]);
    let good = gate.issuer.token("ann", json!({"note": "canary-claim"}));
    let bad = gate.issuer.token("ann", json!({"note": "canary-claim", "aud": "canary-audience"}));
    for (token, status) in [(&good, 200), (&bad, 401), (&key, 200)] {
        assert_eq!(gate.call().bearer_auth(token).send().await.unwrap().status(), status);
        assert_eq!(gate.served.call(&format!("{}?t={token}", gate.served.url)).send().await.unwrap().status(), 401);
    }
    let Gate { folder, issuer: _issuer, served } = gate;
    let said = served.said();
    assert!(said.contains("somebody was not let in") && said.contains("call finished"), "{said}");
    served.stop().await;
    let secrets = [&good, &bad, &key].map(|token| token[token.len() - 60..].to_owned());
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).chain(["canary-claim", "canary-audience"]).collect();
    for file in files(folder.path()) {
        let bytes = fs::read(&file).unwrap();
        for secret in &secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {}", file.display());
        }
    }
    assert!(!secrets.iter().any(|secret| said.contains(secret)), "{said}");
}

/// The tokens of an issuer by a clock that stands still.
fn tokens(issuer: &Issuer) -> (Tokens, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let config = TokenConfig {
        issuer: issuer.url.clone(),
        audience: AUDIENCE.to_owned(),
        keys: None,
        roles_claim: "roles".to_owned(),
    };
    (Tokens::new(config, clock.clone(), Tasks::new()).unwrap(), clock)
}

#[tokio::test]
async fn keys_that_rotate_are_found_and_those_taken_back_are_forgotten() {
    let issuer = Issuer::start().await;
    let (tokens, clock) = tokens(&issuer);
    let old = issuer.token("ann", json!({}));
    assert_eq!(tokens.authenticate(&old).await.unwrap().caller.principal, format!("{}#ann", issuer.url));
    issuer.rotate(Key::rsa("second"));
    let new = issuer.token("ann", json!({}));
    // It was asked a moment ago.
    assert_eq!(tokens.authenticate(&new).await, Err(Rejected::UnknownKey));
    assert_eq!(issuer.asked_for_keys(), 1);
    clock.advance(Duration::from_secs(10));
    assert!(tokens.authenticate(&new).await.is_ok());
    assert_eq!(tokens.authenticate(&old).await, Err(Rejected::UnknownKey), "its key is gone");
    assert_eq!(issuer.asked_for_keys(), 2);
    // A key that is taken back is believed until the keys are asked for beside a call.
    issuer.rotate(Key::new("third"));
    clock.advance(Duration::from_mins(5));
    assert!(tokens.authenticate(&new).await.is_ok());
    while issuer.asked_for_keys() < 3 {
        tokio::task::yield_now().await;
    }
    while tokens.authenticate(&new).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_cannot_be_checked_is_not_said_to_be_wrong() {
    let gate = Gate::open().await;
    gate.issuer.be_away(true);
    let answer = gate.call().bearer_auth(gate.issuer.token("ann", json!({}))).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), challenge(&answer)), (503, ""), "a client would throw it away");
    assert_eq!(answer.headers()["retry-after"], "10");
    gate.served.stop().await;
}

#[tokio::test]
async fn what_no_issuer_signs_like_that_has_nobody_asked() {
    let issuer = Issuer::start().await;
    let (tokens, _) = tokens(&issuer);
    let header = Header { kid: Some("first".to_owned()), ..Header::new(Algorithm::HS256) };
    let shared = encode(&header, &issuer.claims("ann", json!({})), &EncodingKey::from_secret(b"secret")).unwrap();
    assert_eq!(tokens.authenticate(&shared).await, Err(Rejected::Algorithm));
    let key = issuer.key();
    let other = Header { typ: Some("dpop+jwt".to_owned()), ..key.header() };
    assert_eq!(tokens.authenticate(&key.sign(&other, &issuer.claims("ann", json!({})))).await, Err(Rejected::Kind));
    assert_eq!(tokens.authenticate("").await, Err(Rejected::Malformed));
    assert_eq!(issuer.asked_for_keys(), 0);
    // The kind is an access token's, if one is told.
    for typ in [None, Some("JWT"), Some("at+jwt"), Some("application/AT+JWT")] {
        let header = Header { typ: typ.map(str::to_owned), ..key.header() };
        assert!(tokens.authenticate(&key.sign(&header, &issuer.claims("ann", json!({})))).await.is_ok(), "{typ:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_show_unknown_keys_have_the_issuer_asked_once() {
    let issuer = Issuer::start().await;
    let (tokens, clock) = tokens(&issuer);
    let strangers: Vec<String> = (0..32)
        .map(|number| {
            let key = Key::new(&format!("stranger-{number}"));
            key.sign(&key.header(), &issuer.claims("ann", json!({})))
        })
        .collect();
    for round in 1..=3 {
        let all = futures::future::join_all(strangers.iter().map(|token| tokens.authenticate(token))).await;
        assert!(all.iter().all(|one| *one == Err(Rejected::UnknownKey)), "{all:?}");
        assert_eq!(issuer.asked_for_keys(), round);
        clock.advance(Duration::from_secs(10));
    }
}

#[tokio::test]
async fn while_its_issuer_is_away_known_keys_go_on_for_a_day() {
    let issuer = Issuer::start().await;
    let (tokens, clock) = tokens(&issuer);
    issuer.be_away(true);
    let long = json!({"exp": now() + 200_000});
    let token = issuer.token("ann", long.clone());
    assert_eq!(tokens.authenticate(&token).await, Err(Rejected::Unchecked), "it was never there");
    issuer.be_away(false);
    clock.advance(Duration::from_secs(10));
    assert!(tokens.authenticate(&token).await.is_ok());
    issuer.be_away(true);
    clock.advance(Duration::from_hours(23));
    assert!(tokens.authenticate(&token).await.is_ok());
    // Whether a key that is not known is the issuer's cannot be told.
    let key = Key::new("second");
    let unknown = key.sign(&key.header(), &issuer.claims("ann", long));
    clock.advance(Duration::from_secs(10));
    assert_eq!(tokens.authenticate(&unknown).await, Err(Rejected::Unchecked));
    clock.advance(Duration::from_hours(1));
    assert_eq!(tokens.authenticate(&token).await, Err(Rejected::Unchecked));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_asks_the_issuer_too() {
    let gate = Gate::with(json!({"scopes": [{"tools": ["nowhere/*"], "scopes": ["x"]}]}), json!({})).await;
    let check = async || {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_interlock"));
        command.args(["check", "--json"]).current_dir(gate.folder.path()).env("INTERLOCK_CACHE_DIR", cache());
        let ended = command.env_remove("INTERLOCK_CONFIG").output().await.unwrap();
        let told: Value = serde_json::from_slice(&ended.stdout).unwrap();
        let rows = told["checked"].as_array().unwrap().clone();
        let issuer = rows.into_iter().find(|row| row["kind"] == "issuer").unwrap();
        (ended.status.code(), issuer["state"].clone(), issuer["detail"].clone(), told["fits_nothing"].clone())
    };
    let note = json!(["`nowhere/*` in `auth/jwt/scopes` fits no tool that is there now"]);
    assert_eq!(check().await, (Some(0), json!("ready"), json!("1 keys"), note.clone()));
    gate.issuer.be_away(true);
    assert_eq!(
        check().await,
        (Some(1), json!("away"), json!("`127.0.0.1` answered with HTTP status 503 Service Unavailable"), note)
    );
    gate.served.stop().await;
}

#[test]
fn a_credential_is_not_shown_by_accident() {
    assert_eq!(format!("{:?} {:?}", Credential::Key("k"), Credential::Bearer("t")), "Key(…) Bearer(…)");
}
