//! `interlock calls`: the latest calls, one in full, and the settling of those whose outcome nobody knew.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{
    arguments::{Calls, CallsAction, Global, Settled},
    audit::latest,
    error::{Failure, Kind},
    output::{Table, print, print_json},
    running::{CLOSE, block_on, configuration_or_journal, journal},
};
use crate::{
    call::Outcome,
    journal::{Committed, Draft, Event, Guard, Journal, Query, body, kind},
};

/// How many calls are looked through for one whose id begins as given.
const LOOKED_THROUGH: usize = 1000;

/// Lists, shows or settles.
pub(super) fn run(global: &Global, asked: &Calls) -> Result<(), Failure> {
    let config = configuration_or_journal(global)?;
    let json = global.json;
    block_on(async {
        let (journal, _) = journal(&config).await?;
        let done = match asked.action.as_ref().unwrap_or(&CallsAction::List { limit: 20, unknown: false }) {
            CallsAction::List { limit, unknown } => {
                list(&journal, usize::try_from(*limit).unwrap_or(usize::MAX), *unknown, json).await
            }
            CallsAction::Show { id } => show(&journal, id, json).await,
            CallsAction::Settle { id, outcome, reason } => {
                settle(&journal, id, *outcome, reason.clone(), &config.local.principal).await
            }
        };
        journal.close(CLOSE).await;
        done
    })
}

async fn read(journal: &Journal, query: Query) -> Result<Vec<Event>, Failure> {
    Ok(journal.read(&query).await.context("the journal cannot be read")?)
}

/// The beginnings of calls, newest first: admitted or refused.
async fn begun(journal: &Journal, limit: usize, unknown: bool) -> Result<Vec<Event>, Failure> {
    let kinds = if unknown { vec![kind::CALL_ADMITTED] } else { vec![kind::CALL_ADMITTED, kind::CALL_REFUSED] };
    let query = Query {
        kinds: kinds.into_iter().map(str::to_owned).collect(),
        outcome: unknown.then_some(Outcome::Unknown),
        newest_first: true,
        ..Query::default()
    };
    latest(journal, query, limit).await
}

/// What became of a call, as its events tell it.
async fn became(journal: &Journal, begun: &Event) -> Result<(String, Value), Failure> {
    if begun.kind == kind::CALL_REFUSED {
        let code = begun.body.pointer("/refused/0/code").and_then(Value::as_str).unwrap_or_default();
        return Ok((format!("refused: {code}"), Value::Null));
    }
    let kinds = vec![kind::CALL_FINISHED.to_owned(), kind::CALL_SETTLED.to_owned()];
    let ends = read(journal, Query { subject: Some(begun.subject.clone()), kinds, ..Query::default() }).await?;
    let Some(end) = ends.last() else { return Ok(("running".to_owned(), Value::Null)) };
    let outcome = end.body.get("outcome").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok((outcome, end.body.get("duration_ms").cloned().unwrap_or_default()))
}

async fn list(journal: &Journal, limit: usize, unknown: bool, json: bool) -> Result<(), Failure> {
    let mut table = Table::new(&["id", "at", "tool", "outcome", "ms", "caller", "session"]);
    for event in begun(journal, limit, unknown).await? {
        let (outcome, ms) = became(journal, &event).await?;
        let text = |pointer: &str| event.body.pointer(pointer).cloned().unwrap_or_default();
        table.row([
            event.subject.clone().into(),
            event.at.to_string().into(),
            text("/tool"),
            outcome.into(),
            ms,
            text("/caller/principal"),
            text("/session"),
        ]);
    }
    table.print(json)
}

/// The id of the one call that begins so.
async fn find(journal: &Journal, id: &str) -> Result<String, Failure> {
    let whole = Query { subject: Some(id.to_owned()), kinds: vec!["call.*".to_owned()], limit: 1, ..Query::default() };
    if !read(journal, whole).await?.is_empty() {
        return Ok(id.to_owned());
    }
    let mut fitting: Vec<String> =
        begun(journal, LOOKED_THROUGH, false).await?.into_iter().map(|event| event.subject).collect();
    fitting.retain(|subject| subject.starts_with(id));
    fitting.sort();
    fitting.dedup();
    match fitting.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            Err(Failure::new(Kind::Failed, format!("there is no call `{id}`"))
                .hint("`interlock calls` lists the latest."))
        }
        _ => Err(Failure::new(Kind::Usage, format!("several calls begin with `{id}`")).hint("give more of the id.")),
    }
}

async fn show(journal: &Journal, id: &str, json: bool) -> Result<(), Failure> {
    let id = find(journal, id).await?;
    let events = read(journal, Query { call: Some(id.clone()), ..Query::default() }).await?;
    if json {
        return print_json(&json!({ "call": id, "events": events }));
    }
    let mut text = format!("call {id}\n");
    for event in &events {
        text.push_str(&format!("\n{:>6}  {}  {}\n", event.seq.0, event.at, event.kind));
        for line in format!("{:#}", event.body).lines() {
            text.push_str(&format!("        {line}\n"));
        }
    }
    print(&text)
}

async fn settle(
    journal: &Journal,
    id: &str,
    outcome: Settled,
    reason: Option<String>,
    by: &str,
) -> Result<(), Failure> {
    let id = find(journal, id).await?;
    let since = journal.refresh().await.context("the journal cannot be read")?;
    let ends = vec![kind::CALL_FINISHED.to_owned(), kind::CALL_SETTLED.to_owned()];
    let ends = read(journal, Query { subject: Some(id.clone()), kinds: ends, ..Query::default() }).await?;
    let doubtful = ends.last().is_some_and(|end| {
        end.kind == kind::CALL_FINISHED && end.body.get("outcome").and_then(Value::as_str) == Some("unknown")
    });
    if !doubtful {
        let message = format!("the outcome of call `{id}` is not unknown");
        return Err(
            Failure::new(Kind::Failed, message).hint(format!("`interlock calls show {id}` tells what became of it."))
        );
    }
    let outcome = match outcome {
        Settled::Succeeded => Outcome::Succeeded,
        Settled::Failed => Outcome::Failed,
        Settled::Cancelled => Outcome::Cancelled,
    };
    let settled = body::Settled { outcome, by: by.to_owned(), reason };
    let draft = Draft::new(by, kind::CALL_SETTLED, &id, &settled).context("the settlement cannot be written")?;
    let subject = id.clone();
    let guard = Guard { since, disturbed_by: Box::new(move |event: &Event| event.subject == subject) };
    match journal.commit(vec![draft], guard).await.context("the journal cannot be written")? {
        Committed::At(_) => print(&format!("{id} {outcome}\n")),
        Committed::Conflict => Err(Failure::new(Kind::Failed, format!("call `{id}` was settled at the same moment"))),
    }
}
