//! The demonstrations, as a user runs them: by the real program, each step judged by itself.

use std::process::{Command, Output};

use serde_json::Value;

fn demo(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlock"));
    // Started from somewhere without an `interlock.json`; compiled plugins are shared between the tests.
    command.arg("demo").args(arguments).current_dir(env!("CARGO_TARGET_TMPDIR"));
    command.env("INTERLOCK_CACHE_DIR", super::examples::cache_folder()).env_remove("INTERLOCK_CONFIG").output().unwrap()
}

/// Of each story, something that would not be there if it did not do what it is for.
const KEY_LINES: &[(&str, &str, &str)] = &[
    ("success", "The model can read the rule before it calls", "Requires customers__validate_customer_data first"),
    ("success", "Notify", "Sent notification-1 to #sales."),
    ("violation", "Process data that nobody validated", "To unlock: call validation__validate_data"),
    ("violation", "Process the same data again", "Processed 1 record(s) as job-1."),
    ("violation", "Process and back up at the same time", "(exclusive_busy)"),
    ("violation", "Deploy it nevertheless", "(condition_unmet): The tests of this revision must pass first."),
    ("violation", "Deploy the mended revision", "v3 runs in production."),
    ("approval", "The question waits at the human's door", "Pay 4200 to Acme Ltd"),
    ("approval", "Exactly what was approved goes through", "Paid 4200 to Acme Ltd."),
    ("approval", "Once: the same call again asks anew", "(approval_pending)"),
    ("approval", "The journal knows of two payments", "admitted: [80,4200]"),
    ("approval", "An app that can wait gets its answer when Dana has answered", "Paid 700 to Acme Ltd."),
    ("support over REST", "The answer was lost, so the bot asks again, by the same key", "ticket-1"),
    ("support over REST", "Suspend the customer", "202 Accepted"),
    ("support over REST", "Dana, who is a lead, says yes over REST", "200 OK: granted"),
    ("support over REST", "Read the trail: each was done once", "told again: 1"),
    ("support over MCP", "Suspend the customer", "(approval_pending)"),
    ("support over MCP", "Read the trail: each was done once", "told again: 1"),
    ("support over MCP", "And by whose leave", "dana, by rest"),
    ("audit", "The journal is verified", "whole: "),
    ("audit", "The copy is verified", "the event, or the one before it, was changed"),
];

#[test]
fn every_story_goes_as_told() {
    let ran = demo(&["--json"]);
    let said = String::from_utf8_lossy(&ran.stderr);
    let steps: Vec<Value> = serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    let wrong: Vec<&Value> = steps.iter().filter(|step| step["ok"] != true).collect();
    assert!(wrong.is_empty() && ran.status.success(), "{wrong:#?} {said}");
    for (story, step, came) in KEY_LINES {
        let found = steps
            .iter()
            .any(|one| one["story"] == *story && one["step"] == *step && one["came"].as_str().unwrap().contains(came));
        assert!(found, "{story}: {step}: {came}\n{steps:#?}");
    }
}

#[test]
fn a_story_in_a_pipe_is_plain_text_that_ends_with_the_sum() {
    let ran = demo(&["success"]);
    let text = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "{text}");
    assert!(text.starts_with("== success ==\n") && text.ends_with("6 steps, each as told.\n"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn a_story_that_is_not_there_yet_is_a_failure_that_says_so() {
    let ran = demo(&["monitoring"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(String::from_utf8(ran.stderr).unwrap().contains("no demonstration of monitoring"));
}
