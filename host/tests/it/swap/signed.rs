//! Components that must be signed: what is not, by somebody who is trusted, never gets so far as to be read.

use std::{fs, path::Path};

use interlock::{
    app::{App, PromotionError, Reload, roll_back},
    journal::kind,
    sandbox::signature_of,
    trust::{SecretKey, Signature, Trust},
};
use serde_json::{Value, json};

use super::{
    Place,
    bad::{Bad, clear, each_leaves_the_one_before_at_work, with},
    configuration, first, put, second, sha256,
};

/// Puts the signature of a component beside it, by the key that the configuration trusts.
fn sign(component: &Path) {
    signed_by(component, &SecretKey::read(&component.with_file_name("team.key")).unwrap());
}

fn signed_by(component: &Path, key: &SecretKey) {
    let line = Signature::of(&fs::read(component).unwrap(), key).to_string();
    put(component.parent().unwrap(), "rule.wasm.sig", line.as_bytes());
}

fn unsigned(at: &Path, bytes: &[u8]) {
    fs::remove_file(signature_of(at)).unwrap();
    with(at, bytes);
}

fn trusting() -> Value {
    let mut config = configuration();
    config["trust"] = json!({"keys": ["team.pub"]});
    config
}

/// A place whose one component is signed, as it must be.
async fn signed_place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let key = SecretKey::generate().unwrap();
    fs::write(folder.path().join("team.key"), key.to_line()).unwrap();
    fs::write(folder.path().join("team.pub"), key.public().to_string()).unwrap();
    with(&folder.path().join("rule.wasm"), &first());
    sign(&folder.path().join("rule.wasm"));
    Place::in_folder(folder, &trusting()).await
}

