//! That calls wait for those with which they have something in common, and for no others.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    gateway::{Echo, gateway},
    load::{drive_each, once},
    table::Table,
};

/// Connections that call at once.
const CALLERS: usize = 16;

/// Measures calls that take a while, of which one customer may have one at a time: of one caller, of many callers with a
/// customer each, and, to show that the rule is in force, of as many with the same one.
pub(crate) async fn measure(full: bool) -> Result<Table> {
    let (warm, counted) = (Duration::from_millis(500), Duration::from_secs(if full { 15 } else { 4 }));
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let echo = Echo::start().await?;
    let policies = json!([{
        "name": "one-each", "component": "exclusive", "scope": {"argument": "/customer"},
        "settings": {"groups": [{"tools": ["bench/slow"], "otherwise": {"hold_seconds": 30}}]},
    }]);
    let (_gateway, at) = gateway(folder.path(), echo.address, "before_call", &policies).await?;
    once(at, "bench__check").await?;
    let mut table = Table::new(
        "Scopes: calls of 20 ms, one at a time for each customer",
        &["What", "callers", "p50, µs", "p99, µs", "calls/s", "p50 beside one caller", "aim"],
    );
    let mut alone = None;
    for (what, callers, common, aim) in [
        ("one caller", 1, false, Value::Null),
        ("a customer each", CALLERS, false, json!("≤ 1.5")),
        ("all the same customer", CALLERS, true, Value::Null),
    ] {
        let customer = |caller: usize| if common { 0 } else { caller };
        let mut seen = drive_each(at, "bench__slow", callers, warm, counted, customer).await?;
        let p50 = seen.latency.median();
        let alone = *alone.get_or_insert(p50);
        table.row([
            json!(what),
            json!(callers),
            json!(p50),
            json!(seen.latency.percentile(99.0)),
            json!(seen.per_second),
            json!(p50 / alone),
            aim,
        ]);
    }
    Ok(table)
}
