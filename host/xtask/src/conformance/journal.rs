//! What the journal of an Interlock must be like that served a suite: whole, and every call that was admitted has one end.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// More events of one kind than a suite can make.
const MOST: &str = "10000";

/// Looks at it, by the command that `interlock` makes.
///
/// # Errors
/// It is not so.
pub(super) fn check(interlock: impl Fn() -> Command) -> Result<()> {
    if !interlock().args(["audit", "verify"]).stdout(Stdio::null()).status()?.success() {
        bail!("a journal is not whole");
    }
    let [admitted, finished] = ["call.admitted", "call.finished"].map(|kind| calls(interlock(), kind));
    if admitted? == finished? { Ok(()) } else { bail!("not every call that was admitted has one end in the journal") }
}

/// The ids of the calls that there is an event of this kind about, as often as there is.
fn calls(mut interlock: Command, kind: &str) -> Result<Vec<String>> {
    let said = interlock.args(["audit", "query", "--kind", kind, "--limit", MOST, "--json"]).output()?;
    let events: Vec<Value> = serde_json::from_slice(&said.stdout).context("`audit query` prints no list")?;
    let id = |event: &Value| Some(event.get("subject")?.as_str()?.to_owned());
    let mut ids: Vec<String> = events.iter().filter_map(id).collect();
    if ids.is_empty() {
        bail!("the journal has no {kind}");
    }
    ids.sort();
    Ok(ids)
}
