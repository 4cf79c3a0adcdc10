//! Delays, failures and records, seen through a small toolset.

use interlock_plugin::prelude::*;
use interlock_plugin::testing::Shelf;

use crate::trial::Trial;
use crate::{Records, Simulation};

const NOTES: Records = Records::new("note");

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Note {
    id: String,
}

#[derive(Serialize, JsonSchema)]
struct Notes {
    total: i64,
    newest: Vec<Note>,
}

struct Pad(Simulation);

impl Toolset for Pad {
    type Settings = crate::Settings;
    const NAME: &'static str = "pad";
    const VERSION: &'static str = "0.1.0";
    const SUMMARY: &'static str = "Notes.";

    fn configure(settings: crate::Settings) -> Result<Self, Vec<Problem>> {
        Simulation::configure(settings).map(Self)
    }

    fn tools(&self) -> Vec<Tool<Self>> {
        vec![Tool::new("write", Self::write), Tool::new("read", Self::read)]
    }

    fn before(&self, tool: &str, context: &Context<'_>) -> Result<(), ToolError> {
        self.0.before(tool, context)
    }
}

impl Pad {
    fn write(&self, _: Nothing, context: &Context<'_>) -> Result<Answer<Note>, ToolError> {
        Ok(Answer::new("written", NOTES.add(context, |id| Note { id })?))
    }

    fn read(&self, _: Nothing, context: &Context<'_>) -> Result<Answer<Notes>, ToolError> {
        Ok(Answer::new("read", Notes { total: NOTES.count(context)?, newest: NOTES.newest(context)? }))
    }
}

/// One letter for each of some calls: `.` for those that succeed, `x` for those that fail.
fn pattern(settings: Value, calls: usize) -> String {
    let (shelf, set) = (Shelf::default(), Shelf::configure::<Pad>(&settings).unwrap());
    let fails = |_| shelf.call(&set, "read", &json!({})).unwrap().is_error;
    (0..calls).map(fails).map(|fails| if fails { 'x' } else { '.' }).collect()
}

#[test]
fn the_same_seed_fails_the_same_calls() {
    let half = json!({"failure_rate": 0.5, "seed": 7});
    assert_eq!(pattern(half.clone(), 16), pattern(half.clone(), 16));
    assert_ne!(pattern(half, 64), pattern(json!({"failure_rate": 0.5, "seed": 8}), 64));
}

#[test]
fn the_rate_of_failures_is_about_what_was_asked_for() {
    let failures = |rate: f64| pattern(json!({ "failure_rate": rate }), 1000).matches('x').count();
    assert_eq!(failures(0.0), 0);
    assert_eq!(failures(1.0), 1000);
    assert!((150..=250).contains(&failures(0.2)), "{}", failures(0.2));
}

#[test]
fn a_simulated_failure_is_a_tool_error_that_says_so() {
    let broken = Trial::<Pad>::with(&json!({"failure_rate": 1}));
    assert!(broken.complaint("write", json!({})).contains("write is out of order (simulated failure)"));
}

#[test]
fn each_call_takes_its_latency() {
    let slow = Trial::<Pad>::with(&json!({"latency_ms": 20}));
    slow.answer("write", json!({}));
    slow.answer("read", json!({}));
    assert_eq!(slow.delayed_ms(), 40);
    let quick = Trial::<Pad>::new();
    quick.answer("write", json!({}));
    assert_eq!(quick.delayed_ms(), 0);
}

#[test]
fn settings_that_make_no_sense_are_refused_by_name() {
    for (settings, pointer) in [
        (json!({"failure_rate": 1.5}), "/failure_rate"),
        (json!({"failure_rate": -0.1}), "/failure_rate"),
        (json!({"latency_ms": -1}), "/latency_ms"),
        (json!({"seed": "one"}), "/seed"),
        (json!({"latency": 5}), "/latency"),
    ] {
        let problems = Shelf::configure::<Pad>(&settings).err().unwrap_or_default();
        assert_eq!(
            problems.iter().map(|problem| problem.pointer.as_str()).collect::<Vec<_>>(),
            [pointer],
            "{settings}"
        );
    }
}

#[test]
fn a_listing_shows_the_newest_hundred_and_counts_them_all() {
    let pad = Trial::<Pad>::new();
    for _ in 0..120 {
        pad.answer("write", json!({}));
    }
    let notes = pad.answer("read", json!({}));
    assert_eq!(notes["total"], 120);
    assert_eq!(notes["newest"].as_array().map(Vec::len), Some(100));
    assert_eq!((&notes["newest"][0]["id"], &notes["newest"][99]["id"]), (&json!("note-120"), &json!("note-21")));
}
