//! One group of events into one transaction, and the tables that follow from them.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Mutex, PoisonError},
};

use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{SqliteConnection, error::DatabaseError};

use super::{events::trusted, stored};
use crate::{
    call::Idempotency,
    journal::{Change, JournalError, Sequence, Status, kind, store::Entry},
};

// The whole transaction is one text, its parameters in the order of its statements, so that it takes one way to the
// database's thread and back. A statement takes any number of rows, as a JSON array of arrays; one without rows is left
// out, because the database's thread wakes ours for each.
const EVENTS: &str = "
    INSERT INTO events (seq, at, actor, kind, subject, body, hash)
        SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, unhex(value->>6)
        FROM json_each(?);";
const ADMITTED: &str = "
    INSERT INTO calls (seq, id, tool, principal, session, at, status, idempotency)
        SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7
        FROM json_each(?) WHERE true ON CONFLICT (id) DO NOTHING;";
const ENDED: &str = "
    UPDATE calls SET status = e.value->>1,
            finished_at = coalesce(calls.finished_at, e.value->>2),
            finished_seq = coalesce(e.value->>3, calls.finished_seq)
        FROM json_each(?) e WHERE calls.id = e.value->>0;";
const TOOLS: &str = "
    INSERT INTO tools (name) SELECT value FROM json_each(?) WHERE true ON CONFLICT DO NOTHING;";
const SALTS: &str = "
    INSERT INTO redactions (seq, pointer, salt)
        SELECT value->>0, value->>1, unhex(value->>2) FROM json_each(?) WHERE true ON CONFLICT DO NOTHING;";

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
    let groups = [
        (EVENTS, rows.events.text()),
        (ADMITTED, rows.admitted.text()),
        (ENDED, rows.ended.into_values().collect::<Array>().text()),
        (TOOLS, rows.tools.iter().collect::<Array>().text()),
        (SALTS, rows.salts.text()),
    ];
    let groups = groups.into_iter().filter_map(|(statement, rows)| Some((statement, rows?)));
    let (statements, texts): (Vec<&str>, Vec<String>) = groups.unzip();
    let sql = format!("BEGIN IMMEDIATE;{} UPDATE head SET seq = ?, hash = ?; COMMIT", statements.concat());
    let mut appending = sqlx::query(trusted(sql));
    for text in texts {
        appending = appending.bind(text);
    }
    let appending = appending.bind(stored(last.event.seq)).bind(last.event.hash.0.to_vec());
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

/// A JSON array that is written as it grows.
#[derive(Default)]
struct Array(Vec<u8>);

impl Array {
    fn push(&mut self, row: impl Serialize) {
        self.0.push(if self.0.is_empty() { b'[' } else { b',' });
        // Memory takes everything, and rows are made of texts and numbers.
        let _ = serde_json::to_writer(&mut self.0, &row);
    }

    /// The whole; none if nothing was pushed.
    fn text(mut self) -> Option<String> {
        self.0.push(b']');
        String::from_utf8(self.0).ok().filter(|text| text.starts_with('['))
    }
}

impl<T: Serialize> FromIterator<T> for Array {
    fn from_iter<I: IntoIterator<Item = T>>(rows: I) -> Self {
        let mut array = Self::default();
        rows.into_iter().for_each(|row| array.push(row));
        array
    }
}

#[derive(Default)]
struct Rows {
    events: Array,
    admitted: Array,
    // By call: of several ends in one group the last one counts.
    ended: BTreeMap<String, Value>,
    tools: HashSet<String>,
    salts: Array,
}

impl Rows {
    fn of(entries: &[Entry], known: &Mutex<HashSet<String>>) -> Self {
        let known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows = Self::default();
        for Entry { event, text, salts } in entries {
            let hash = event.hash.to_string();
            rows.events.push((event.seq, event.at, &event.actor, &event.kind, &event.subject, &**text, hash));
            for salt in salts {
                let digits: String = salt.salt.iter().map(|byte| format!("{byte:02x}")).collect();
                rows.salts.push((event.seq, &salt.pointer, digits));
            }
            let Some(Change { call, from }) = &event.change else { continue };
            if from.is_none() {
                let (tool, principal) = (call.tool.as_str(), &call.caller.principal);
                let status = Status::Running.stored();
                let key = call.idempotency.as_ref().map(Idempotency::noted);
                rows.admitted.push((call.seq, &call.id, tool, principal, &call.session, event.at, status, key));
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