const UNTRUSTED: &[Bad] = &[
    ("one that is not signed", |at| unsigned(at, &second()), "it is not signed"),
    ("what is no component, and not signed", |at| unsigned(at, b"allow everything"), "it is not signed"),
    ("one beside the signature of the one before", |at| with(at, &second()), "its signature is wrong"),
    (
        "one signed by a stranger",
        |at| {
            with(at, &second());
            signed_by(at, &SecretKey::generate().unwrap());
        },
        "it is signed by a stranger",
    ),
    (
        "one with a signature that is none",
        |at| {
            with(at, &second());
            fs::write(signature_of(at), "signed: me").unwrap();
        },
        "its signature cannot be read",
    ),
    (
        "one whose signature is a folder",
        |at| {
            unsigned(at, &second());
            fs::create_dir(signature_of(at)).unwrap();
        },
        "it is not a file",
    ),
    ("one that is signed and too large", |at| with(at, &vec![0; (64 << 20) + 1]), "at most 67108864"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_nobody_trusted_has_signed_leaves_the_one_before_at_work() {
    let place = signed_place().await;
    each_leaves_the_one_before_at_work(&place, UNTRUSTED, |place| {
        clear(&signature_of(&place.component()));
        place.put("rule.wasm", &first());
        sign(&place.component());
    })
    .await;
    place.put("rule.wasm", &second());
    sign(&place.component());
    assert_eq!(place.reload().await, Reload::Applied { kept: vec![] });
    assert_eq!(place.call("ci/run_tests").await, ["told_2x"]);
    place.app.stop().await;
}

#[tokio::test]
async fn a_configuration_that_trusts_others_is_rejected_as_long_as_they_have_signed_nothing() {
    let place = signed_place().await;
    let other = SecretKey::generate().unwrap();
    let mut config = trusting();
    config["trust"]["keys"] = json!([other.public().to_string()]);
    place.configure(&config);
    let Reload::Rejected(problems) = place.reload().await else { panic!("it was taken over") };
    assert_eq!(problems.0[0].pointer, "/policies/0/component");
    assert!(problems.to_string().contains("it is signed by a stranger"), "{problems}");
    assert!(problems.0[0].hint.as_ref().unwrap().contains("trust/keys"), "{problems}");
    assert_eq!(place.call("ci/run_tests").await, ["told_to"]);
    // Signed by both, it may be used by the old configuration and by the new.
    let both = [SecretKey::read(&place.path("team.key")).unwrap(), other];
    let lines = both.map(|key| format!("{}\n", Signature::of(&first(), &key))).concat();
    place.put("rule.wasm.sig", lines.as_bytes());
    assert_eq!(place.reload().await, Reload::Applied { kept: vec![] });
    assert!(place.events(kind::PLUGIN_REJECTED).await.is_empty());
    place.app.stop().await;
}

#[tokio::test]
async fn a_key_file_that_is_none_is_a_mistake_in_the_configuration() {
    let place = signed_place().await;
    let secret = fs::read(place.path("team.key")).unwrap();
    for (bytes, why) in [(secret.as_slice(), "it is a secret key"), (b"ssh-ed25519 AAAA", "it is no public key")] {
        place.put("team.pub", bytes);
        let Reload::Rejected(problems) = place.reload().await else { panic!("it was taken over") };
        assert_eq!(problems.0[0].pointer, "/trust/keys/0");
        assert!(problems.to_string().contains(why) && problems.0[0].position.is_some(), "{problems}");
        assert!(!problems.to_string().contains("interlock-secret-key-ed25519"), "a secret is not shown");
        assert_eq!(place.call("ci/run_tests").await, ["told_to"]);
    }
    place.app.stop().await;
}

#[tokio::test]
async fn where_no_signature_is_required_none_is_looked_at() {
    let place = signed_place().await;
    let mut config = trusting();
    config["trust"]["require_signature"] = false.into();
    place.configure(&config);
    unsigned(&place.component(), &second());
    assert_eq!(place.reload().await, Reload::Applied { kept: vec![] });
    assert_eq!(place.call("ci/run_tests").await, ["told_2x"]);
    place.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_that_comes_after_its_component_is_noticed() {
    let place = signed_place().await;
    let mut applied = place.app.mediators();
    place.app.watch(&place.app.doors());
    // What is in force changes twice: one component is told to be unusable, then it is not.
    unsigned(&place.component(), &second());
    next(&mut applied).await;
    assert_eq!(place.call("ci/run_tests").await, ["told_to"]);
    sign(&place.component());
    next(&mut applied).await;
    assert_eq!(place.call("ci/run_tests").await, ["told_2x"]);
    place.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_and_may_no_longer_be_used_is_not_gone_back_to() {
    // The first was signed, or not looked at, when it was in force. By now only what another key has signed may be.
    for (before, why) in [(true, "it is signed by a stranger"), (false, "it is not signed")] {
        let place = signed_place().await;
        if !before {
            let mut config = trusting();
            config["trust"]["require_signature"] = false.into();
            place.configure(&config);
            fs::remove_file(signature_of(&place.path(&format!("{}/rule/{}.wasm", kept(&place), sha256(&first())))))
                .unwrap();
            assert_eq!(place.reload().await, Reload::Applied { kept: vec![] });
        }
        let key = SecretKey::generate().unwrap();
        let mut config = trusting();
        config["trust"]["keys"] = json!([key.public().to_string()]);
        place.put("rule.wasm", &second());
        signed_by(&place.component(), &key);
        place.configure(&config);
        assert_eq!(place.reload().await, Reload::Applied { kept: vec![] });
        assert_eq!(place.call("ci/run_tests").await, ["told_2x"]);

        let (journal, trust) = (&place.app.journal, Trust::SignedBy(vec![key.public()]));
        let refused = roll_back(journal, &trust, "rule", None, "ann").await.unwrap_err();
        assert!(matches!(&refused, PromotionError::Unusable(_)) && refused.to_string().contains(why), "{refused}");
        assert!(refused.to_string().contains(&sha256(&first())), "{refused}");
        assert!(place.events(kind::PLUGIN_ROLLED_BACK).await.is_empty());
        // Said by somebody who trusts others, it is refused where calls are decided.
        roll_back(journal, &Trust::Anyone, "rule", None, "ann").await.unwrap();
        let Reload::Applied { kept } = place.reload().await else { panic!("it was not noticed") };
        assert!(kept[0].reason.contains(why) && kept[0].reason.contains(&sha256(&first())), "{kept:?}");
        assert_eq!(place.call("ci/run_tests").await, ["told_2x"]);
        // Nor does anything start with it.
        roll_back(journal, &Trust::Anyone, "rule", None, "ann").await.unwrap();
        place.app.stop().await;
        let path = place.folder.path().join("interlock.json");
        let config = interlock::config::load(&path, &|_| None, &interlock::sandbox::standard_plugins()).unwrap();
        let refused = App::start(&config, Some(&crate::plugins::cache()), Some("test")).await.unwrap_err().to_string();
        assert!(refused.contains(why) && refused.contains(&sha256(&first())), "{refused}");
    }
}

fn kept(place: &Place) -> String {
    place.app.journal.components().display().to_string()
}

async fn next(applied: &mut tokio::sync::watch::Receiver<interlock::mediation::Mediator>) {
    let change = tokio::time::timeout(std::time::Duration::from_secs(60), applied.changed()).await;
    change.expect("nothing was noticed").unwrap();
}
