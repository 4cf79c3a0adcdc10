//! `interlock status`: the state of everything, on one page, from the journal.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{
    arguments::Global,
    error::Failure,
    output::{print, print_json},
    running::{CLOSE, block_on, configuration, journal},
};
use crate::{
    approvals::{Approvals, State},
    config::Config,
    journal::{Journal, Query},
    pins::Pins,
};

/// Prints the page.
pub(super) fn run(global: &Global) -> Result<(), Failure> {
    let config = configuration(global)?;
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
    let waiting = listed.iter().filter(|approval| approval.state(now) == State::Open).count();
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
    let refused = journal.read(&refused).await.context("the journal cannot be read")?.len();
    Ok(json!({
        "config": config.path,
        "config_digest": &*config.digest,
        "servers": config.servers.iter().map(|server| server.name.clone()).collect::<Vec<_>>(),
        "policies": config
            .policies
            .iter()
            .map(|policy| json!({ "name": policy.name, "component": policy.component.to_string(), "mode": policy.mode.word() }))
            .collect::<Vec<_>>(),
        "journal": config.journal.path,
        "events": head,
        "calls_running": running.len(),
        "calls_of_unknown_outcome": unknown.iter().map(|call| call.id.to_string()).collect::<Vec<_>>(),
        "calls_refused_last_hour": refused,
        "approvals_waiting": waiting,
        "tools_held_back": held_back.map(|pin| pin.tool.to_string()).collect::<Vec<_>>(),
    }))
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
    format!(
        "config      {}\nservers     {}\npolicies    {}\njournal     {}, {} events\nrunning     {}\nunknown     {}\n\
         refused     {} in the last hour\napprovals   {} waiting\nheld back   {}\n",
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
