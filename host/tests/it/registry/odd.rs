//! Registries that answer without end, or send one elsewhere for a token.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use interlock::{
    registry::{Credentials, Reference, RegistryError, pull},
    sandbox::MAX_BYTES,
};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use super::{NOBODY, component, digest_of_component};

/// More than is ever on its way between two ends.
const TOO_MUCH: usize = 32 << 20;

/// What is answered to a request: its status line and headers, and its body. None: one without end.
type Answer = (String, Option<Vec<u8>>);

/// Answers whatever is asked with what `answers` makes of the request's first line and its `Authorization`.
struct Odd {
    host: String,
    sent: Arc<AtomicUsize>,
}

impl Odd {
    async fn start(answers: impl Fn(&str, &str, &str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (sent, answers) = (Arc::new(AtomicUsize::new(0)), Arc::new(answers));
        let odd = Self { host: host.clone(), sent: sent.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (host, sent, answers) = (host.clone(), sent.clone(), answers.clone());
                tokio::spawn(async move { serve(stream, &sent, |line, login| answers(&host, line, login)).await });
            }
        });
        odd
    }

    fn at(&self, name: &str) -> Reference {
        format!("oci://{}/{name}", self.host).parse().unwrap()
    }

    /// What comes of a pull, of which no more was taken than it should be.
    async fn pull(&self, name: &str, by: &Credentials) -> RegistryError {
        let error = pull(&self.at(name), by, MAX_BYTES).await.unwrap_err();
        let sent = self.sent.load(Ordering::SeqCst);
        assert!(sent < TOO_MUCH, "{sent} bytes were taken: {error}");
        error
    }
}

async fn serve(stream: TcpStream, sent: &AtomicUsize, answers: impl Fn(&str, &str) -> Answer) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut first, mut login) = (String::new(), String::new());
        stream.read_line(&mut first).await.ok().filter(|read| *read > 0)?;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.ok()?;
            if let Some(value) = line.strip_prefix("authorization: ") {
                login = value.trim().to_owned();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let (head, body) = answers(&first, &login);
        let length = body.as_ref().map_or("1000000000000".to_owned(), |body| body.len().to_string());
        stream.write_all(format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n").as_bytes()).await.ok()?;
        match body {
            Some(body) => stream.write_all(&body).await.ok()?,
            None => loop {
                stream.write_all(&[b'['; 64 << 10]).await.ok()?;
                sent.fetch_add(64 << 10, Ordering::SeqCst);
            },
        }
    }
}

fn plain(body: Option<Vec<u8>>) -> Answer {
    ("200 OK".to_owned(), body)
}

fn wants_token(host: &str) -> Answer {
    let challenge = format!("www-authenticate: Bearer realm=\"http://{host}/token\",service=\"s p\"");
    (format!("401 Unauthorized\r\n{challenge}"), Some(Vec::new()))
}

/// As anybody's tools write it.
fn manifest(bytes: &[u8]) -> Vec<u8> {
    let layer = json!({
        "mediaType": "application/wasm", "digest": digest_of_component(bytes), "size": bytes.len(),
    });
    let config = json!({
        "mediaType": "application/vnd.wasm.config.v0+json", "digest": digest_of_component(b"{}"), "size": 2,
    });
    json!({"schemaVersion": 2, "config": config, "layers": [layer]}).to_string().into_bytes()
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let odd = Odd::start(|host, line, _| match line.split('/').collect::<Vec<_>>().as_slice() {
        [_, _, "manifest", ..] => plain(None),
        [_, _, "blob", "manifests", ..] => plain(Some(manifest(&component()))),
        [_, _, "blob", ..] => plain(None),
        [_, _, "failure", ..] => ("500 Internal Server Error".to_owned(), None),
        [_, _, "denied", ..] => ("403 Forbidden".to_owned(), None),
        [_, _, "token", ..] => wants_token(host),
        [_, query, ..] if query.starts_with("token?") => plain(None),
        other => panic!("{other:?}"),
    })
    .await;
    let endless = odd.pull("manifest:1", &NOBODY).await;
    assert!(matches!(&endless, RegistryError::NotAComponent(why) if why.contains("too large")), "{endless}");
    let endless = odd.pull("blob:1", &NOBODY).await;
    assert!(matches!(endless, RegistryError::Mismatch { .. }), "{endless}");
    let endless = odd.pull("failure:1", &NOBODY).await;
    assert!(matches!(&endless, RegistryError::Registry { reason, .. } if reason.contains("500")), "{endless}");
    let endless = odd.pull("denied:1", &NOBODY).await;
    assert!(matches!(endless, RegistryError::Login { .. }), "{endless}");
    let endless = odd.pull("token:1", &NOBODY).await;
    assert!(matches!(&endless, RegistryError::Registry { reason, .. } if reason.contains("no token")), "{endless}");
    assert!(odd.sent.load(Ordering::SeqCst) > 0, "nothing of all that was sent");
}

