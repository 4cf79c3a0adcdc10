//! From an empty folder to a policy that guards a tool, in Rust, as an author goes.

use std::{fs, path::Path, process::Command};

use serde_json::json;

use super::{built, interlock};

fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_new_policy_passes_at_once_guards_a_tool_and_shows_what_an_edit_changes() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let made = interlock(place, &["plugin", "new", "refund-limit"]);
    assert_eq!((made.code, made.err.as_str()), (Some(0), ""));

    let tested = interlock(place, &["plugin", "test", "refund-limit", "--json"]);
    assert_eq!(tested.code, Some(0), "{} {}", tested.out, tested.err);
    let report = tested.json();
    assert_eq!((report["ok"].as_bool(), report["results"].as_array().unwrap().len()), (Some(true), 4));
    assert_eq!(report["verdicts"], json!({"allow": 2, "refuse": 2}));
    assert_eq!(report["codes"]["unseen"], json!([]));
    let built_once = interlock(place, &["plugin", "build", "refund-limit", "--json"]).json();
    assert_eq!(
        (&built_once["changed"], &built_once["component"]),
        (&json!(false), &json!("refund-limit/refund-limit.wasm"))
    );

    // A configuration that lies among the sources, and the journal that a run leaves there, are none of them.
    let component = place.join("refund-limit/refund-limit.wasm");
    let built_at = || fs::metadata(&component).unwrap().modified().unwrap();
    let before = built_at();
    for file in ["interlock.json", "interlock.db", "audit_logs/today.jsonl"] {
        let file = place.join("refund-limit").join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
    }
    assert_eq!(interlock(place, &["plugin", "test", "refund-limit"]).code, Some(0));
    assert_eq!(built_at(), before, "it was built again");

    let config = json!({
        "mcpServers": {"payments": {"component": "payments"}},
        "policies": [{"name": "limit", "component": "refund-limit/refund-limit.wasm",
                      "settings": {"tools": ["payments/process_payment"], "most": 100}}],
    });
    fs::write(place.join("interlock.json"), config.to_string()).unwrap();
    for (amount, code, word) in [(100, Some(0), "allow"), (101, Some(3), "above_limit")] {
        let arguments = json!({"payment_id": "p", "amount": amount, "to": "ACME"}).to_string();
        let told = interlock(place, &["explain", "payments/process_payment", "--args", &arguments]);
        assert_eq!(told.code, code, "{} {}", told.out, told.err);
        assert!(told.out.contains(word), "{}", told.out);
    }
    let looked = interlock(place, &["plugin", "inspect", "limit", "--json"]).json();
    assert_eq!(looked["manifest"]["name"], "refund-limit", "a policy of the configuration goes by its own name");

    // An edit that renames a code and forgets to use it, and adds a key; the folder is built again of its own accord.
    fs::copy(place.join("refund-limit/refund-limit.wasm"), place.join("old.wasm")).unwrap();
    let source = place.join("refund-limit/src/lib.rs");
    edit(&source, r#"&["above_limit","#, r#"&["too_much","#);
    edit(&source, "    most: f64,\n}\n", "    most: f64,\n    /// For another day.\n    least: Option<f64>,\n}\n");
    edit(&place.join("refund-limit/Cargo.toml"), r#"version = "0.1.0""#, r#"version = "0.2.0""#);
    let tested = interlock(place, &["plugin", "test", "refund-limit"]);
    assert_eq!(tested.code, Some(1), "{}", tested.out);
    assert!(tested.out.contains("no case of refund-limit/cases.json shows the code `too_much`"), "{}", tested.out);
    let wrong =
        "Wrong: the code `above_limit` is given at refund-limit/cases.json:8:3, and the manifest does not declare it";
    assert!(tested.out.contains(wrong), "{}", tested.out);
    assert!(tested.err.contains("codes that the manifest does not declare: above_limit"), "{}", tested.err);
    let report = interlock(place, &["plugin", "test", "refund-limit", "--json"]).json();
    assert_eq!((&report["ok"], &report["codes"]["undeclared"]), (&json!(false), &json!(["above_limit"])));

    let against = ["plugin", "inspect", "refund-limit/refund-limit.wasm", "--against", "old.wasm"];
    let told = interlock(place, &against);
    assert_eq!(told.code, Some(0), "{}", told.err);
    for line in [
        "From old.wasm to refund-limit/refund-limit.wasm:",
        "  version: 0.1.0 -> 0.2.0",
        "  + code too_much",
        "  - code above_limit",
        "  + settings/least:",
    ] {
        assert!(told.out.contains(line), "{line}\n{}", told.out);
    }
    assert!(!told.out.contains("settings/most") && !told.out.contains("may use"), "{}", told.out);
    let changes = interlock(place, &[&against[..], &["--json"]].concat()).json();
    assert_eq!(changes["settings"][0]["pointer"], "/least");
    assert_eq!(changes["imports"], json!({"added": [], "removed": []}));
}

#[test]
fn a_new_toolset_passes_at_once_and_its_tests_run_on_this_machine_too() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let made = interlock(place, &["plugin", "new", "greeter", "--kind", "toolset", "--json"]);
    assert_eq!(made.json()["folder"], "greeter");
    let tested = interlock(place, &["plugin", "test", "greeter"]);
    assert_eq!(tested.code, Some(0), "{} {}", tested.out, tested.err);
    assert!(tested.out.ends_with("3 passed, 0 failed\n"), "{}", tested.out);
    let measured = interlock(place, &["plugin", "bench", "greeter", "--seconds", "1", "--json"]).json();
    assert!(
        measured["median_us"].as_f64().unwrap() > 0.0 && measured["p99_us"].as_f64() >= measured["median_us"].as_f64()
    );
    assert_eq!((&measured["cases"], &measured["isolation"]), (&json!(3), &json!("snapshot")));

    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut natively = Command::new(cargo);
    natively.args(["test", "--quiet"]).current_dir(place.join("greeter")).env("CARGO_TARGET_DIR", built());
    let ran = natively.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains("1 passed"), "{said} {}", String::from_utf8_lossy(&ran.stderr));
}
