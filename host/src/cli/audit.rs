//! `interlock audit`: what happened, and the proof that nobody changed it since.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use super::{
    arguments::{Audit, AuditAction, Global},
    error::{Failure, Kind},
    output::{Table, print, print_json},
    running::{CLOSE, block_on, configuration_or_journal, journal as open},
};
use crate::{
    clock::Timestamp,
    journal::{self, Break, Event, Journal, Query, Verified, inspect},
};

/// Longest text of an event's summary in a table, in characters.
const SUMMARY: usize = 100;
/// The most events that one reading of the journal returns.
const AT_ONCE: usize = 1000;

/// Prints, searches or verifies.
pub(super) fn run(global: &Global, asked: &Audit) -> Result<(), Failure> {
    let config = configuration_or_journal(global)?;
    let json = global.json;
    let path = &config.journal.path;
    if matches!(asked.action, Some(AuditAction::Verify)) {
        if !path.exists() {
            return Err(Failure::new(Kind::Failed, format!("there is no journal at `{}`", path.display())));
        }
        return block_on(verify(&config.journal, json));
    }
    block_on(async {
        let (journal, clock) = open(&config).await?;
        let done = match asked.action.as_ref().unwrap_or(&AuditAction::Tail { lines: 20, follow: false }) {
            AuditAction::Tail { lines, follow } => tail(&journal, *lines, *follow, json).await,
            AuditAction::Query { kind, tool, call, session, since_minutes, limit } => {
                let since = since_minutes.map(|minutes| {
                    let back = Duration::from_secs(u64::from(minutes) * 60);
                    Timestamp(clock.now().0.saturating_sub(u64::try_from(back.as_millis()).unwrap_or(u64::MAX)))
                });
                let query = Query {
                    kinds: kind.iter().cloned().collect(),
                    tool: tool.clone(),
                    call: call.clone(),
                    session: session.clone(),
                    since,
                    newest_first: true,
                    ..Query::default()
                };
                let mut events = latest(&journal, query, usize::try_from(*limit).unwrap_or(AT_ONCE)).await?;
                events.reverse();
                show(&events, json)
            }
            // Done above: it opens the journal for nothing but reading.
            AuditAction::Verify => Ok(()),
        };
        journal.close(CLOSE).await;
        done
    })
}

/// The latest events that fit, newest first, in as many readings as it takes.
pub(super) async fn latest(journal: &Journal, mut query: Query, limit: usize) -> Result<Vec<Event>, Failure> {
    let mut events: Vec<Event> = Vec::new();
    while events.len() < limit {
        query.limit = (limit - events.len()).min(AT_ONCE);
        let more = journal.read(&query).await.context("the journal cannot be read")?;
        let complete = more.len() < query.limit;
        query.before = more.last().map(|event| event.seq);
        events.extend(more);
        if complete {
            break;
        }
    }
    Ok(events)
}

async fn tail(journal: &Journal, lines: u32, follow: bool, json: bool) -> Result<(), Failure> {
    let query = Query { newest_first: true, ..Query::default() };
    let mut events = latest(journal, query, usize::try_from(lines).unwrap_or(AT_ONCE)).await?;
    events.reverse();
    if !follow {
        return show(&events, json);
    }
    let mut changes = journal.changes();
    let mut last = events.last().map(|event| event.seq).unwrap_or_default();
    loop {
        for event in &events {
            print(&line(event, json))?;
        }
        let waited = tokio::select! {
            changed = changes.changed() => changed.is_ok(),
            _ = tokio::signal::ctrl_c() => false,
        };
        if !waited {
            return Ok(());
        }
        events =
            journal.read(&Query { after: last, ..Query::default() }).await.context("the journal cannot be read")?;
        last = events.last().map_or(last, |event| event.seq);
    }
}

/// One event on one line: JSON as in the mirror, or a few columns.
fn line(event: &Event, json: bool) -> String {
    if json {
        return format!("{}\n", serde_json::to_string(event).unwrap_or_default());
    }
    let plain: String = summary(event).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{:>6}  {}  {:18}  {plain}\n", event.seq.0, event.at, event.kind)
}

fn show(events: &[Event], json: bool) -> Result<(), Failure> {
    if json {
        return print_json(&serde_json::to_value(events).context("the events cannot be written as JSON")?);
    }
    let mut table = Table::new(&["seq", "at", "kind", "actor", "what"]);
    for event in events {
        table.row([
            event.seq.0.into(),
            event.at.to_string().into(),
            event.kind.clone().into(),
            event.actor.clone().into(),
            summary(event).into(),
        ]);
    }
    table.print(false)
}

/// What an event is about, in one line for people.
fn summary(event: &Event) -> String {
    let text = |pointer: &str| event.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let said = match event.kind.as_str() {
        "call.admitted" => {
            format!("{} {}", text("/tool"), event.body.get("arguments").unwrap_or(&Value::Null))
        }
        "call.finished" => {
            let ms = event.body.get("duration_ms").and_then(Value::as_u64).unwrap_or_default();
            format!("{} {} after {ms} ms {}", text("/tool"), text("/outcome"), text("/reason"))
        }
        "call.refused" => {
            let refused = event.body.get("refused").and_then(Value::as_array).into_iter().flatten();
            let codes: Vec<String> = refused
                .map(|one| {
                    let text = |key| one.get(key).and_then(Value::as_str).unwrap_or_default();
                    format!("{} by {}", text("code"), text("policy"))
                })
                .collect();
            format!("{} {}", text("/tool"), codes.join(", "))
        }
        "approval.asked" => format!("{} {}: {}", event.subject, text("/tool"), text("/question/preview")),
        "approval.granted" | "approval.refused" => format!("{} by {} {}", event.subject, text("/by"), text("/reason")),
        _ => event.subject.clone(),
    };
    let said = said.trim_end();
    match said.char_indices().nth(SUMMARY) {
        Some((end, _)) => format!("{}…", said.get(..end).unwrap_or_default()),
        None => said.to_owned(),
    }
}

async fn verify(journal: &journal::Config, json: bool) -> Result<(), Failure> {
    let verified = inspect(journal).await.context("the journal cannot be read")?;
    if json {
        print_json(&serde_json::to_value(&verified).context("the report cannot be written as JSON")?)?;
    }
    match verified {
        Verified::Whole { .. } if json => Ok(()),
        Verified::Whole { events, first, last, head } => {
            print(&format!("whole: {events} events, {} to {}\nhead:  {head}\n", first.0, last.0))
        }
        Verified::Broken { seq, what } => {
            let failure = Failure::new(Kind::Failed, format!("the journal is broken at event {}: {what}", seq.0));
            Err(failure.hint(match what {
                Break::Notes(_) => {
                    "the events themselves are as they were recorded: `interlock audit query` tells them."
                }
                Break::Missing | Break::Changed | Break::WrongEnd | Break::Lost => {
                    "compare that event with the JSON-lines mirror in `journal.mirror_dir`."
                }
            }))
        }
    }
}
