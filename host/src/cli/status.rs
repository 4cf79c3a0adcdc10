//! `interlock status`: the state of everything, on one page, from the journal.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{
    arguments::Global,
    error::Failure,
    output::{line, print, print_json},
    running::{CLOSE, block_on, configuration_or_journal, journal},
};
use crate::{
    app::serving,
    approvals::Approvals,
    config::Config,
    journal::{Journal, Query},
    pins::Pins,
    stops::Stops,
};

/// Prints the page.
pub(super) fn run(global: &Global) -> Result<(), Failure> {
    let config = configuration_or_journal(global)?;
    block_on(async {
        let (journal, _) = journal(&config).await?;
        let approvals = Approvals::new(journal.clone());
        let page = page(&config, &journal, &approvals).await;
        journal.close(CLOSE).await;
        let page = page?;
        if global.json { print_json(&page) } else { print(&text(&page)) }
    })
}

async fn page(config: &Config, journal: &Journal, approvals: &Approvals) -> Result<Value, Failure> {
    let head = journal.refresh().await.context("the journal cannot be read")?;
    let now = approvals.now();
    let listed = approvals.list().await.context("the approvals cannot be read")?;
    let waiting = listed.iter().filter(|approval| approval.is_open(now)).count();
    let open = journal.open_calls();
    let (running, unknown): (Vec<_>, Vec<_>) = open.iter().partition(|call| call.outcome.is_none());
    let pins = if config.pin_tools {
        Pins::new(journal.clone()).list().await.context("the pinned definitions cannot be read")?
    } else {
        Vec::new()
    };
    let held_back = pins.iter().filter(|pin| pin.waiting.is_some());
    let refused = Query {
        kinds: vec!["call.refused".to_owned()],
        since: Some(crate::clock::Timestamp(now.0.saturating_sub(3_600_000))),
        ..Query::default()
    };
    let refused = count(journal, refused).await?;
    Ok(json!({
        "config": config.path,
        "config_digest": &*config.digest,
        "servers": config.servers.iter().map(|server| server.name.clone()).collect::<Vec<_>>(),
        "policies": config
            .policies
            .iter()
            .map(|policy| json!({ "name": policy.name, "component": policy.component.to_string(), "mode": policy.mode.word() }))
            .collect::<Vec<_>>(),
        "serving": serving(journal).await.context("the journal cannot be read")?,
        "journal": config.journal.path,
        "events": head,
        "calls_running": running.len(),
        "calls_of_unknown_outcome": unknown.iter().map(|call| call.id.to_string()).collect::<Vec<_>>(),
        "calls_refused_last_hour": refused,
        "approvals_waiting": waiting,
        "stops": Stops::new(journal.clone()).list().await.context("the stops cannot be read")?,
        "tools_held_back": held_back.map(|pin| pin.tool.to_string()).collect::<Vec<_>>(),
    }))
}

/// How many events fit, counted in as many readings as it takes: one returns only so many.
async fn count(journal: &Journal, mut query: Query) -> Result<usize, Failure> {
    let mut number = 0;
    loop {
        let events = journal.read(&query).await.context("the journal cannot be read")?;
        let Some(last) = events.last() else { return Ok(number) };
        query.after = last.seq;
        number += events.len();
    }
}

fn text(page: &Value) -> String {
    let names = |key: &str| {
        let listed = page.get(key).and_then(Value::as_array).into_iter().flatten();
        let names: Vec<String> = listed
            .map(|one| match one.get("name") {
                Some(name) => format!(
                    "{} ({})",
                    name.as_str().unwrap_or_default(),
                    one.get("mode").and_then(Value::as_str).unwrap_or_default()
                ),
                None => one.as_str().unwrap_or_default().to_owned(),
            })
            .collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let value = |key: &str| match page.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let stops = page.get("stops").and_then(Value::as_array).into_iter().flatten();
    let stops: String = stops.map(|one| format!("STOPPED     {}\n", stopped(one))).collect();
    let gateways = page.get("serving").and_then(Value::as_array).into_iter().flatten();
    let gateways: String = gateways.map(|one| format!("gateway     {}\n", told(one))).collect();
    format!(
        "{stops}config      {}\nservers     {}\npolicies    {}\njournal     {}, {} events\nrunning     {}\nunknown     {}\n\
         {gateways}refused     {} in the last hour\napprovals   {} waiting\nheld back   {}\n",
        value("config"),
        names("servers"),
        names("policies"),
        value("journal"),
        value("events"),
        value("calls_running"),
        names("calls_of_unknown_outcome"),
        value("calls_refused_last_hour"),
        value("approvals_waiting"),
        names("tools_held_back"),
    )
}

/// A stop: of what, and why.
fn stopped(one: &Value) -> String {
    let text = |key: &str| one.get(key).and_then(Value::as_str);
    let tools = text("tools").unwrap_or("all tools");
    let whose = text("principal").map(|principal| format!(" by {principal}")).unwrap_or_default();
    format!("{tools}{whose}: {}", line(text("reason").unwrap_or_default()))
}

/// A gateway: since when it goes by what, and what it does not go by although it is there.
fn told(one: &Value) -> String {
    let text = |key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default();
    let listed = |key: &str| one.get(key).and_then(Value::as_array).into_iter().flatten();
    let set: String = text("set").chars().take(12).collect();
    let mut told = format!(
        "{}, pid {}, policies {set} since {}",
        text("role"),
        one.get("pid").unwrap_or(&Value::Null),
        text("since")
    );
    if let Some(page) = one.pointer("/page/url").and_then(Value::as_str) {
        told += &format!("\n            serves people at {page}/approvals");
    }
    for kept in listed("kept") {
        let kept = |key: &str| kept.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        told += &format!("\n            keeps {} `{}` as it was: {}", kept("kind"), kept("name"), kept("reason"));
    }
    for problem in listed("rejected") {
        let message = problem.get("message").and_then(Value::as_str).unwrap_or_default();
        told += &format!("\n            goes by the configuration before: {message}");
    }
    let later: Vec<&str> = listed("at_next_start").filter_map(Value::as_str).collect();
    if !later.is_empty() {
        told += &format!("\n            takes over at its next start: {}", later.join(", "));
    }
    told
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        clock::SystemClock,
        journal::{self, Draft, Durability, kind},
        tasks::Tasks,
    };

    #[tokio::test]
    async fn more_refusals_are_counted_than_one_reading_returns() {
        let folder = tempfile::tempdir().unwrap();
        let config = journal::Config {
            path: folder.path().join("interlock.db"),
            mirror_dir: None,
            redact: Vec::new(),
            max_body_bytes: 1 << 16,
            durability: Durability::Batched,
        };
        let journal = Journal::open(config, Arc::new(SystemClock), Tasks::new()).await.unwrap();
        let refused = Draft::new("local", kind::CALL_REFUSED, "one", &json!({})).unwrap();
        journal.append(vec![refused; 1500]).await.unwrap();
        let query = Query { kinds: vec![kind::CALL_REFUSED.to_owned()], ..Query::default() };
        assert_eq!(count(&journal, query).await.unwrap(), 1500);
        journal.close(CLOSE).await;
    }
}
