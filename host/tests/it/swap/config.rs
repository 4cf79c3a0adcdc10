//! Another configuration: taken over as a whole while calls go on, or not at all.

use std::{fs, path::PathBuf};

use interlock::{app::Reload, downstream::Announcement, journal::kind};
use serde_json::{Value, json};

use super::{Place, configuration, rule};

const APPLIED: Reload = Reload::Applied { kept: Vec::new() };

fn with_policies(policies: Value) -> Value {
    let mut config = configuration();
    config["policies"] = policies;
    config
}

/// A policy that refuses with a code of its own.
fn never(name: &str) -> Value {
    json!({"name": name, "component": "allow-list", "limits": {"time_ms": 30_000}, "settings": {"rules": []}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_come_go_change_places_and_are_set_anew() {
    let place = Place::open().await;
    place.configure(&with_policies(json!([rule(), never("list")])));
    assert_eq!(place.reload().await, APPLIED);
    assert_eq!(place.call("ci/run_tests").await, ["told_to", "not_allowed"]);
    place.configure(&with_policies(json!([never("list"), rule()])));
    assert_eq!(place.reload().await, APPLIED);
    assert_eq!(place.call("ci/run_tests").await, ["not_allowed", "told_to"], "in the order of the file");
    let mut shadow = rule();
    shadow["mode"] = "shadow".into();
    place.configure(&with_policies(json!([never("list"), shadow])));
    assert_eq!(place.reload().await, APPLIED);
    assert_eq!(place.call("ci/run_tests").await, ["not_allowed"]);
    let mut open = never("list");
    open["settings"]["default"] = "allow".into();
    place.configure(&with_policies(json!([open])));
    assert_eq!(place.reload().await, APPLIED);
    assert_eq!(place.call("ci/run_tests").await, ["ok"]);
    let swapped = place.events(kind::PLUGIN_SWAPPED).await;
    assert_eq!(swapped.iter().map(|event| event.subject.as_str()).collect::<Vec<_>>(), ["list"]);
    let (from, to) = (&swapped[0].body["from"], &swapped[0].body["to"]);
    assert!(from["component"] == to["component"] && from["settings"] != to["settings"], "{:?}", swapped[0].body);
    place.configure(&with_policies(json!([])));
    assert_eq!(place.reload().await, APPLIED);
    assert_eq!(place.events(kind::CONFIG_APPLIED).await.len(), 6, "each is on record, the first too");
    place.app.stop().await;
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_leaves_the_one_before_in_force() {
    let place = Place::open().await;
    let unknown = json!([{"name": "x", "component": "sequence", "settings": {"rulse": []}}]);
    let empty = json!([{"name": "x", "component": "sequense"}]);
    for (number, (text, why)) in [
        ("{ \"policies\": [".to_owned(), "interlock.json:1:"),
        (with_policies(unknown).to_string(), "rulse"),
        (with_policies(empty).to_string(), "sequence"),
        (json!({"polices": []}).to_string(), "policies"),
    ]
    .into_iter()
    .enumerate()
    {
        place.put("interlock.json", text.as_bytes());
        let Reload::Rejected(problems) = place.reload().await else { panic!("{text} was taken over") };
        assert!(problems.to_string().contains(why), "{problems}");
        assert_eq!(place.call("ci/run_tests").await, ["told_to"]);
        place.reload().await;
        assert_eq!(place.events(kind::CONFIG_REJECTED).await.len(), number + 1, "once, and only once");
    }
    // The same again as was in force before: that all is well is on record too.
    place.configure(&configuration());
    assert_eq!(place.reload().await, APPLIED);
    assert_eq!(place.reload().await, Reload::Same);
    assert_eq!(place.events(kind::CONFIG_APPLIED).await.len(), 2);
    place.app.stop().await;
}

#[tokio::test]
async fn what_is_taken_over_at_the_next_start_only_is_told() {
    let place = Place::open().await;
    let mut config = configuration();
    config["session_idle_minutes"] = 7.into();
    config["journal"]["max_body_kib"] = 1.into();
    place.configure(&config);
    assert_eq!(place.reload().await, APPLIED);
    config["describe_rules"] = false.into();
    place.configure(&config);
    assert_eq!(place.reload().await, APPLIED);
    for event in place.events(kind::CONFIG_APPLIED).await.iter().skip(1) {
        assert_eq!(event.body["at_next_start"], json!(["journal", "session_idle_minutes"]));
    }
    place.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_ends_by_the_rules_and_the_servers_that_it_began_under() {
    let mut config = with_policies(json!([]));
    config["mcpServers"]["ci"]["settings"] = json!({"latency_ms": 3000});
    let place = Place::with(&config).await;
    let mut heard = place.app.mediator().catalogue().announcements();
    let mut changes = place.app.journal.changes();
    let (told, ()) = tokio::join!(place.call("ci/run_tests"), async {
        while place.events(kind::CALL_ADMITTED).await.is_empty() {
            changes.changed().await.unwrap();
        }
        config["mcpServers"] = json!({"cd": {"component": "delivery"}});
        config["policies"] = json!([rule()]);
        place.configure(&config);
        assert_eq!(place.reload().await, APPLIED);
        assert!(place.events(kind::CALL_FINISHED).await.is_empty(), "the call is still under way");
        assert_eq!(place.call("cd/run_tests").await, ["told_to"]);
    });
    assert_eq!(told, ["ok"]);
    assert_eq!(place.call("ci/run_tests").await, ["error -32602"]);
    let applied = place.events(kind::CONFIG_APPLIED).await;
    let admitted = place.events(kind::CALL_ADMITTED).await;
    assert_eq!(admitted.len(), 1);
    assert_ne!(applied[0].body["set"], applied[1].body["set"]);
    for all in [Announcement::ToolsChanged, Announcement::PromptsChanged, Announcement::ResourcesChanged] {
        assert_eq!(heard.recv().await.unwrap(), all);
    }
    place.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_under_one_name_are_a_mistake_and_no_server_is_started_twice() {
    let place = Place::open().await;
    let ready = |place: &Place| place.app.mediator().catalogue().server("ci").unwrap();
    let before = ready(&place);
    let mut config = configuration();
    config["mcpServers"]["more"] = json!({"component": "payments", "prefix": "ci__x"});
    place.configure(&config);
    assert_eq!(place.reload().await, APPLIED);
    assert!(std::sync::Arc::ptr_eq(&before, &ready(&place)), "a server that stays is the same one");
    config["mcpServers"] = json!({
        "a": {"component": "delivery", "prefix": ""},
        "b": {"component": "delivery", "prefix": ""},
    });
    place.configure(&config);
    let Reload::Rejected(problems) = place.reload().await else { panic!("it was taken over") };
    assert!(problems.to_string().contains("would both be seen as"), "{problems}");
    assert_eq!(place.call("ci/run_tests").await, ["told_to"]);
    place.app.stop().await;
}

/// The processes that were started with this argument.
fn running(argument: &str) -> Vec<PathBuf> {
    let started_so = |process: &PathBuf| {
        fs::read(process.join("cmdline"))
            .is_ok_and(|line| line.split(|byte| *byte == 0).any(|one| one == argument.as_bytes()))
    };
    fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path()).filter(started_so).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_no_longer_named_is_ended_and_one_that_is_set_anew_is_another_process() {
    let place = Place::with(&with_policies(json!([]))).await;
    let script = format!("{}/tests/it/downstream/server.py", env!("CARGO_MANIFEST_DIR"));
    let one_of_its_own = place.component().display().to_string();
    let mut config = with_policies(json!([]));
    config["mcpServers"]["py"] = json!({"command": "python3", "args": [script, "legacy", "listed", one_of_its_own]});
    place.configure(&config);
    assert_eq!(place.reload().await, APPLIED);
    assert_eq!(place.call("py/echo").await, ["ok"]);
    let [first] = running(&one_of_its_own).try_into().unwrap();
    config["mcpServers"]["py"]["args"][1] = "modern".into();
    place.configure(&config);
    assert_eq!(place.reload().await, APPLIED);
    assert_eq!(place.call("py/echo").await, ["ok"]);
    while first.exists() {
        tokio::task::yield_now().await;
    }
    assert_eq!(running(&one_of_its_own).len(), 1);
    place.configure(&with_policies(json!([])));
    assert_eq!(place.reload().await, APPLIED);
    assert_eq!(place.call("py/echo").await, ["error -32602"]);
    while !running(&one_of_its_own).is_empty() {
        tokio::task::yield_now().await;
    }
    place.app.stop().await;
}
