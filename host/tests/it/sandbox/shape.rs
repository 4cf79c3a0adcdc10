//! What is no plugin at all, or wants more than a plugin gets, is refused before anything of it runs.

use interlock::sandbox::{ComponentSource, Limits, LoadError, Plugin, Sandbox, Supply};
use serde_json::json;

use crate::plugins::{self, fault};

/// A good component with a name in it changed to another of the same length, wherever it stands.
pub(crate) fn renamed(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "lengths are part of the format");
    let mut bytes = std::fs::read(fault("misbehaves")).unwrap();
    let found: Vec<usize> =
        bytes.windows(from.len()).enumerate().filter(|(_, at)| *at == from.as_bytes()).map(|(at, _)| at).collect();
    assert!(!found.is_empty(), "`{from}` is not in it");
    for at in found {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

async fn load(bytes: &[u8]) -> Result<Plugin, LoadError> {
    let sandbox = Sandbox::start(None).unwrap();
    sandbox.load("p", bytes, &json!({"how": "allow"}), Limits::POLICY).await
}

#[tokio::test]
async fn what_is_no_component_is_refused_as_such() {
    for bytes in [b"".as_slice(), b"(component)", b"\0asm\x01\0\0\0"] {
        let error = load(bytes).await.unwrap_err();
        assert!(matches!(error, LoadError::NotAComponent(_)), "{error}");
    }
    let half = std::fs::read(fault("misbehaves")).unwrap();
    let error = load(&half[..half.len() / 2]).await.unwrap_err();
    assert!(matches!(error, LoadError::NotAComponent(_)), "{error}");
}

#[tokio::test]
async fn what_is_too_large_is_not_even_looked_at() {
    let error = load(&vec![0; (64 << 20) + 1]).await.unwrap_err();
    assert!(matches!(error, LoadError::TooLarge { bytes: 67_108_865, limit: 67_108_864 }), "{error}");
}

#[tokio::test]
async fn a_component_that_wants_a_clock_is_refused_with_advice() {
    let error = load(&renamed("interlock:plugin/history@0.1.0", "wasi:clocks/wall-clock@0.2.101")).await.unwrap_err();
    let LoadError::ForeignImport { import, hint } = &error else { panic!("{error}") };
    assert_eq!(import, "wasi:clocks/wall-clock@0.2.101");
    assert!(hint.contains("a plugin has no clock") && hint.contains("wasm32-unknown-unknown"), "{hint}");
}

#[tokio::test]
async fn a_component_that_wants_something_of_strangers_or_of_another_world_is_refused() {
    for (other, hint) in [
        ("somebody:else0/history@0.1.0ab", "`interlock:plugin` only"),
        ("interlock:plugin/toolset@0.1.0", "a policy does not get this interface"),
    ] {
        let error = load(&renamed("interlock:plugin/history@0.1.0", other)).await.unwrap_err();
        let LoadError::ForeignImport { import, hint: told } = &error else { panic!("{error}") };
        assert_eq!(import, other);
        assert!(told.contains(hint), "{told}");
    }
}

#[tokio::test]
async fn a_component_of_another_world_or_generation_is_refused_with_what_is_served() {
    for (from, to, told) in [
        ("interlock:plugin/judge@0.1.0", "interlock:plugin/jodge@0.1.0", "a policy exports"),
        ("interlock:plugin/lifecycle@0.1.0", "interlock:plugin/lifecycla@0.1.0", "is missing"),
        ("@0.1.0", "@0.9.0", "this Interlock serves 0.1.0"),
    ] {
        let error = load(&renamed(from, to)).await.unwrap_err();
        assert!(matches!(&error, LoadError::WrongWorld(reason) if reason.contains(told)), "{error}");
    }
}

#[tokio::test]
async fn a_component_of_a_draft_is_taken_only_where_drafts_are_served() {
    let draft = std::fs::read(plugins::draft("beside")).unwrap();
    let settings = json!({"known": []});
    let released = Sandbox::start(None).unwrap().load("p", &draft, &settings, Limits::POLICY).await.unwrap_err();
    let LoadError::WrongWorld(reason) = &released else { panic!("{released}") };
    assert!(reason.contains("/judge@0.2.0-draft") && reason.ends_with("this Interlock serves 0.1.0"), "{reason}");
    // What one that serves drafts has kept is not found by one that does not.
    let cache = tempfile::tempdir().unwrap();
    let served = Sandbox::start_with_drafts(Some(cache.path())).unwrap();
    served.load("p", &draft, &settings, Limits::POLICY).await.unwrap();
    let again = Sandbox::start(Some(cache.path())).unwrap().load("p", &draft, &settings, Limits::POLICY).await;
    assert!(matches!(again, Err(LoadError::WrongWorld(_))), "{again:?}");
}

#[tokio::test]
async fn a_component_that_imports_of_another_generation_than_it_exports_is_refused() {
    let mixed = renamed("interlock:plugin/history@0.1.0", "interlock:plugin/history@0.2.0");
    let error = load(&mixed).await.unwrap_err();
    let LoadError::ForeignImport { import, hint } = &error else { panic!("{error}") };
    assert_eq!(import, "interlock:plugin/history@0.2.0");
    assert!(hint.ends_with("of the generation of what it exports, 0.1.0"), "{hint}");
}

#[tokio::test]
async fn a_file_or_a_name_that_is_not_there_is_named() {
    let nowhere = ComponentSource::File("/nowhere/at-all.wasm".into()).read(&Supply::of_anyone()).await.unwrap_err();
    assert!(matches!(&nowhere, LoadError::Unreadable { path, .. } if path.ends_with("at-all.wasm")), "{nowhere}");
    let nothing = ComponentSource::Standard("sequense".to_owned()).read(&Supply::of_anyone()).await.unwrap_err();
    assert!(matches!(&nothing, LoadError::NoSuchPlugin { name, .. } if name == "sequense"), "{nothing}");
}
