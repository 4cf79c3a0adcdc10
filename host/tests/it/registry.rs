//! Components in a registry: Debian's `docker-registry`, started by each test on a port of its own.

mod away;
mod login;
mod odd;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use interlock::{
    app::{App, Reload},
    registry::{Artifact, Credentials, Pinned, Reference, RegistryError, Store, pull, push},
    sandbox::{MAX_BYTES, standard_plugins},
    trust::{SecretKey, Signature},
};
use oci_client::{
    Client,
    client::{ClientConfig, ClientProtocol, Config, ImageLayer},
    manifest::OciImageManifest,
    secrets::RegistryAuth,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::plugins::{cache, fault};

const NOBODY: Credentials = Credentials::none();

/// A registry, killed when dropped.
struct Registry {
    child: Child,
    folder: TempDir,
    host: String,
}

impl Registry {
    async fn start() -> Self {
        Self::serve(tempfile::tempdir().unwrap(), "127.0.0.1:0", json!({})).await
    }

    /// Ends it. What was pushed stays in the folder, from which another can serve it at the same address.
    async fn stop(mut self) -> (TempDir, String) {
        self.child.kill().await.unwrap();
        (self.folder, self.host)
    }

    async fn serve(folder: TempDir, address: &str, auth: Value) -> Self {
        let config = json!({
            "version": "0.1",
            "log": {"level": "info", "formatter": "json"},
            "storage": {"filesystem": {"rootdirectory": folder.path().join("kept")}},
            "http": {"addr": address},
            "auth": auth,
        });
        fs::write(folder.path().join("config.yml"), config.to_string()).unwrap();
        let mut child = Command::new("docker-registry")
            .args(["serve", "config.yml"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("these tests need Debian's registry: apt-get install docker-registry");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let host = loop {
            let line = lines.next_line().await.unwrap().expect("the registry ended before it served");
            if let Some((_, rest)) = line.split_once("listening on ") {
                let end = rest.find(|letter: char| !letter.is_ascii_digit() && !".:".contains(letter));
                break rest[..end.unwrap_or(rest.len())].to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, folder, host }
    }

    fn at(&self, name: &str) -> Reference {
        self.named(name).parse().unwrap()
    }

    fn named(&self, name: &str) -> String {
        format!("oci://{}/{name}", self.host)
    }

    /// Where the registry keeps what has this digest.
    fn blob(&self, digest: &str) -> PathBuf {
        let digits = digest.trim_start_matches("sha256:");
        let kept = self.folder.path().join("kept/docker/registry/v2/blobs/sha256");
        kept.join(&digits[..2]).join(digits).join("data")
    }

    /// Pushes an artifact as anybody could: with one layer of this type.
    async fn push_other(&self, name: &str, media_type: &str, bytes: &[u8], size: i64) -> Reference {
        let client = Client::new(ClientConfig { protocol: ClientProtocol::Http, ..ClientConfig::default() });
        let image: oci_client::Reference = format!("{}/{name}", self.host).parse().unwrap();
        let layer = ImageLayer::new(bytes.to_vec(), media_type.to_owned(), None);
        let config = Config::new(b"{}".as_slice(), "application/vnd.wasm.config.v0+json".to_owned(), None);
        let mut manifest = OciImageManifest::build(std::slice::from_ref(&layer), &config, None);
        manifest.media_type = Some("application/vnd.oci.image.manifest.v1+json".to_owned());
        manifest.layers[0].size = size;
        client.push(&image, &[layer], config, &RegistryAuth::Anonymous, Some(manifest)).await.unwrap();
        self.at(name)
    }
}

fn component() -> Vec<u8> {
    fs::read(fault("misbehaves")).unwrap()
}

fn digest_of_component(bytes: &[u8]) -> String {
    format!("sha256:{}", interlock::sandbox::sha256(bytes))
}

#[tokio::test]
async fn what_was_pushed_is_pulled_with_its_signature_and_is_the_same_for_ever() {
    let registry = Registry::start().await;
    let key = SecretKey::generate().unwrap();
    let signature = Signature::of(&component(), &key).to_string();
    let artifact = Artifact::new(component(), Some(signature.clone())).unwrap();
    let pinned = push(&artifact, &registry.at("team/rule:1"), &NOBODY).await.unwrap();
    assert_eq!(push(&artifact, &registry.at("team/rule:2"), &NOBODY).await.unwrap(), pinned, "it is the same");
    for from in [registry.at("team/rule:1"), pinned.clone().into()] {
        let (found, pulled) = pull(&from, &NOBODY, MAX_BYTES).await.unwrap();
        assert_eq!(found, pinned);
        assert_eq!((pulled.component, pulled.signatures), (component(), Some(signature.clone())));
    }
    let unknown = pull(&registry.at("team/rule:3"), &NOBODY, MAX_BYTES).await.unwrap_err();
    assert!(matches!(unknown, RegistryError::Registry { .. }), "{unknown}");
}

#[tokio::test]
async fn what_is_not_what_it_should_be_is_refused() {
    let registry = Registry::start().await;
    let bytes = component();
    let artifact = Artifact::new(bytes.clone(), None).unwrap();
    let pinned = push(&artifact, &registry.at("rule:1"), &NOBODY).await.unwrap();
    let large = pull(&registry.at("rule:1"), &NOBODY, bytes.len() - 1).await.unwrap_err();
    assert!(matches!(large, RegistryError::TooLarge { .. }), "{large}");

    let length = i64::try_from(bytes.len()).unwrap();
    let text = registry.push_other("text:1", "text/plain", &bytes, length).await;
    let other = pull(&text, &NOBODY, MAX_BYTES).await.unwrap_err();
    assert!(matches!(&other, RegistryError::NotAComponent(why) if why.contains("text/plain")), "{other}");
    let short = registry.push_other("short:1", "application/wasm", &bytes, 8).await;
    let longer = pull(&short, &NOBODY, MAX_BYTES).await.unwrap_err();
    assert!(matches!(longer, RegistryError::Mismatch { .. }), "{longer}");

    // The registry's own files are changed: first the component, then the manifest.
    for digest in [digest_of_component(&bytes), pinned.digest().to_owned()] {
        let path = registry.blob(&digest);
        let mut changed = fs::read(&path).unwrap();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        fs::write(&path, &changed).unwrap();
        let refused = pull(&pinned.clone().into(), &NOBODY, MAX_BYTES).await;
        assert!(refused.is_err(), "{digest} was changed, and taken");
    }
}

#[tokio::test]
async fn what_is_kept_is_checked_whenever_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path().join("kept"));
    let registry = Registry::start().await;
    let artifact = Artifact::new(component(), None).unwrap();
    let pinned = push(&artifact, &registry.at("rule:1"), &NOBODY).await.unwrap();
    assert!(store.find(&pinned, MAX_BYTES).await.unwrap().is_none());
    store.keep(&artifact).await.unwrap();
    assert_eq!(store.find(&pinned, MAX_BYTES).await.unwrap().unwrap().component, component());
    let kept = folder.path().join("kept").join(format!("{}.wasm", interlock::sandbox::sha256(&component())));
    fs::write(kept, b"another").unwrap();
    let changed = store.find(&pinned, MAX_BYTES).await.unwrap_err();
    assert!(changed.to_string().starts_with("digest mismatch"), "{changed}");
    fs::write(store.manifest(&pinned), b"{}").unwrap();
    let changed = store.find(&pinned, MAX_BYTES).await.unwrap_err();
    assert!(changed.to_string().starts_with("digest mismatch"), "{changed}");
}

/// Runs the program in a folder, with the credentials in its `docker` and the helpers in its `bin`, and tells its exit code
/// and what it printed.
async fn interlock_in(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let ended = Command::new(env!("CARGO_BIN_EXE_interlock"))
        .args(arguments)
        .current_dir(folder)
        .env("INTERLOCK_CACHE_DIR", cache())
        .env("DOCKER_CONFIG", folder.join("docker"))
        .env("PATH", format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap()))
        .env_remove("INTERLOCK_CONFIG")
        .output()
        .await
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (ended.status.code(), text(ended.stdout), text(ended.stderr))
}

fn configure(folder: &Path, pinned: &Pinned, trust: Option<&SecretKey>) -> interlock::config::Config {
    let mut config = json!({
        "mcpServers": {"ci": {"component": "delivery"}},
        "policies": [{
            "name": "rule", "component": pinned.to_string(), "limits": {"time_ms": 30_000},
            "settings": {"how": "far_unlock"},
        }],
        "journal": {"mirror_dir": null, "durability": "batched"},
    });
    if let Some(key) = trust {
        config["trust"] = json!({"keys": [key.public().to_string()]});
    }
    fs::write(folder.join("interlock.json.new"), config.to_string()).unwrap();
    fs::rename(folder.join("interlock.json.new"), folder.join("interlock.json")).unwrap();
    interlock::config::load(&folder.join("interlock.json"), &|_| None, &standard_plugins()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_pulls_what_it_names_once_and_works_offline_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::start().await;
    let (key, other) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
    let signed = Artifact::new(component(), Some(Signature::of(&component(), &key).to_string())).unwrap();
    let pinned = push(&signed, &registry.at("rule:1"), &NOBODY).await.unwrap();

    let stranger = configure(folder.path(), &pinned, Some(&other));
    let refused = App::start(&stranger, Some(&cache()), Some("test")).await.unwrap_err();
    assert!(refused.to_string().contains("it is signed by a stranger"), "{refused}");

    let config = configure(folder.path(), &pinned, Some(&key));
    drop(registry);
    let app = App::start(&config, Some(&cache()), Some("test")).await.unwrap();
    // Another that nobody has pulled: what is in force stays so.
    let unsigned = Artifact::new(component(), None).unwrap();
    let registry = Registry::start().await;
    let missing = push(&unsigned, &registry.at("rule:2"), &NOBODY).await.unwrap();
    drop(registry);
    configure(folder.path(), &missing, None);
    let Reload::Rejected(problems) = app.reload().await.unwrap() else { panic!("it was taken over") };
    assert_eq!(problems.0[0].pointer, "/policies/0/component");
    assert!(problems.to_string().contains("interlock plugin pull"), "{problems}");
    // Once it has come, it is taken over.
    config.store().keep(&unsigned).await.unwrap();
    assert_eq!(app.reload().await.unwrap(), Reload::Applied { kept: vec![] });
    app.stop().await;
}

#[tokio::test]
async fn the_command_line_pushes_pulls_and_prints_what_to_pin() {
    let registry = Registry::start().await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rule.wasm"), component()).unwrap();
    fs::write(folder.path().join("interlock.json"), "{}").unwrap();
    let run = async |arguments: &[&str]| interlock_in(folder.path(), &[&["plugin"], arguments].concat()).await;
    assert_eq!(run(&["keygen", "--out", "team"]).await.0, Some(0));
    let to = registry.named("team/rule:1");
    let (code, pinned, said) = run(&["push", "rule.wasm", &to, "--key", "team.key"]).await;
    assert_eq!(code, Some(0), "{said}");
    let pinned = pinned.trim();
    assert!(pinned.starts_with(&registry.named("team/rule@sha256:")), "{pinned}");

    assert_eq!(run(&["pull", pinned, "--out", "pulled.wasm"]).await.1.trim(), pinned);
    assert_eq!(fs::read(folder.path().join("pulled.wasm")).unwrap(), component());
    let (code, _, said) = run(&["verify", "pulled.wasm", "--key", "team.pub"]).await;
    assert_eq!(code, Some(0), "{said}");

    let (code, told, said) = run(&["pull", &to, "--json"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["reference"], pinned);
    let config = interlock::config::load(&folder.path().join("interlock.json"), &|_| None, &[]).unwrap();
    let kept = config.store().find(&pinned.parse().unwrap(), MAX_BYTES).await.unwrap().unwrap();
    assert!(kept.signatures.is_some() && kept.component == component());

    assert_eq!(run(&["push", "rule.wasm", pinned]).await.0, Some(2), "a digest cannot be chosen");
    assert_eq!(run(&["push", "interlock.json", &to]).await.0, Some(4), "it is no component");
    registry.push_other("text:1", "application/wasm", b"some text", 9).await;
    let text = registry.named("text:1");
    for arguments in [&["pull", &text][..], &["pull", &text, "--out", "text.wasm"]] {
        assert_eq!(run(arguments).await.0, Some(4), "it is no component");
    }
    assert!(!folder.path().join("text.wasm").exists());
    assert_eq!(run(&["pull", "oci://rule"]).await.0, Some(2), "there is no host");
    assert_eq!(run(&["pull", &registry.named("team/rule:2")]).await.0, Some(1), "there is no such tag");
}
