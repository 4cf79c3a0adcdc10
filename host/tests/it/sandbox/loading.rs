//! Guests that fail before their first call: each is a clear error, told once, at the start.

use interlock::sandbox::{FaultKind, Limits, LoadError, Sandbox};
use serde_json::json;

use super::{
    faults::{PLENTY, judge, load},
    forge::{Forgery, forged},
};
use crate::plugins::cache;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_never_comes_to_its_first_call_is_refused_with_the_stage_at_which_it_stopped() {
    let sandbox = &Sandbox::start(None).unwrap();
    // All at the same time: each of them takes its whole time.
    let told_to = async |how| load(sandbox, "misbehaves", json!({"how": how, "at_once": true}), PLENTY).await;
    let (endless, nothing) = (forged(Forgery::EndlessStart), json!({}));
    let (starts, describes, configures) = tokio::join!(
        sandbox.load("endless", &endless, &nothing, PLENTY),
        load(sandbox, "never-describes", json!({}), PLENTY),
        told_to("spin"),
    );
    for (stage, answer) in [("start", starts), ("describe", describes), ("configure", configures)] {
        let error = answer.unwrap_err();
        let LoadError::Failed { during, fault } = &error else { panic!("{stage}: {error}") };
        assert_eq!((*during, fault.kind), (stage, FaultKind::Timeout), "{error}");
    }
}

#[tokio::test]
async fn a_component_that_fails_while_it_is_loaded_is_refused_with_the_stage_and_its_last_words() {
    let sandbox = Sandbox::start(None).unwrap();
    let silent = load(&sandbox, "refuses-to-describe", json!({}), PLENTY).await.unwrap_err();
    let LoadError::Failed { during: "describe", fault } = &silent else { panic!("{silent}") };
    assert!(fault.kind == FaultKind::Trap && fault.detail.contains("it does not say"), "{silent}");
    for (how, kind, words) in [
        ("hoard", FaultKind::Memory, "KiB"),
        ("panic", FaultKind::Trap, "it was told to"),
        ("recurse", FaultKind::Trap, "wasm trap"),
    ] {
        let error = load(&sandbox, "misbehaves", json!({"how": how, "at_once": true}), PLENTY).await.unwrap_err();
        let LoadError::Failed { during: "configure", fault } = &error else { panic!("{how}: {error}") };
        assert!(fault.kind == kind && fault.detail.contains(words), "{how}: {error}");
    }
    let good = load(&sandbox, "misbehaves", json!({}), PLENTY).await.unwrap();
    assert!(judge(&good, "allow").await.is_ok());
}

#[tokio::test]
async fn a_component_that_finds_no_end_of_problems_is_cut_short() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    let error = load(&sandbox, "misbehaves", json!({"at_once": true}), PLENTY).await.unwrap_err();
    let LoadError::Settings(problems) = &error else { panic!("{error}") };
    assert_eq!(problems.len(), 100);
    assert!(problems.iter().all(|problem| problem.pointer == "/how" && problem.message.len() == 1024));
}

#[tokio::test]
async fn a_component_that_could_never_start_within_its_limits_is_refused_before_any_call() {
    let sandbox = Sandbox::start(None).unwrap();
    let small = Limits { memory_bytes: 1 << 20, ..PLENTY };
    for (forgery, limits) in [
        // More than the limit of its calls, more than components get while they are loaded.
        (Forgery::Memory { mib: 32 }, PLENTY),
        (Forgery::Memory { mib: 512 }, PLENTY),
        (Forgery::Memory { mib: 0 }, small),
    ] {
        let error = sandbox.load("large", &forged(forgery), &json!({}), limits).await.unwrap_err();
        let LoadError::Failed { during: "start", fault } = &error else { panic!("{forgery:?}: {error}") };
        assert_eq!(fault.kind, FaultKind::Memory, "{error}");
    }
    for forgery in [Forgery::Memory { mib: 4096 }, Forgery::Table { elements: 10_000_000 }] {
        let error = sandbox.load("huge", &forged(forgery), &json!({}), PLENTY).await.unwrap_err();
        assert!(matches!(&error, LoadError::Compile(_)), "{forgery:?}: {error}");
    }
    // Each of its tables would do, but not all of them.
    let error =
        sandbox.load("wide", &forged(Forgery::Table { elements: 90_000 }), &json!({}), PLENTY).await.unwrap_err();
    assert!(matches!(&error, LoadError::Failed { during: "start", .. }), "{error}");
    let enough = Limits { memory_bytes: 64 << 20, ..PLENTY };
    let large = sandbox.load("large", &forged(Forgery::Memory { mib: 32 }), &json!({}), enough).await.unwrap();
    assert!(judge(&large, "allow").await.is_ok());
}
