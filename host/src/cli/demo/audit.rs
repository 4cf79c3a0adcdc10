//! The story `audit`: the journal has every call, and shows where somebody changed it.

use std::fs;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{
    script::{
        Expected::{Success, Unlocked},
        Script,
    },
    stage::Stage,
};
use crate::cli::error::Failure;

/// What the journal says, and what somebody would like it to have said: of the same length.
const TRUTH: &str = "rent for May: 1200";
const LIE: &str = "rent for May: 9200";

/// Tells it.
///
/// # Errors
/// If it cannot be told to its end.
pub(super) async fn tell(script: &mut Script) -> Result<(), Failure> {
    script
        .story("audit", "A few calls; the journal is verified; one figure in a copy of it is changed, and is found.")?;
    let config = json!({
        "mcpServers": {"validation": {"component": "validation"}, "backup": {"component": "backup"}},
        "policies": [{
            "name": "validate-first",
            "component": "sequence",
            "settings": {"rules": [{"tools": ["backup/create_backup"], "after": ["validation/validate_data"]}]},
        }],
    });
    let stage = Stage::new(&config)?;
    let client = stage.serve().await?;
    let backup = |data: &str| ("backup__create_backup", json!({"name": "books", "data": data}));
    let expected = Unlocked("sequence_unmet", "validation/validate_data");
    script.call(&client, "A call that is refused", backup("the books of May"), expected).await?;
    let call = ("validation__validate_data", json!({"data": "the books of May"}));
    script.call(&client, "A call that goes through", call, Success).await?;
    script.call(&client, "Another", backup(TRUTH), Success).await?;
    client.leave().await?;

    let ran = stage.run(&["audit", "query", "--kind", "call.*", "--json"]).await?;
    let kinds: Vec<&str> = events(&ran.json).filter_map(|event| event.get("kind")?.as_str()).collect();
    let expected = ["call.refused", "call.admitted", "call.finished", "call.admitted", "call.finished"];
    script.note("Each is in the journal", ran.typed, expected.join(", "), kinds.join(", "), kinds == expected)?;
    let admitted = events(&ran.json).filter(|event| event.get("kind").is_some_and(|kind| kind == "call.admitted"));
    let target = admitted.last().and_then(|event| event.get("seq")?.as_u64()).unwrap_or_default();

    let ran = stage.run(&["audit", "verify"]).await?;
    let ok = ran.code == Some(0) && ran.said.starts_with("whole: ");
    script.note("The journal is verified", ran.typed, "whole", ran.said, ok)?;

    let changed = tamper(&stage, &config)?;
    let done = format!("`{TRUTH}` becomes `{LIE}` in a copy of the file");
    let came = if changed { "the record is changed" } else { "there is no such record" };
    script.note("Somebody edits a record behind Interlock's back", done, "the record is changed", came, changed)?;
    let ran = stage.run_with("copy.json", &["audit", "verify"]).await?;
    let expected = format!("broken at event {target}");
    let ok = ran.code == Some(1) && ran.said.contains(&format!("{expected}:"));
    script.note("The copy is verified", ran.typed, expected, ran.said, ok)?;
    let ran = stage.run(&["audit", "verify"]).await?;
    let ok = ran.code == Some(0) && ran.said.starts_with("whole: ");
    script.note("The original is verified once more", ran.typed, "whole", ran.said, ok)
}

fn events(json: &Value) -> impl Iterator<Item = &Value> {
    json.as_array().into_iter().flatten()
}

/// Copies the journal beside itself, and edits the copy without Interlock. Returns whether the truth was in it.
fn tamper(stage: &Stage, config: &Value) -> anyhow::Result<bool> {
    let mut bytes = fs::read(stage.file("interlock.db")).context("the journal's file cannot be read")?;
    let mut found = false;
    // SQLite may have left older copies of a record in free space: whoever means it changes them all.
    while let Some(start) = bytes.windows(TRUTH.len()).position(|window| window == TRUTH.as_bytes()) {
        if let Some(place) = bytes.get_mut(start..start + TRUTH.len()) {
            place.copy_from_slice(LIE.as_bytes());
        }
        found = true;
    }
    fs::write(stage.file("copy.db"), bytes).context("the copy cannot be written")?;
    let mut config = config.clone();
    if let Some(sections) = config.as_object_mut() {
        sections.insert("journal".to_owned(), json!({"url": "sqlite:copy.db", "mirror_dir": "copy_of_audit_logs"}));
    }
    fs::write(stage.file("copy.json"), config.to_string()).context("the configuration cannot be written")?;
    Ok(found)
}
