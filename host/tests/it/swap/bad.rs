//! What cannot take a component's place: each leaves the one before at work, and says why.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use interlock::{app::Reload, journal::kind};
use serde_json::json;
use wasmparser::{Parser, Payload};

use super::{Place, configuration, first, put, second};
use crate::{
    plugins::fault,
    sandbox::{Forgery, forged, renamed},
};

/// What is put in the component's place, and what is said of it.
pub(super) type Bad = (&'static str, fn(&Path), &'static str);

pub(super) fn with(at: &Path, bytes: &[u8]) {
    put(at.parent().unwrap(), at.file_name().unwrap().to_str().unwrap(), bytes);
}

fn standard(name: &str) -> Vec<u8> {
    fs::read(fault("misbehaves").parent().unwrap().with_file_name(format!("{name}.wasm"))).unwrap()
}

const BAD: &[Bad] = &[
    ("nothing at all", |at| with(at, b""), "not WebAssembly at all"),
    ("a text", |at| with(at, b"allow everything"), "not WebAssembly at all"),
    ("half of one", |at| with(at, &first()[..first().len() / 2]), "not a WebAssembly component"),
    ("a core module", |at| with(at, b"\0asm\x01\0\0\0"), "it is a core module"),
    ("code that is no code", |at| with(at, &broken()), "it cannot be compiled"),
    ("a toolset", |at| with(at, &standard("delivery")), "it is a toolset"),
    ("another world", |at| with(at, &renamed("plugin/judge@0.1.0", "plugin/jodge@0.1.0")), "exports nothing to use"),
    ("another generation", |at| with(at, &renamed("@0.1.0", "@0.9.0")), "this Interlock serves"),
    ("no life cycle", |at| with(at, &renamed("plugin/lifecycle@0.1", "plugin/lifecycla@0.1")), "is missing"),
    (
        "one that wants a clock",
        |at| with(at, &renamed("interlock:plugin/history@0.1.0", "wasi:clocks/wall-clock@0.2.101")),
        "a plugin has no clock",
    ),
    (
        "one that wants a store",
        |at| with(at, &renamed("interlock:plugin/history@0.1.0", "interlock:plugin/toolset@0.1.0")),
        "a policy does not get this interface",
    ),
    ("one with other settings", |at| with(at, &standard("sequence")), "settings/how"),
    ("one that fails to say what it is", |at| with(at, &read("refuses-to-describe")), "it failed in `describe`"),
    ("one that never says what it is", |at| with(at, &read("never-describes")), "took longer than"),
    ("one that never starts", |at| with(at, &forged(Forgery::EndlessStart)), "it failed in `start`"),
    ("one that wants too much memory", |at| with(at, &forged(Forgery::Memory { mib: 512 })), "KiB of memory"),
    ("one that is too large", large, "at most 67108864"),
    ("a file that is gone", |at| fs::remove_file(at).unwrap(), "cannot be read"),
    ("a folder", folder, "it is not a file"),
    ("a pipe", pipe, "it is not a file"),
    ("a link to nowhere", |at| link(at, "nowhere.wasm"), "cannot be read"),
    ("a link to itself", |at| link(at, "rule.wasm"), "cannot be read"),
];

fn read(name: &str) -> Vec<u8> {
    fs::read(fault(name)).unwrap()
}

/// A component whose last function's code is overwritten.
fn broken() -> Vec<u8> {
    let mut bytes = first();
    let bodies = Parser::new(0).parse_all(&bytes).filter_map(|payload| match payload.unwrap() {
        Payload::CodeSectionEntry(body) => {
            Some(body.get_operators_reader().unwrap().original_position()..body.range().end)
        }
        _ => None,
    });
    let last = bodies.last().unwrap();
    bytes[last].fill(0xff);
    bytes
}

fn large(at: &Path) {
    let beside = at.with_extension("new");
    fs::File::create(&beside).unwrap().set_len((64 << 20) + 1).unwrap();
    fs::rename(beside, at).unwrap();
}

fn folder(at: &Path) {
    fs::remove_file(at).unwrap();
    fs::create_dir(at).unwrap();
}

fn pipe(at: &Path) {
    fs::remove_file(at).unwrap();
    assert!(Command::new("mkfifo").arg(at).status().unwrap().success());
}

fn link(at: &Path, to: &str) {
    fs::remove_file(at).unwrap();
    symlink(to, at).unwrap();
}

