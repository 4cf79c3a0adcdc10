//! Policies, components and servers that change while the program runs.

mod bad;
mod config;
pub(crate) mod live;
mod rollout;
mod signed;

use std::{
    fs,
    path::{Path, PathBuf},
};

use interlock::{
    app::{App, Reload},
    config::load,
    journal::{Event, Query},
    mediation::CallRequest,
    sandbox::standard_plugins,
};
use serde_json::{Map, Value, json};

use crate::{
    mediation::{line, told},
    plugins::{cache, fault},
    sandbox::renamed,
};

/// A running program, and the folder with its configuration and the component of its one policy, `rule`.
struct Place {
    folder: tempfile::TempDir,
    app: App,
}

/// A policy that refuses everything with the code `told_to`, and the same that does so with `told_2x`.
fn first() -> Vec<u8> {
    fs::read(fault("misbehaves")).unwrap()
}

fn second() -> Vec<u8> {
    renamed("told_to", "told_2x")
}

impl Place {
    async fn open() -> Self {
        Self::with(&configuration()).await
    }

    async fn with(config: &Value) -> Self {
        Self::with_file(config, "other.wasm", b"").await
    }

    /// With another file in the folder.
    async fn with_file(config: &Value, name: &str, bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
        Self::in_folder(folder, config).await
    }

    async fn in_folder(folder: tempfile::TempDir, config: &Value) -> Self {
        fs::write(folder.path().join("rule.wasm"), first()).unwrap();
        fs::write(folder.path().join("interlock.json"), config.to_string()).unwrap();
        Self::again(folder).await
    }

    /// In a folder where it has run before.
    async fn again(folder: tempfile::TempDir) -> Self {
        let config = load(&folder.path().join("interlock.json"), &|_| None, &standard_plugins()).unwrap();
        let app = App::start(&config, Some(&cache()), Some("test")).await.unwrap();
        Self { folder, app }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn component(&self) -> PathBuf {
        self.path("rule.wasm")
    }

    /// Puts a file in the place of another in one step.
    fn put(&self, name: &str, bytes: &[u8]) {
        put(self.folder.path(), name, bytes);
    }

    fn configure(&self, config: &Value) {
        self.put("interlock.json", config.to_string().as_bytes());
    }

    async fn reload(&self) -> Reload {
        self.app.reload().await.unwrap()
    }

    /// Makes a call and tells how it ended: `ok`, or the codes of all refusals.
    async fn call(&self, tool: &str) -> Vec<String> {
        let request = CallRequest {
            tool: tool.to_owned(),
            arguments: Map::from_iter([("revision".to_owned(), json!("r1"))]),
            beside: Map::new(),
            caller: interlock::call::Caller { principal: "local".to_owned(), roles: Vec::new(), client: None },
            session: "s".to_owned(),
            continues: None,
            idempotency_key: None,
            answers: Vec::new(),
            batch: None,
        };
        told(&self.app.mediator().call(request, line().0).await)
    }

    async fn events(&self, kind: &str) -> Vec<Event> {
        self.app.journal.read(&Query { kinds: vec![kind.to_owned()], ..Query::default() }).await.unwrap()
    }
}

fn configuration() -> Value {
    json!({
        "mcpServers": {"ci": {"component": "delivery"}},
        "policies": [rule()],
        "journal": {"mirror_dir": null, "durability": "batched"},
    })
}

/// The policy whose component is the file.
fn rule() -> Value {
    json!({
        "name": "rule", "component": "./rule.wasm", "limits": {"time_ms": 30_000}, "settings": {"how": "far_unlock"},
    })
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let beside = folder.join(format!(".{name}.new"));
    fs::write(&beside, bytes).unwrap();
    fs::rename(&beside, folder.join(name)).unwrap();
}
