//! Registries that are away when they are wanted, and come back; and what was kept of them that is no longer the same.

use std::fs;

use interlock::{
    app::{App, Reload},
    journal::{Query, kind},
    mediation::CallRequest,
    registry::{Artifact, Pinned, push},
};
use serde_json::{Map, Value, json};

use super::{NOBODY, Registry, component, configure, interlock_in};
use crate::{
    mediation::{line, told},
    plugins::cache,
    sandbox::renamed,
};

const SECOND: &str = "told_2x";

async fn code(app: &App) -> Vec<String> {
    let request = CallRequest {
        tool: "ci/run_tests".to_owned(),
        arguments: Map::from_iter([("revision".to_owned(), json!("r1"))]),
        beside: Map::new(),
        caller: interlock::call::Caller { principal: "local".to_owned(), roles: Vec::new(), client: None },
        session: "s".to_owned(),
        continues: None,
        idempotency_key: None,
        answers: Vec::new(),
        batch: None,
    };
    told(&app.mediator().call(request, line().0).await)
}

async fn pushed(registry: &Registry, bytes: Vec<u8>, name: &str) -> Pinned {
    push(&Artifact::new(bytes, None).unwrap(), &registry.at(name), &NOBODY).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_pulled_is_asked_for_again_until_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::start().await;
    let first = pushed(&registry, component(), "rule:1").await;
    let second = pushed(&registry, renamed("told_to", SECOND), "rule:2").await;
    let app = App::start(&configure(folder.path(), &first, None), Some(&cache()), Some("test")).await.unwrap();
    assert_eq!(code(&app).await, ["told_to"]);

    let (kept, host) = registry.stop().await;
    let mut applied = app.mediators();
    let mut events = app.journal.changes();
    app.watch(&app.doors());
    // One that never comes, and is no longer wanted when the other is.
    let elsewhere = Registry::start().await;
    let gone = pushed(&elsewhere, renamed("told_to", "told_no"), "gone:1").await;
    elsewhere.stop().await;
    configure(folder.path(), &gone, None);
    let rejected = async || {
        app.journal.read(&Query { kinds: vec![kind::CONFIG_REJECTED.to_owned()], ..Query::default() }).await.unwrap()
    };
    while rejected().await.is_empty() {
        events.changed().await.unwrap();
    }
    configure(folder.path(), &second, None);
    while rejected().await.len() < 2 {
        events.changed().await.unwrap();
    }
    assert_eq!(code(&app).await, ["told_to"], "the last that was good");
    let (_, page, _) = interlock_in(folder.path(), &["status", "--json"]).await;
    let page: Value = serde_json::from_str(&page).unwrap();
    let told = page["serving"][0]["rejected"][0]["message"].as_str().unwrap_or_else(|| panic!("{page}"));
    assert!(told.contains(&second.to_string()) && told.contains("refused"), "{told}");

    // Asked for again, in vain, before it is back.
    let in_its_place = tokio::net::TcpListener::bind(&host).await.unwrap();
    let again = tokio::time::timeout(std::time::Duration::from_secs(60), in_its_place.accept()).await;
    drop(again.expect("it was not asked for again").unwrap());
    drop(in_its_place);
    let _registry = Registry::serve(kept, &host, json!({})).await;
    tokio::time::timeout(std::time::Duration::from_secs(60), applied.changed())
        .await
        .expect("it has not come")
        .unwrap();
    assert_eq!(code(&app).await, [SECOND]);
    assert_eq!(rejected().await.len(), 2, "why each did not come was told once");
    app.stop().await;
}

#[tokio::test]
async fn a_gateway_does_not_start_without_what_it_has_never_had() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::start().await;
    let pinned = pushed(&registry, component(), "rule:1").await;
    registry.stop().await;
    let config = configure(folder.path(), &pinned, None);
    let refused = App::start(&config, Some(&cache()), Some("test")).await.unwrap_err().to_string();
    assert!(refused.contains("interlock plugin pull"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_pulled_and_is_changed_leaves_the_one_before_at_work() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::start().await;
    let pinned = pushed(&registry, component(), "rule:1").await;
    let config = configure(folder.path(), &pinned, None);
    let app = App::start(&config, Some(&cache()), Some("test")).await.unwrap();
    let manifest = config.store().manifest(&pinned);
    let component = manifest.with_file_name(format!("{}.wasm", interlock::sandbox::sha256(&component())));
    for path in [component, manifest] {
        let good = fs::read(&path).unwrap();
        fs::write(&path, renamed("told_to", SECOND)).unwrap();
        let Reload::Applied { kept } = app.reload().await.unwrap() else { panic!("it was not noticed") };
        assert!(kept[0].reason.starts_with("digest mismatch"), "{kept:?}");
        assert_eq!(code(&app).await, ["told_to"]);
        fs::write(&path, good).unwrap();
        assert_eq!(app.reload().await.unwrap(), Reload::Applied { kept: vec![] });
    }
    app.stop().await;
}
