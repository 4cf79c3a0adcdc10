//! `cases.json` against components: what comes otherwise, what is missing, and what does not parse, each at its place.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{component, interlock};

#[test]
fn the_cases_of_every_standard_policy_come_out_against_its_component_as_they_do_natively() {
    let place = tempfile::tempdir().unwrap();
    let mut cases = 0;
    for policy in ["allow-list", "approval", "condition", "exclusive", "rate-limit", "sequence"] {
        let said = interlock(place.path(), &["plugin", "test", policy, "--json"]);
        let report = said.json();
        assert_eq!((said.code, &report["ok"]), (Some(0), &json!(true)), "{report:#}");
        // What becomes of the questions of `approval` is the host's to say, in codes that are declared by it.
        let unseen = report["codes"]["unseen"].as_array().unwrap().len();
        assert_eq!(unseen, if policy == "approval" { 4 } else { 0 }, "{policy}: {report:#}");
        cases += report["results"].as_array().unwrap().len();
    }
    assert!(cases >= 44, "{cases}");
}

#[test]
fn a_standard_toolset_has_its_cases_with_it_too() {
    let place = tempfile::tempdir().unwrap();
    let said = interlock(place.path(), &["plugin", "test", "crm", "--json"]);
    let report = said.json();
    assert_eq!((said.code, &report["ok"]), (Some(0), &json!(true)), "{report:#}");
    assert!(report["results"].as_array().unwrap().len() >= 12, "{report:#}");
    let without = interlock(place.path(), &["plugin", "test", "payments"]);
    assert_eq!(without.code, Some(1), "{}", without.out);
    assert!(without.err.contains("there are no cases: `payments/cases.json` is not there"), "{}", without.err);
}

const CASES: &str = r#"// Comments are allowed.
[
  { "name": "right", "settings": {"rules": [], "default": "allow"}, "call": {"tool": "a/b"}, "expect": {"verdict": "allow"} },
    { "name": "wrong", "settings": {"rules": []}, "call": {"tool": "a/b"}, "expect": {"verdict": "allow"} }, // this one
  { "name": "wrong in part", "settings": {"rules": []}, "call": {"tool": "a/b"},
    "expect": {"verdict": "refuse", "code": "other", "reason": "no rule"} },
  { "name": "bad settings", "settings": {"rulez": []}, "call": {"tool": "a/b"}, "expect": {"verdict": "allow"} },
  { "name": "new", "settings": {"rules": []}, "call": {"tool": "a/b"} },
]
"#;

#[test]
fn a_wrong_verdict_is_told_with_its_place_and_update_writes_what_was_given_and_nothing_else() {
    let folder = component("allow-list", CASES);
    let said = interlock(folder.path(), &["plugin", "test", "it.wasm"]);
    assert_eq!(said.code, Some(1));
    for line in [
        "  ok    right\n",
        "  FAIL  wrong\n        at cases.json:4:5\n        `verdict` is \"refuse\", not \"allow\"\n",
        "        at cases.json:5:3\n        `code` is \"not_allowed\", not \"other\"\n",
        "        settings/rulez: unknown key `rulez`: did you mean `rules`?\n",
        "        nothing is expected yet: `--update` writes it\n",
        "1 passed, 4 failed; verdicts: 1 allow, 3 refuse; codes: 3 not_allowed\n",
    ] {
        assert!(said.out.contains(line), "{line}\n---\n{}", said.out);
    }
    assert!(said.err.starts_with("Error: 4 of 5 cases of cases.json failed"), "{}", said.err);

    let said = interlock(folder.path(), &["plugin", "test", "it.wasm", "--update"]);
    assert_eq!(said.code, Some(1), "what has no verdict is left alone, and still wrong");
    assert!(said.err.contains("3 case(s) written"), "{}", said.err);
    let text = fs::read_to_string(folder.path().join("cases.json")).unwrap();
    assert!(text.starts_with("// Comments are allowed.\n") && text.contains("// this one"), "{text}");
    assert!(
        text.contains(r#""settings": {"rulez": []}, "call": {"tool": "a/b"}, "expect": {"verdict": "allow"} }"#),
        "{text}"
    );
    let said = interlock(folder.path(), &["plugin", "test", "it.wasm", "--json"]);
    let report = said.json();
    let ok: Vec<_> = report["results"].as_array().unwrap().iter().map(|case| case["ok"].as_bool().unwrap()).collect();
    assert_eq!(ok, [true, true, true, false, true], "{report:#}");
    let third = &report["results"][2]["expected"];
    assert_eq!(third, &json!({"verdict": "refuse", "code": "not_allowed", "reason": "no rule", "unlocks": []}));
}

#[test]
fn what_a_policy_language_is_set_to_has_cases_and_codes_of_its_own() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/refund-limit");
    // Where no folder has the name of a plugin.
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    for language in ["cedar", "cel", "rego"] {
        let cases = examples.join(language).join("cases.json").display().to_string();
        let said = interlock(place, &["plugin", "test", language, "--cases", &cases, "--json"]);
        let report = said.json();
        assert_eq!((said.code, &report["cases"]), (Some(0), &json!(cases)), "{report:#}");
        // It is in the settings, not in the manifest.
        assert_eq!(report["codes"]["given"], json!({"ticket_missing": 4}), "{report:#}");
        assert_eq!(report["codes"]["undeclared"], json!([]), "{report:#}");
        let bench = ["plugin", "bench", language, "--cases", &cases, "--seconds", "1", "--json"];
        assert_eq!(interlock(place, &bench).json()["cases"], json!(8), "those, and not its own");
    }
    for verb in ["test", "bench"] {
        let gone = interlock(place, &["plugin", verb, "cel", "--cases", "gone.json"]);
        assert_eq!((gone.code, gone.out.as_str()), (Some(1), ""));
        assert!(gone.err.starts_with("Error: `gone.json`"), "{}", gone.err);
    }
}

