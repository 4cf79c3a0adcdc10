//! What there is to know of a component, and of what is none.

use std::fs;

use interlock::sandbox::standard_plugins;
use serde_json::json;

use super::interlock;

#[test]
fn every_standard_plugin_tells_what_it_is_what_it_may_do_and_what_it_costs() {
    let place = tempfile::tempdir().unwrap();
    for name in standard_plugins() {
        let said = interlock(place.path(), &["plugin", "inspect", name, "--json"]);
        assert_eq!(said.code, Some(0), "{name}: {}", said.err);
        let found = said.json();
        assert_eq!((&found["manifest"]["name"], &found["generation"]), (&json!(name), &json!("0.1.0")));
        assert_eq!(found["digest"].as_str().unwrap().len(), 64);
        let all = |key: &str| found[key].as_array().unwrap().clone();
        assert!(
            all("imports").iter().all(|import| import.as_str().unwrap().starts_with("interlock:plugin/")),
            "{found:#}"
        );
        assert!(all("exports").contains(&json!("interlock:plugin/lifecycle@0.1.0")), "{found:#}");
        assert_eq!(found["running"]["isolation"], "snapshot", "{found:#}");
        assert!(found["running"]["median_us"].as_f64().unwrap() > 0.0, "{found:#}");
        assert!(found["manifest"]["settings_schema"]["properties"].is_object(), "{found:#}");
    }
    let text = interlock(place.path(), &["plugin", "inspect", "sequence"]).out;
    for line in ["  exports      ", "  may use      ", "  codes        sequence_unmet", "  settings     rules"] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn settings_that_are_not_accepted_leave_the_rest_to_be_told() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("settings.json"), r#"{"rulez": []}"#).unwrap();
    let said = interlock(place.path(), &["plugin", "inspect", "sequence", "--settings", "settings.json"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("sequence_unmet") && said.out.contains("settings/rulez: unknown key"), "{}", said.out);
}

#[test]
fn what_is_no_plugin_is_told_what_it_is() {
    let place = tempfile::tempdir().unwrap();
    let other_world = crate::sandbox::renamed("interlock:plugin/judge@0.1.0", "interlock:plugin/judge@0.9.0");
    for (name, bytes, told) in [
        ("garbage.wasm", b"(component)".to_vec(), "not a WebAssembly component: it is not WebAssembly at all"),
        (
            "module.wasm",
            b"\0asm\x01\0\0\0".to_vec(),
            "it is a core module; `wasm-tools component new` makes a component",
        ),
        (
            "empty.wasm",
            b"\0asm\x0d\0\x01\0".to_vec(),
            "it exports nothing to use: a policy exports `interlock:plugin/judge",
        ),
        ("other.wasm", other_world, "it was made for `interlock:plugin/judge@0.9.0`; this Interlock serves "),
    ] {
        fs::write(place.path().join(name), bytes).unwrap();
        for arguments in [
            &["plugin", "inspect", name][..],
            &["plugin", "bench", name],
            &["plugin", "inspect", "sequence", "--against", name],
        ] {
            let said = interlock(place.path(), arguments);
            assert_eq!((said.code, said.out.as_str()), (Some(4), ""), "{arguments:?}: {}", said.err);
            assert!(said.err.contains(told), "{told}\n---\n{}", said.err);
        }
    }
    let gone = interlock(place.path(), &["plugin", "inspect", "gone.wasm"]);
    assert_eq!(gone.code, Some(1));
    assert!(gone.err.contains("`gone.wasm` cannot be read"), "{}", gone.err);
    let unknown = interlock(place.path(), &["plugin", "inspect", "sequense"]);
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.err.contains("no folder, no file, and no plugin") && unknown.err.contains("sequence"),
        "{}",
        unknown.err
    );
}

#[test]
fn one_standard_policy_against_another_differs_in_all_that_it_should() {
    let place = tempfile::tempdir().unwrap();
    let told = interlock(place.path(), &["plugin", "inspect", "sequence", "--against", "allow-list"]).out;
    for line in [
        "  name: allow-list -> sequence",
        "  + code sequence_unmet",
        "  - code not_allowed",
        "  - settings/default:",
        "  + settings/rules/*/after:",
        "  + may use history",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    let told = interlock(place.path(), &["plugin", "inspect", "sequence", "--against", "delivery"]).out;
    for line in ["  + exports judge", "  - exports toolset"] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    let same = interlock(place.path(), &["plugin", "inspect", "sequence", "--against", "sequence"]).out;
    assert_eq!(same, "From sequence to sequence:\n  the same component\n");
}
