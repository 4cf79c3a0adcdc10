//! One group of events into one transaction, and the tables that follow from them.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Mutex, PoisonError},
};

use serde_json::{Value, json};
use sqlx::{SqliteConnection, error::DatabaseError};

use super::stored;
use crate::journal::{Change, JournalError, Sequence, Status, kind, store::Entry};

// The whole transaction is one text, its parameters in the order of its statements, so that it takes one way to the
// database's thread and back. A statement takes any number of rows, as a JSON array of arrays.
const APPEND: &str = "
    BEGIN IMMEDIATE;
    INSERT INTO events (seq, at, actor, kind, subject, body, prev, hash)
        SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, unhex(value->>6), unhex(value->>7)
        FROM json_each(?);
    INSERT INTO calls (seq, id, tool, principal, session, at, status)
        SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6
        FROM json_each(?) WHERE true ON CONFLICT (id) DO NOTHING;
    UPDATE calls SET status = e.value->>1,
            finished_at = coalesce(calls.finished_at, e.value->>2),
            finished_seq = coalesce(e.value->>3, calls.finished_seq)
        FROM json_each(?) e WHERE calls.id = e.value->>0;
    INSERT INTO tools (name) SELECT value FROM json_each(?) WHERE true ON CONFLICT DO NOTHING;
    INSERT INTO redactions (seq, pointer, salt)
        SELECT value->>0, value->>1, unhex(value->>2) FROM json_each(?) WHERE true ON CONFLICT DO NOTHING;
    UPDATE head SET seq = ?, hash = ?;
    COMMIT";

/// Appends the entries and returns the new head; none, with nothing written, if their places are taken.
///
/// `tools` are those known to be in the database.
pub(super) async fn append(
    connection: &mut SqliteConnection,
    entries: &[Entry],
    tools: &Mutex<HashSet<String>>,
) -> Result<Option<Sequence>, JournalError> {
    let Some(last) = entries.last() else { return Ok(Some(Sequence(0))) };
    let rows = Rows::of(entries, tools);
    let ended = rows.ended.into_values().collect();
    let new_tools = rows.tools.iter().map(|tool| json!(tool)).collect();
    let appending = sqlx::query(APPEND)
        .bind(text(rows.events))
        .bind(text(rows.admitted))
        .bind(text(ended))
        .bind(text(new_tools))
        .bind(text(rows.salts))
        .bind(stored(last.event.seq))
        .bind(last.event.hash.0.to_vec());
    if let Err(error) = appending.execute(&mut *connection).await {
        // Whatever it was, nothing of it stays. That it was rolled back already, or never began, is no second error.
        let _ = sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await;
        let place = |error: &dyn DatabaseError| error.is_unique_violation() && error.message().contains("events.seq");
        let taken = error.as_database_error().is_some_and(place);
        return if taken { Ok(None) } else { Err(error.into()) };
    }
    tools.lock().unwrap_or_else(PoisonError::into_inner).extend(rows.tools);
    Ok(Some(last.event.seq))
}

fn text(rows: Vec<Value>) -> String {
    Value::Array(rows).to_string()
}

#[derive(Default)]
struct Rows {
    events: Vec<Value>,
    admitted: Vec<Value>,
    // By call: of several ends in one group the last one counts.
    ended: BTreeMap<String, Value>,
    tools: HashSet<String>,
    salts: Vec<Value>,
}

impl Rows {
    fn of(entries: &[Entry], known: &Mutex<HashSet<String>>) -> Self {
        let known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows = Self::default();
        for Entry { event, text, salts } in entries {
            let (prev, hash) = (event.prev.to_string(), event.hash.to_string());
            rows.events.push(json!([event.seq, event.at, event.actor, event.kind, event.subject, text, prev, hash]));
            for salt in salts {
                let digits: String = salt.salt.iter().map(|byte| format!("{byte:02x}")).collect();
                rows.salts.push(json!([event.seq, salt.pointer, digits]));
            }
            let Some(Change { call, from }) = &event.change else { continue };
            if from.is_none() {
                let (tool, principal) = (call.tool.as_str(), &call.caller.principal);
                let status = Status::Running.stored();
                rows.admitted.push(json!([call.seq, call.id, tool, principal, call.session, event.at, status]));
                if !known.contains(tool) {
                    rows.tools.insert(tool.to_owned());
                }
            } else {
                // The result is in the event that finished the call; settling it brings none.
                let with_result = (event.kind == kind::CALL_FINISHED).then_some(event.seq);
                let before = rows.ended.get(call.id.as_str()).and_then(|row| row.get(3)).cloned();
                let with_result = with_result.map_or(before.unwrap_or_default(), |seq| json!(seq));
                let row = json!([call.id, call.status.stored(), call.finished, with_result]);
                rows.ended.insert(call.id.to_string(), row);
            }
        }
        rows
    }
}