#[test]
fn a_code_that_no_case_shows_is_told() {
    let cases = r#"[{"name": "a", "settings": {"rules": [], "default": "allow"}, "call": {"tool": "a/b"}, "expect": {"verdict": "allow"}}]"#;
    let folder = component("allow-list", cases);
    let said = interlock(folder.path(), &["plugin", "test", "it.wasm"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("Note: no case of cases.json shows the code `not_allowed`"), "{}", said.out);
    let report = interlock(folder.path(), &["plugin", "test", "it.wasm", "--json"]).json();
    assert_eq!(report["codes"], json!({"given": {}, "unseen": ["not_allowed"], "undeclared": []}));
}

#[test]
fn a_case_that_does_not_parse_is_told_with_line_and_column() {
    for (cases, told) in [
        ("[\n  {\"name\": \"a\",\n   \"call\" {}}\n]", "cases.json:3:11: "),
        (
            "[\n  {\"name\": \"a\", \"call\": {\"tool\": \"a/b\",\n    \"argumets\": {}}}\n]",
            "cases.json:3:5: unknown field `argumets`",
        ),
        ("[\n  {\"name\": \"a\", \"call\": {\"tool\": 7}}\n]", "cases.json:2:26: invalid type: integer `7`"),
        ("[{\"name\": \"a\"}]", "cases.json:1:2: missing field `call`"),
        (
            "[{\"name\": \"a\", \"call\": {\"tool\": \"a/b\"}, \"expect\": {\"verdict\": \"alow\"}}]",
            "cases.json:1:52: unknown variant `alow`, expected one of `allow`, `refuse`, `ask`, `hold`",
        ),
        (
            "[{\"name\": \"a\", \"call\": {\"tool\": \"a/b\"}, \"history\": [{\"tool\": \"a/b\"}, {\"tool\": \"/\"}]}]",
            "cases.json:1:2: `/` is not a tool name",
        ),
        (
            "[{\"name\": \"a\", \"call\": {\"tool\": \"a/b\"}},\n {\"name\": \"a\", \"call\": {\"tool\": \"a/b\"}}]",
            "cases.json:2:2: there is another case named `a`",
        ),
        ("[]", "cases.json:1:1: it is no list of cases"),
        ("{}", "cases.json:1:1: it is no list of cases"),
        ("", "cases.json:1:1: it is no list of cases"),
    ] {
        let folder = component("allow-list", cases);
        let said = interlock(folder.path(), &["plugin", "test", "it.wasm"]);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{cases}");
        assert!(said.err.contains(told), "{told}\n---\n{}", said.err);
    }
    let two = component("allow-list", "[{\"name\": \"a\"},\n {\"name\": \"b\", \"cal\": 1}]");
    let said = interlock(two.path(), &["plugin", "test", "it.wasm"]).err;
    assert!(
        said.contains("cases.json:1:2: missing") && said.contains("cases.json:2:16: unknown field `cal`"),
        "{said}"
    );
}

#[test]
fn a_plugin_that_fails_fails_its_case_and_one_without_cases_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(crate::plugins::fault("misbehaves"), folder.path().join("it.wasm")).unwrap();
    let said = interlock(folder.path(), &["plugin", "test", "it.wasm"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("there are no cases: `cases.json` is not there"), "{}", said.err);
    let case = |how: &str| json!({"name": how, "settings": {"how": how}, "call": {"tool": "a/b"}, "expect": {"verdict": "allow"}});
    let cases: Vec<Value> = ["panic", "spin", "allow"].into_iter().map(case).collect();
    fs::write(folder.path().join("cases.json"), json!(cases).to_string()).unwrap();
    let said = interlock(folder.path(), &["plugin", "test", "it.wasm"]);
    assert_eq!(said.code, Some(1));
    for part in ["trapped: ", "ran out of time: ", "1 passed, 2 failed"] {
        assert!(said.out.contains(part), "{part}\n---\n{}", said.out);
    }
}

#[test]
fn what_rewrites_arguments_has_cases_too() {
    let cases = r#"[
      { "name": "set", "settings": {"set": {"limit": 10}}, "call": {"tool": "a/b", "arguments": {"q": 1}},
        "expect": {"arguments": {"q": 1, "limit": 10}} },
      { "name": "left alone", "call": {"tool": "a/b", "arguments": {"q": 1}}, "expect": {"arguments": {"q": 1}} },
      { "name": "otherwise", "settings": {"remove": "q"}, "call": {"tool": "a/b", "arguments": {"q": 1}},
        "expect": {"arguments": {"q": 1}} },
      { "name": "new", "settings": {"remove": "q"}, "call": {"tool": "a/b", "arguments": {"q": 1}} }
    ]"#;
    let folder = component("faults/rewrites", cases);
    let said = interlock(folder.path(), &["plugin", "test", "it.wasm"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    for line in
        ["  ok    set\n", "  ok    left alone\n", "        `arguments` is {}, not {\"q\":1}\n", "2 passed, 2 failed"]
    {
        assert!(said.out.contains(line), "{line}\n---\n{}", said.out);
    }
    let said = interlock(folder.path(), &["plugin", "test", "it.wasm", "--update"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let cases = fs::read_to_string(folder.path().join("cases.json")).unwrap();
    assert_eq!(cases.matches(r#""arguments": {}"#).count(), 2, "{cases}");
}

#[test]
fn what_looks_at_results_has_cases_too() {
    let cases = r#"[
      { "name": "passes", "call": {"tool": "a/b"}, "expect": {"finding": "pass"} },
      { "name": "redacts", "settings": {"redact": "/iban"},
        "call": {"tool": "a/b", "result": {"content": [], "structuredContent": {"iban": "DE1", "n": 1}}},
        "expect": {"finding": "redact", "result": {
          "content": [{"type": "text", "text": "Parts of this are redacted."}],
          "structuredContent": {"iban": "[redacted]", "n": 1}}} },
      { "name": "withholds", "settings": {"withhold": "It is secret."}, "call": {"tool": "a/b"},
        "expect": {"finding": "withhold", "code": "withheld", "reason": "secret"} },
      { "name": "otherwise", "settings": {"withhold": "It is secret."}, "call": {"tool": "a/b"},
        "expect": {"finding": "pass"} }
    ]"#;
    let folder = component("faults/reviews", cases);
    let said = interlock(folder.path(), &["plugin", "test", "it.wasm"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    let end = "3 passed, 1 failed; verdicts: 1 pass, 1 redact, 2 withhold; codes: 2 withheld\n";
    for line in ["        `finding` is \"withhold\", not \"pass\"\n", end] {
        assert!(said.out.contains(line), "{line}\n---\n{}", said.out);
    }
    let bench = interlock(folder.path(), &["plugin", "inspect", "it.wasm", "--json"]).json();
    assert!(bench["running"]["calls"].as_u64().is_some_and(|calls| calls > 0), "{bench:#}");
}
