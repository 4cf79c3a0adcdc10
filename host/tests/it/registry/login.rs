//! A registry that wants to know who asks.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use interlock::{
    registry::{Artifact, Credentials, Pinned, Reference, RegistryError, pull, push},
    sandbox::MAX_BYTES,
};
use serde_json::{Value, json};

use super::{NOBODY, Registry, component, interlock_in};

const NAME: &str = "ann";
const SECRET: &str = "open sesame";
/// As `htpasswd -nbB` writes them.
const USERS: &str = "ann:$2y$05$1GMSOCk7V4Fq276YpdlNEe0kgheFgumlJSu6FgkoBuhUKSRIDgK5q\n";

async fn guarded() -> Registry {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("users"), USERS).unwrap();
    let auth = json!({"htpasswd": {"realm": "team", "path": folder.path().join("users")}});
    Registry::serve(folder, "127.0.0.1:0", auth).await
}

fn encoded(secret: &str) -> String {
    BASE64_STANDARD.encode(format!("{NAME}:{secret}"))
}

fn docker(folder: &Path, config: &Value) {
    fs::create_dir_all(folder.join("docker")).unwrap();
    fs::write(folder.join("docker/config.json"), config.to_string()).unwrap();
}

fn credentials(folder: &Path) -> Credentials {
    let docker = folder.join("docker").display().to_string();
    Credentials::of(&|name| (name == "DOCKER_CONFIG").then(|| docker.clone()))
}

async fn refused(from: &Reference, by: &Credentials) -> String {
    let error = pull(from, by, MAX_BYTES).await.unwrap_err();
    assert!(matches!(error, RegistryError::Login { .. } | RegistryError::Credentials { .. }), "{error}");
    let told = format!("{error} {}", error.hint());
    assert!(!told.contains(SECRET) && !told.contains(&encoded(SECRET)), "{told}");
    told
}

#[tokio::test]
async fn what_docker_has_been_told_is_used_to_push_and_to_pull() {
    let (registry, folder) = (guarded().await, tempfile::tempdir().unwrap());
    let (artifact, at) = (Artifact::new(component(), None).unwrap(), registry.at("rule:1"));
    let wrong = push(&artifact, &at, &NOBODY).await.unwrap_err();
    assert!(matches!(wrong, RegistryError::Login { .. }), "{wrong}");

    docker(folder.path(), &json!({"auths": {&registry.host: {"auth": encoded(SECRET)}}}));
    let by = credentials(folder.path());
    let pinned: Pinned = push(&artifact, &at, &by).await.unwrap();
    for from in [at.clone(), pinned.into()] {
        assert_eq!(pull(&from, &by, MAX_BYTES).await.unwrap().1.component, component());
    }
    // The same, as HOME has it.
    fs::rename(folder.path().join("docker"), folder.path().join(".docker")).unwrap();
    let home = folder.path().display().to_string();
    let at_home = Credentials::of(&|name| (name == "HOME").then(|| home.clone()));
    assert!(pull(&at, &at_home, MAX_BYTES).await.is_ok());

    let told = refused(&at, &by).await;
    assert!(told.contains(&format!("registry `{}` wants a login: there are no", registry.host)), "{told}");
    assert!(told.contains("docker login") && told.contains("DOCKER_CONFIG"), "{told}");
    docker(folder.path(), &json!({"auths": {"elsewhere.example": {"auth": encoded(SECRET)}}}));
    assert!(refused(&at, &by).await.contains("there are no credentials"), "those are for another");
    docker(folder.path(), &json!({"auths": {&registry.host: {"auth": encoded("wrong")}}}));
    assert!(refused(&at, &by).await.contains("does not accept the credentials"));
    docker(folder.path(), &json!({"auths": {&registry.host: {"auth": SECRET}}}));
    assert!(refused(&at, &by).await.contains("in Base64"));
    docker(folder.path(), &json!({"auths": {&registry.host: {"identitytoken": SECRET}}}));
    assert!(refused(&at, &by).await.contains("an identity token"));
    fs::write(folder.path().join("docker/config.json"), SECRET).unwrap();
    assert!(refused(&at, &by).await.contains("docker/config.json"));
}

fn helper(folder: &Path, script: &str) {
    fs::create_dir_all(folder.join("bin")).unwrap();
    let path = folder.join("bin/docker-credential-teams");
    fs::write(&path, format!("#!/bin/sh\nread server\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn the_program_asks_dockers_helpers_and_tells_nobody_what_they_say() {
    let (registry, folder) = (guarded().await, tempfile::tempdir().unwrap());
    let folder = folder.path();
    fs::write(folder.join("rule.wasm"), component()).unwrap();
    let answer = json!({"ServerURL": &registry.host, "Username": NAME, "Secret": SECRET}).to_string();
    helper(folder, &format!("test \"$server\" = {} && echo '{answer}'", registry.host));
    let mut said = String::new();
    let mut run = async |arguments: &[&str]| {
        let (code, out, error) = interlock_in(folder, arguments).await;
        said += &out;
        said += &error;
        (code, out, error)
    };
    docker(folder, &json!({"credHelpers": {&registry.host: "teams"}}));
    let (code, pinned, told) = run(&["plugin", "push", "rule.wasm", &registry.named("rule:1")]).await;
    assert_eq!(code, Some(0), "{told}");
    let pinned = pinned.trim();
    docker(folder, &json!({"auths": {&registry.host: {}}, "credsStore": "teams"}));
    assert_eq!(run(&["plugin", "pull", pinned, "--out", "pulled.wasm"]).await.0, Some(0));
    assert_eq!(fs::read(folder.join("pulled.wasm")).unwrap(), component());
    let (code, told, _) = run(&["plugin", "inspect", pinned]).await;
    assert_eq!(code, Some(0));
    let digest = interlock::sandbox::sha256(&component());
    assert!(told.contains(pinned) && told.contains(&digest) && told.contains("may use"), "{told}");
    let (code, told, _) = run(&["plugin", "inspect", pinned, "--against", "rule.wasm"]).await;
    assert!(code == Some(0) && told.contains("the same component"), "{told}");

    // A gateway: what it names has never been pulled here.
    let policies = json!([{"name": "rule", "component": pinned, "settings": {"how": "far_unlock"}}]);
    fs::write(folder.join("interlock.json"), json!({"policies": policies}).to_string()).unwrap();
    helper(folder, &format!("echo '{answer}'; exit 1"));
    let (code, _, told) = run(&["check"]).await;
    assert!(code == Some(4) && told.contains("docker-credential-teams get` has failed"), "{told}");
    helper(folder, "echo credentials not found in native keychain; exit 1");
    let (code, _, told) = run(&["check"]).await;
    assert!(code == Some(4) && told.contains("wants a login: there are no credentials"), "{told}");
    docker(folder, &json!({"credsStore": "nobodys"}));
    let (code, _, told) = run(&["check"]).await;
    assert!(code == Some(4) && told.contains("cannot be run"), "{told}");
    helper(folder, &format!("echo '{answer}'"));
    docker(folder, &json!({"credsStore": "teams"}));
    assert_eq!(run(&["check"]).await.0, Some(0));
    assert!(!said.contains(SECRET) && !said.contains(&encoded(SECRET)), "{said}");
}