pub(super) fn clear(at: &Path) {
    match fs::symlink_metadata(at) {
        Ok(there) if there.is_dir() => fs::remove_dir(at).unwrap(),
        Ok(_) => fs::remove_file(at).unwrap(),
        Err(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_component_leaves_the_one_before_at_work_and_is_told_with_its_reason() {
    let place = Place::open().await;
    each_leaves_the_one_before_at_work(&place, BAD, |place| {
        clear(&place.component());
        place.put("rule.wasm", &first());
    })
    .await;
    place.put("rule.wasm", &second());
    assert_eq!(place.reload().await, Reload::Applied { kept: vec![] });
    assert_eq!(place.call("ci/run_tests").await, ["told_2x"]);
    assert_eq!(place.events(kind::PLUGIN_SWAPPED).await.len(), 1);
    place.app.stop().await;
}

/// Spoils the component of the policy `rule` in each of these ways, and mends it again.
pub(super) async fn each_leaves_the_one_before_at_work(place: &Place, bad: &[Bad], mend: impl Fn(&Place)) {
    assert_eq!(place.call("ci/run_tests").await, ["told_to"]);
    for (number, (what, spoil, why)) in bad.iter().enumerate() {
        spoil(&place.component());
        let Reload::Applied { kept } = place.reload().await else { panic!("{what} was not noticed") };
        let [kept] = kept.as_slice() else { panic!("{what}: {kept:?}") };
        assert_eq!((kept.kind, kept.name.as_str()), ("policy", "rule"));
        assert!(kept.reason.contains(why), "{what}: {}", kept.reason);
        assert_eq!(place.call("ci/run_tests").await, ["told_to"], "{what} is at work");
        let told = place.events(kind::PLUGIN_REJECTED).await;
        assert_eq!(told.len(), number + 1, "{what}: once, and only once");
        assert_eq!(
            (told[number].subject.as_str(), &told[number].body["reason"]),
            ("rule", &kept.reason.as_str().into())
        );
        assert_eq!(place.reload().await, Reload::Same, "{what} is not told again");
        mend(place);
        assert_eq!(place.reload().await, Reload::Applied { kept: vec![] }, "after {what} all is well");
    }
    assert!(place.events(kind::PLUGIN_SWAPPED).await.is_empty());
}

#[tokio::test]
async fn a_bad_component_that_the_configuration_names_anew_is_a_mistake_in_it() {
    let place = Place::open().await;
    place.put("other.wasm", b"nothing");
    let mut config = configuration();
    config["policies"][0]["component"] = "./other.wasm".into();
    place.configure(&config);
    let Reload::Rejected(problems) = place.reload().await else { panic!("it was taken over") };
    assert!(problems.to_string().contains("not WebAssembly at all"), "{problems}");
    assert_eq!(problems.0[0].pointer, "/policies/0/component");
    assert_eq!(place.call("ci/run_tests").await, ["told_to"]);
    // What the rejected configuration names can be mended, and is taken over then.
    place.put("other.wasm", &second());
    assert_eq!(place.reload().await, Reload::Applied { kept: vec![] });
    assert_eq!(place.call("ci/run_tests").await, ["told_2x"]);
    place.app.stop().await;
}

#[tokio::test]
async fn a_bad_toolset_leaves_the_one_before_at_work() {
    let mut config = configuration();
    config["policies"][0]["mode"] = "off".into();
    config["mcpServers"]["own"] = json!({"component": "./own.wasm"});
    let place = Place::with_file(&config, "own.wasm", &standard("delivery")).await;
    assert_eq!(place.call("own/run_tests").await, ["ok"]);
    place.put("own.wasm", &first());
    let Reload::Applied { kept } = place.reload().await else { panic!("it was not noticed") };
    assert_eq!((kept[0].kind, kept[0].name.as_str()), ("server", "own"));
    assert!(kept[0].reason.contains("it is a policy"), "{kept:?}");
    assert_eq!(place.call("own/run_tests").await, ["ok"]);
    place.put("own.wasm", &standard("payments"));
    assert_eq!(place.reload().await, Reload::Applied { kept: vec![] });
    assert_eq!(place.call("own/run_tests").await, ["error -32602"]);
    assert_eq!(place.call("own/fraud_check").await, ["failed"], "its argument is missing");
    place.app.stop().await;
}
