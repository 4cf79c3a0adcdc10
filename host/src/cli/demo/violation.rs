//! The story `violation`: calls that break a rule are refused, say what would unlock them, and are then done right.

use serde_json::json;

use super::{
    client::Client,
    script::{
        Expected::{Refused, Success, Unlocked},
        Script,
    },
    stage::Stage,
};
use crate::cli::error::Failure;

/// Tells it.
///
/// # Errors
/// If it cannot be told to its end.
pub(super) async fn tell(script: &mut Script) -> Result<(), Failure> {
    script.story("violation", "Three rules are broken, and then kept: an order, an exclusion, and a condition.")?;
    let stage = Stage::new(&json!({
        "mcpServers": {
            "validation": {"component": "validation"},
            // Slow enough to be found at work by another call.
            "processing": {"component": "processing", "settings": {"latency_ms": 1500}},
            "backup": {"component": "backup", "settings": {"latency_ms": 1500}},
            "delivery": {"component": "delivery"},
        },
        "policies": [
            {"name": "validate-first", "component": "sequence", "match": {"tools": ["processing/*"]},
             "settings": {"rules": [{
                 "tools": ["processing/process_data"],
                 "after": [{"tool": "validation/validate_data", "same": ["/data"]}],
             }]}},
            {"name": "one-at-a-time", "component": "exclusive",
             "match": {"tools": ["processing/process_data", "backup/create_backup"]},
             "settings": {"groups": [{"tools": ["processing/process_data", "backup/create_backup"], "at_most": 1}]}},
            {"name": "tests-pass", "component": "condition", "match": {"tools": ["delivery/deploy_to_production"]},
             "scope": {"argument": "/revision"},
             "settings": {"rules": [{
                 "tools": ["delivery/deploy_to_production"],
                 "require": {"result_of": "delivery/run_tests", "at": "/passed", "op": "==", "value": true},
                 "reason": "The tests of this revision must pass first.",
             }]}},
        ],
    }))?;
    let client = stage.serve().await?;
    order(script, &client).await?;
    exclusion(script, &client).await?;
    condition(script, &client).await?;
    Ok(client.leave().await?)
}

async fn order(script: &mut Script, client: &Client) -> Result<(), Failure> {
    let data = json!([{"order": 1, "total": 80}]);
    let process = || ("processing__process_data", json!({"data": data}));
    let expected = Unlocked("sequence_unmet", "validation/validate_data");
    script.call(client, "Process data that nobody validated", process(), expected).await?;
    let call = ("validation__validate_data", json!({"data": data}));
    script.call(client, "Do what the refusal says", call, Success).await?;
    script.call(client, "Process the same data again", process(), Success).await?;
    Ok(())
}

async fn exclusion(script: &mut Script, client: &Client) -> Result<(), Failure> {
    let data = json!([{"order": 1, "total": 80}]);
    let process = ("processing__process_data", json!({"data": data}));
    let backup = ("backup__create_backup", json!({"name": "orders", "data": data}));
    let (one, other) = tokio::join!(client.call(process.0, process.1.clone()), client.call(backup.0, backup.1.clone()));
    let (one, other) = (one?, other?);
    let busy = Refused("exclusive_busy");
    // Which of the two comes first is for the scheduler to say.
    let (ok, refused, later) = if Success.fits(&one) {
        (busy.fits(&other), other, backup)
    } else {
        (busy.fits(&one) && Success.fits(&other), one, process)
    };
    script.note(
        "Process and back up at the same time",
        "processing__process_data and backup__create_backup, both at once",
        "one goes through, the other is refused with exclusive_busy",
        refused.text,
        ok,
    )?;
    script.call(client, "Make the refused one of them alone", later, Success).await?;
    Ok(())
}

async fn condition(script: &mut Script, client: &Client) -> Result<(), Failure> {
    let of = |revision: &str| json!({"revision": revision});
    let (test, deploy) = ("delivery__run_tests", "delivery__deploy_to_production");
    let call = (test, of("v2-broken"));
    script.call(client, "Run the tests of a broken revision; they fail", call, Success).await?;
    let call = (deploy, of("v2-broken"));
    script.call(client, "Deploy it nevertheless", call, Refused("condition_unmet")).await?;
    script.call(client, "Run the tests of the mended revision", (test, of("v3")), Success).await?;
    script.call(client, "Deploy the mended revision", (deploy, of("v3")), Success).await?;
    let call = (deploy, of("v2-broken"));
    script
        .call(client, "Deploy the broken one now: other tests do not count", call, Refused("condition_unmet"))
        .await?;
    Ok(())
}
