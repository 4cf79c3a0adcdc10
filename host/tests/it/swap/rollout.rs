//! A new component is judged beside the one in force before it counts, and an earlier one can be gone back to.

use interlock::{
    app::{App, PromotionError, Reload, candidate, promote, roll_back},
    config::load,
    journal::{Draft, kind},
    sandbox::standard_plugins,
    trust::Trust,
};
use serde_json::{Value, json};

use super::{Place, configuration, first, second, sha256};
use crate::{plugins::cache, sandbox::renamed};

const APPLIED: Reload = Reload::Applied { kept: Vec::new() };

fn with_rollout(rollout: Value) -> Value {
    let mut config = configuration();
    config["policies"][0]["rollout"] = rollout;
    config
}

/// Says the same as the first, and is another component.
fn alike() -> Vec<u8> {
    renamed("Misbehaves as it is told.", "Misbehaves as it is asked")
}

impl Place {
    async fn components(&self) -> Vec<(String, Value)> {
        let applied = self.events(kind::CONFIG_APPLIED).await.pop().unwrap();
        let listed = applied.body["policies"].as_array().unwrap().iter();
        listed.map(|one| (one["mode"].as_str().unwrap().to_owned(), one["component"].clone())).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_is_judged_and_does_not_count_until_it_is_promoted() {
    let place = Place::with(&with_rollout(json!({"mode": "shadow"}))).await;
    assert_eq!(place.call("ci/run_tests").await, ["told_to"]);
    let journal = &place.app.journal;
    assert!(matches!(promote(journal, "rule", "ann").await, Err(PromotionError::NoCandidate(_))));
    place.put("rule.wasm", &second());
    assert_eq!(place.reload().await, APPLIED);
    assert_eq!(place.reload().await, Reload::Same);
    let (one, two) = (json!(sha256(&first())), json!(sha256(&second())));
    assert_eq!(place.components().await, [("enforce".into(), one.clone()), ("candidate".into(), two.clone())]);
    assert_eq!(place.call("ci/run_tests").await, ["told_to"]);
    let refused = place.events(kind::CALL_REFUSED).await.pop().unwrap();
    let said = refused.body["policies"].as_array().unwrap();
    assert_eq!((&said[0]["code"], &said[0]["mode"]), (&json!("told_to"), &Value::Null));
    assert_eq!((&said[1]["code"], &said[1]["mode"]), (&json!("told_2x"), &json!("candidate")));
    let waiting = candidate(journal, "rule").await.unwrap().unwrap();
    assert_eq!((json!(waiting.component), waiting.diverged.len()), (two.clone(), 1));
    assert_eq!(waiting.diverged[0]["call"], refused.subject);
    assert_eq!(waiting.diverged[0]["judged"], refused.body["policies"]);

    let promoted = promote(journal, "rule", "ann").await.unwrap();
    assert_eq!((json!(promoted.from), json!(promoted.to)), (one, two.clone()));
    assert_eq!(place.reload().await, APPLIED);
    assert_eq!(place.components().await, [("enforce".into(), two)]);
    assert_eq!(place.call("ci/run_tests").await, ["told_2x"]);
    assert_eq!(place.events(kind::PLUGIN_PROMOTED).await[0].actor, "ann");
    assert!(place.events(kind::PLUGIN_SWAPPED).await.is_empty(), "a promotion is told as one");
    place.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_counts_is_known_to_the_next_process_too() {
    let place = Place::with(&with_rollout(json!({"mode": "shadow"}))).await;
    place.app.stop().await;
    // While nothing runs, the file becomes another.
    super::put(place.folder.path(), "rule.wasm", &second());
    let place = Place::again(place.folder).await;
    assert_eq!(place.call("ci/run_tests").await, ["told_to"], "it is not in force by a restart");
    promote(&place.app.journal, "rule", "ann").await.unwrap();
    place.app.stop().await;
    let place = Place::again(place.folder).await;
    assert_eq!(place.call("ci/run_tests").await, ["told_2x"]);
    place.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_was_taken_back_does_not_come_again_by_itself() {
    for config in [configuration(), with_rollout(json!({"mode": "shadow", "promote_after_calls": 1}))] {
        let place = Place::with(&configuration()).await;
        place.put("rule.wasm", &second());
        assert_eq!(place.reload().await, APPLIED);
        place.configure(&config);
        place.reload().await;
        assert_eq!(place.call("ci/run_tests").await, ["told_2x"]);
        let journal = &place.app.journal;
        assert!(matches!(
            roll_back(journal, &Trust::Anyone, "rule", Some("0000"), "ann").await,
            Err(PromotionError::NotKept { .. })
        ));
        assert!(matches!(
            roll_back(journal, &Trust::Anyone, "none", None, "ann").await,
            Err(PromotionError::Unknown(_))
        ));
        let back = roll_back(journal, &Trust::Anyone, "rule", Some(&sha256(&first())[..12]), "ann").await.unwrap();
        assert_eq!((back.from, back.to), (sha256(&second()), sha256(&first())));
        assert_eq!(place.reload().await, APPLIED);
        assert_eq!(place.call("ci/run_tests").await, ["told_to"]);
        // Nor by other settings, nor by a restart.
        let mut set_anew = config.clone();
        set_anew["policies"][0]["limits"] = json!({"time_ms": 29_000});
        set_anew["policies"][0]["settings"] = json!({"how": "far_unlock", "at_once": false});
        place.configure(&set_anew);
        assert_eq!(place.reload().await, APPLIED);
        assert_eq!(place.components().await, [("enforce".into(), json!(sha256(&first())))]);
        place.app.stop().await;
        let place = Place::again(place.folder).await;
        assert_eq!(place.call("ci/run_tests").await, ["told_to"]);
        place.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_that_judges_alike_for_long_enough_promotes_itself_and_one_that_does_not_never_does() {
    let place = Place::with(&with_rollout(json!({"mode": "shadow", "promote_after_calls": 3}))).await;
    let doors = place.app.doors();
    place.app.watch(&doors);
    let mut changes = place.app.journal.changes();
    let until = async |kind: &str, changes: &mut tokio::sync::watch::Receiver<_>| {
        while place.events(kind).await.is_empty() {
            changes.changed().await.unwrap();
        }
    };
    place.put("rule.wasm", &alike());
    // On record is not yet in force: only what is judges calls.
    let mut mediators = place.app.mediators();
    mediators.wait_for(|now| now.policies().candidate("rule").is_some()).await.unwrap();
    for _ in 0..2 {
        place.call("ci/run_tests").await;
    }
    assert!(place.events(kind::PLUGIN_PROMOTED).await.is_empty());
    place.call("ci/run_tests").await;
    until(kind::PLUGIN_PROMOTED, &mut changes).await;
    assert_eq!(place.events(kind::PLUGIN_PROMOTED).await[0].actor, "interlock");
    while place.components().await != [("enforce".into(), json!(sha256(&alike())))] {
        changes.changed().await.unwrap();
    }
    // Now one that says something else.
    mediators.wait_for(|now| now.policies().candidate("rule").is_none()).await.unwrap();
    place.put("rule.wasm", &second());
    mediators.wait_for(|now| now.policies().candidate("rule").is_some()).await.unwrap();
    for _ in 0..9 {
        assert_eq!(place.call("ci/run_tests").await, ["told_to"]);
    }
    assert_eq!(place.events(kind::PLUGIN_DIVERGED).await.len(), 9);
    assert_eq!(place.events(kind::PLUGIN_PROMOTED).await.len(), 1);
    place.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_candidate_is_told_and_the_component_in_force_goes_on() {
    let place = Place::with(&with_rollout(json!({"mode": "shadow"}))).await;
    place.put("rule.wasm", b"nothing");
    let Reload::Applied { kept } = place.reload().await else { panic!("it was not noticed") };
    assert!(kept[0].reason.contains("not WebAssembly at all"), "{kept:?}");
    assert_eq!(place.call("ci/run_tests").await, ["told_to"]);
    assert!(candidate(&place.app.journal, "rule").await.unwrap().is_none());
    place.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_is_taken_back_whatever_its_file_holds_by_then() {
    let place = Place::open().await;
    place.put("rule.wasm", &second());
    assert_eq!(place.reload().await, APPLIED);
    std::fs::remove_file(place.component()).unwrap();
    assert!(matches!(place.reload().await, Reload::Applied { .. }));
    assert_eq!(place.call("ci/run_tests").await, ["told_2x"]);
    roll_back(&place.app.journal, &Trust::Anyone, "rule", None, "ann").await.unwrap();
    assert!(matches!(place.reload().await, Reload::Applied { .. }));
    assert_eq!(place.call("ci/run_tests").await, ["told_to"]);
    assert_eq!(place.reload().await, Reload::Same);
    place.put("rule.wasm", &second());
    assert_eq!(place.reload().await, APPLIED);
    assert_eq!(place.call("ci/run_tests").await, ["told_to"], "that one was taken back");
    place.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_ten_components_of_a_policy_are_kept() {
    let place = Place::open().await;
    for number in 0..12 {
        place.put("rule.wasm", &renamed("told_to", &format!("tol_{number:03}")));
        assert_eq!(place.reload().await, APPLIED);
    }
    let folder = std::fs::read_dir(place.app.journal.components().join("rule")).unwrap();
    assert_eq!(folder.count(), 10);
    let back = roll_back(&place.app.journal, &Trust::Anyone, "rule", None, "ann").await.unwrap();
    assert_eq!(back.to, sha256(&renamed("told_to", "tol_010")), "the one before");
    assert_eq!(place.reload().await, APPLIED);
    assert_eq!(place.call("ci/run_tests").await, ["tol_010"]);
    place.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_used_leaves_the_candidate_too() {
    let place = Place::with(&with_rollout(json!({"mode": "shadow"}))).await;
    place.put("rule.wasm", &second());
    assert_eq!(place.reload().await, APPLIED);
    let both = place.components().await;
    assert_eq!(both.len(), 2);
    place.put("rule.wasm", b"trash");
    let Reload::Applied { kept } = place.reload().await else { panic!("it was not noticed") };
    assert_eq!((kept.len(), place.components().await), (1, both));
    place.put("rule.wasm", &second());
    assert_eq!(place.reload().await, APPLIED);
    // What was only ever judged in shadow is put in force by nothing but promotion.
    let journal = &place.app.journal;
    place.put("rule.wasm", &first());
    assert_eq!(place.reload().await, APPLIED);
    let shadow = sha256(&second());
    let denied = roll_back(journal, &Trust::Anyone, "rule", Some(&shadow), "ann").await;
    assert!(matches!(denied, Err(PromotionError::NotKept { .. })), "{denied:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_component_that_was_in_use_last_is_the_one_to_go_back_to() {
    let place = Place::open().await;
    // The first was kept first, and came back.
    for bytes in [second(), first(), renamed("told_to", "told_3x")] {
        place.put("rule.wasm", &bytes);
        assert_eq!(place.reload().await, APPLIED);
    }
    let back = roll_back(&place.app.journal, &Trust::Anyone, "rule", None, "ann").await.unwrap();
    assert_eq!(back.to, sha256(&first()));
    place.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_and_was_changed_is_not_gone_back_to() {
    let place = Place::open().await;
    place.put("rule.wasm", &second());
    assert_eq!(place.reload().await, APPLIED);
    let journal = &place.app.journal;
    let kept = journal.components().join("rule").join(format!("{}.wasm", sha256(&first())));
    std::fs::write(&kept, alike()).unwrap();
    let refused = roll_back(journal, &Trust::Anyone, "rule", None, "ann").await;
    assert!(matches!(&refused, Err(PromotionError::NotKept { .. })), "{refused:?}");
    // Nor if it is changed once that is said.
    std::fs::write(&kept, first()).unwrap();
    roll_back(journal, &Trust::Anyone, "rule", None, "ann").await.unwrap();
    std::fs::write(&kept, alike()).unwrap();
    let Reload::Applied { kept } = place.reload().await else { panic!("it was not noticed") };
    assert!(kept[0].reason.contains(&sha256(&first())), "{kept:?}");
    assert_eq!(place.call("ci/run_tests").await, ["told_2x"]);
    place.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_candidate_has_judged_counts_for_as_long_as_it_is_the_same() {
    let config = with_rollout(json!({"mode": "shadow", "promote_after_calls": 9}));
    let place = Place::with(&config).await;
    place.put("rule.wasm", &alike());
    assert_eq!(place.reload().await, APPLIED);
    let alike_so_far = || place.app.mediator().policies().candidate("rule").unwrap().tally().alike();
    place.call("ci/run_tests").await;
    assert_eq!(alike_so_far(), 1);
    let mut other = config.clone();
    other["describe_rules"] = false.into();
    place.configure(&other);
    assert_eq!(place.reload().await, APPLIED);
    assert_eq!(alike_so_far(), 1, "nothing of it has changed");
    other["policies"][0]["settings"] = json!({"how": "far_unlock", "at_once": false});
    place.configure(&other);
    assert_eq!(place.reload().await, APPLIED);
    assert_eq!(alike_so_far(), 0, "set otherwise, it has judged nothing");
    // Of two, the last is the one that is promoted.
    place.put("rule.wasm", &second());
    assert_eq!(place.reload().await, APPLIED);
    assert_eq!(promote(&place.app.journal, "rule", "ann").await.unwrap().to, sha256(&second()));
    place.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_policy_that_is_off_no_candidate_is_asked_either() {
    let config = with_rollout(json!({"mode": "shadow"}));
    for its_file_is_there in [true, false] {
        let place = Place::with(&config).await;
        place.put("rule.wasm", &second());
        assert_eq!(place.reload().await, APPLIED);
        assert_eq!(place.components().await.len(), 2);
        if !its_file_is_there {
            std::fs::remove_file(place.component()).unwrap();
        }
        let mut off = config.clone();
        off["policies"][0]["mode"] = "off".into();
        place.configure(&off);
        assert!(matches!(place.reload().await, Reload::Applied { .. }));
        assert_eq!(place.components().await, [("off".into(), json!(sha256(&first())))]);
        assert_eq!(place.call("ci/run_tests").await, ["ok"]);
        place.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_before_more_than_is_kept_at_hand_is_heard_too() {
    let place = Place::open().await;
    let mut applied = place.app.mediators();
    place.app.watch(&place.app.doors());
    place.put("rule.wasm", &second());
    applied.changed().await.unwrap();
    let body = json!({"from": {"component": sha256(&second())}, "to": {"component": sha256(&first())}});
    let said = Draft::new("ann", kind::PLUGIN_ROLLED_BACK, "rule", &body).unwrap();
    let much = Draft::new("ann", kind::CONFIG_REJECTED, "much", &json!({"problems": "x".repeat(5 << 20)})).unwrap();
    place.app.journal.append(vec![said, much]).await.unwrap();
    let heard = tokio::time::timeout(std::time::Duration::from_secs(60), applied.changed()).await;
    heard.expect("it was not heard").unwrap();
    assert_eq!(place.call("ci/run_tests").await, ["told_to"]);
    place.app.stop().await;
}

#[tokio::test]
async fn whoever_only_looks_keeps_no_components() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rule.wasm"), first()).unwrap();
    std::fs::write(folder.path().join("interlock.json"), configuration().to_string()).unwrap();
    for (role, kept) in [(None, false), (Some("test"), true)] {
        let config = load(&folder.path().join("interlock.json"), &|_| None, &standard_plugins()).unwrap();
        let app = App::start(&config, Some(&cache()), role).await.unwrap();
        assert_eq!(app.journal.components().join("rule").exists(), kept, "{role:?}");
        app.stop().await;
    }
}
