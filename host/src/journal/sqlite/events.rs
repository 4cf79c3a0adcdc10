//! Reading events.

use std::{collections::HashSet, sync::Arc};

use interlock_glob::Glob;
use sqlx::{AssertSqlSafe, QueryBuilder, Row, Sqlite, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::{stored, unsigned};
use crate::{
    clock::Timestamp,
    journal::{
        Event, Hash, JournalError, Query, Sequence, Status, kind,
        store::{Entry, Head},
    },
};

/// How many events one reading returns at most.
const MOST: usize = 1000;

/// An event's own columns. The hash before it is that of the event before it: it is not kept twice.
macro_rules! columns {
    () => {
        "e.seq, e.at, e.actor, e.kind, e.subject, e.body, (SELECT p.hash FROM events p WHERE p.seq = e.seq - 1), e.hash"
    };
}

const TAIL: &str = concat!("SELECT ", columns!(), " FROM events e WHERE e.seq > ?1 ORDER BY e.seq LIMIT ?2");

/// The kinds that have no index: see the schema. A question says so where it asks for others, or SQLite would not know.
const NO_CALLS: &str = "kind NOT IN ('call.admitted', 'call.finished')";

/// The last event, as it was noted.
pub(super) async fn head(reader: &mut SqliteConnection) -> Result<Head, JournalError> {
    let sql = "SELECT h.seq, h.hash, e.at FROM head h LEFT JOIN events e ON e.seq = h.seq";
    let row = sqlx::query(sql).fetch_one(reader).await?;
    let hash = Hash::from_slice(row.try_get(1)?).unwrap_or_default();
    let at = row.try_get::<Option<i64>, _>(2)?.map_or_else(Timestamp::default, |at| Timestamp(unsigned(at)));
    Ok(Head { seq: Sequence(unsigned(row.try_get(0)?)), hash, at })
}

/// Events after a position.
pub(super) async fn tail(readers: &SqlitePool, after: Sequence) -> Result<Vec<Entry>, JournalError> {
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    let rows = sqlx::query(TAIL).bind(stored(after)).bind(most).fetch_all(readers).await?;
    rows.iter().map(entry).collect()
}

/// Events for an audit.
pub(super) async fn read(readers: &SqlitePool, query: &Query) -> Result<Vec<Event>, JournalError> {
    let mut sql: QueryBuilder<Sqlite> = QueryBuilder::new("");
    sql.push(concat!("SELECT ", columns!(), " FROM events e WHERE seq > "));
    sql.push_bind(stored(query.after));
    if let Some(before) = query.before {
        sql.push(" AND seq < ").push_bind(stored(before));
    }
    if !query.kinds.is_empty() {
        sql.push(" AND (false");
        for kind in &query.kinds {
            match kind.strip_suffix('*') {
                // No word of a kind goes beyond ASCII, so U+FFFF comes after all that begin so.
                Some(prefix) => sql
                    .push(" OR kind BETWEEN ")
                    .push_bind(prefix.to_owned())
                    .push(" AND ")
                    .push_bind(format!("{prefix}\u{ffff}")),
                None => sql.push(" OR kind = ").push_bind(kind.clone()),
            };
        }
        sql.push(")");
        let asks_for = |kind: &str| {
            query.kinds.iter().any(|asked| match asked.strip_suffix('*') {
                Some(prefix) => kind.starts_with(prefix),
                None => kind == asked,
            })
        };
        if !asks_for(kind::CALL_ADMITTED) && !asks_for(kind::CALL_FINISHED) {
            sql.push(" AND ").push(NO_CALLS);
        }
    }
    if let Some(subject) = &query.subject {
        sql.push(" AND subject = ").push_bind(subject.clone());
    }
    if let Some(call) = &query.call {
        sql.push(" AND (subject = ").push_bind(call.clone());
        sql.push(" OR subject IN (SELECT subject FROM events WHERE kind = 'approval.asked' AND ");
        sql.push(NO_CALLS).push(" AND body->>'$.call' = ");
        sql.push_bind(call.clone()).push("))");
    }
    // Ends of calls, and answers to questions, do not say all of this themselves: the event that began the story does.
    for (path, value) in [("$.caller.principal", &query.principal), ("$.session", &query.session)] {
        if let Some(value) = value {
            sql.push(" AND EXISTS (SELECT 1 FROM events b WHERE b.subject = e.subject AND b.body->>");
            sql.push_bind(path).push(" = ").push_bind(value.clone()).push(")");
        }
    }
    if let Some(tool) = &query.tool {
        sql.push(" AND EXISTS (SELECT 1 FROM events b WHERE b.subject = e.subject AND b.body->>'$.tool' GLOB ");
        sql.push_bind(like_ours(tool));
        // SQLite's `*` runs across `/`; ours does not, and so leaves as many of them as the pattern has.
        if !tool.contains("**") {
            let slashes = tool.matches('/').count();
            sql.push(" AND length(b.body->>'$.tool') - length(replace(b.body->>'$.tool', '/', '')) = ");
            sql.push_bind(i64::try_from(slashes).unwrap_or(i64::MAX));
        }
        sql.push(")");
    }
    if let Some(since) = query.since {
        sql.push(" AND at >= ").push_bind(stored(Sequence(since.0)));
    }
    if let Some(until) = query.until {
        sql.push(" AND at < ").push_bind(stored(Sequence(until.0)));
    }
    if let Some(outcome) = query.outcome {
        sql.push(" AND EXISTS (SELECT 1 FROM calls c WHERE c.id = e.subject AND c.status IN (");
        sql.push_bind(outcome.as_str());
        if Status::Doubtful.outcome() == Some(outcome) {
            sql.push(", ").push_bind(Status::Doubtful.stored());
        }
        sql.push("))");
    }
    sql.push(if query.newest_first { " ORDER BY seq DESC" } else { " ORDER BY seq" });
    let limit = if query.limit == 0 { MOST } else { query.limit.min(MOST) };
    sql.push(" LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = sql.build().fetch_all(readers).await?;
    rows.iter().map(|row| entry(row).map(|entry| entry.event)).collect()
}

/// One of our patterns as one of SQLite's: there `?` and `[` stand for more than themselves.
fn like_ours(pattern: &str) -> String {
    pattern.replace('[', "[[]").replace('?', "[?]")
}

/// The tools that fit a pattern, as a JSON array: those that were ever called, or the one that is meant.
pub(super) async fn tools(reader: &mut SqliteConnection, glob: &Glob) -> Result<String, JournalError> {
    if let Some(literal) = glob.as_literal() {
        return Ok(serde_json::json!([literal]).to_string());
    }
    let rows = sqlx::query("SELECT name FROM tools").fetch_all(reader).await?;
    let mut names = Vec::new();
    for row in &rows {
        let name: String = row.try_get(0)?;
        if glob.matches(&name) {
            names.push(name);
        }
    }
    Ok(serde_json::json!(names).to_string())
}

/// Every tool that is noted as called.
pub(super) async fn noted_tools(readers: &SqlitePool) -> Result<HashSet<String>, JournalError> {
    let rows = sqlx::query("SELECT name FROM tools").fetch_all(readers).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// An event from a row of these [`columns`].
pub(super) fn entry(row: &SqliteRow) -> Result<Entry, JournalError> {
    let seq = Sequence(unsigned(row.try_get(0)?));
    let unreadable = |reason: String| JournalError::Unreadable { seq, reason };
    let text: String = row.try_get(5)?;
    let body = serde_json::from_str(&text).map_err(|e| unreadable(e.to_string()))?;
    let hash =
        |bytes: &[u8]| Hash::from_slice(bytes).ok_or_else(|| unreadable("a hash has the wrong length".to_owned()));
    let event = Event {
        seq,
        at: Timestamp(unsigned(row.try_get(1)?)),
        actor: row.try_get(2)?,
        kind: row.try_get(3)?,
        subject: row.try_get(4)?,
        body: Arc::new(body),
        prev: row.try_get::<Option<&[u8]>, _>(6)?.map_or(Ok(Hash::default()), hash)?,
        hash: hash(row.try_get(7)?)?,
        change: None,
    };
    Ok(Entry { event, text: text.into(), salts: Vec::new() })
}

/// SQL that was put together from our own words and quoted text.
pub(super) fn trusted(sql: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql)
}