#[tokio::test]
async fn a_token_is_fetched_for_the_credentials_and_shown_to_the_registry() {
    let odd = Odd::start(|host, line, login| {
        let basic = format!("Basic {}", BASE64_STANDARD.encode("ann:secret"));
        if line.starts_with("GET /token?scope=repository%3Ateam%2Frule%3Apull&service=s+p ") {
            let token = if login == basic { "for-ann" } else { "for-nobody" };
            return plain(Some(json!({"access_token": token, "expires_in": 60}).to_string().into_bytes()));
        }
        match (login, line.contains("/manifests/1 ")) {
            ("Bearer for-ann", true) => plain(Some(manifest(&component()))),
            ("Bearer for-ann", false) => plain(Some(component())),
            ("Bearer for-nobody", _) => ("403 Forbidden".to_owned(), Some(Vec::new())),
            ("", _) => wants_token(host),
            other => panic!("{other:?}"),
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let auths = json!({"auths": {&odd.host: {"username": "ann", "password": "secret"}}});
    std::fs::write(folder.path().join("config.json"), auths.to_string()).unwrap();
    let path = folder.path().display().to_string();
    let by = Credentials::of(&|name| (name == "DOCKER_CONFIG").then(|| path.clone()));
    assert_eq!(pull(&odd.at("team/rule:1"), &by, MAX_BYTES).await.unwrap().1.component, component());
    let refused = odd.pull("team/rule:1", &NOBODY).await;
    assert!(matches!(refused, RegistryError::Login { .. }), "{refused}");
}

#[tokio::test]
async fn credentials_are_not_sent_in_the_clear_to_another_machine() {
    let challenge = "www-authenticate: Bearer realm=\"http://elsewhere.example/token\"";
    let odd = Odd::start(move |_, _, _| (format!("401 Unauthorized\r\n{challenge}"), Some(Vec::new()))).await;
    let refused = odd.pull("rule:1", &NOBODY).await;
    assert!(matches!(&refused, RegistryError::Registry { reason, .. } if reason.contains("in the clear")), "{refused}");
}

#[tokio::test]
async fn where_a_registry_sends_one_on_to_is_told_to_nobody() {
    // Such an address may be as good as a password. Here it leads to itself.
    let odd = Odd::start(|host, line, _| match line.contains("/manifests/") {
        true => plain(Some(manifest(&component()))),
        false => {
            let sent_on = format!("307 Temporary Redirect\r\nlocation: http://{host}/blob?signature=open-sesame");
            (sent_on, Some(Vec::new()))
        }
    })
    .await;
    let refused = odd.pull("rule:1", &NOBODY).await;
    assert!(matches!(&refused, RegistryError::Registry { reason, .. } if reason.contains("redirect")), "{refused}");
    assert!(!refused.to_string().contains("open-sesame"), "{refused}");
}

#[tokio::test]
async fn a_digest_that_is_none_of_sha_256_never_becomes_a_path() {
    for digest in ["sha256:../../../etc/passwd", "../rule", "sha512:00", &digest_of_component(b"").to_uppercase()] {
        let layer = json!({"mediaType": "application/wasm", "digest": digest, "size": 1});
        let config = json!({"mediaType": "application/json", "digest": digest_of_component(b"{}"), "size": 2});
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": [layer]}).to_string().into_bytes();
        let odd = Odd::start(move |_, line, _| match line.contains("/manifests/") {
            true => plain(Some(manifest.clone())),
            false => panic!("{line}"),
        })
        .await;
        let refused = odd.pull("rule:1", &NOBODY).await;
        assert!(
            matches!(&refused, RegistryError::NotAComponent(why) if why.contains("SHA-256")),
            "{digest}: {refused}"
        );
    }
}
