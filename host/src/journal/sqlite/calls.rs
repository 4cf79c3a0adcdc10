//! Questions about calls. Each is answered from one snapshot, and so as of one position, which comes with the answer.

use serde_json::json;
use sqlx::{QueryBuilder, Row, Sqlite as Dialect, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::{Sqlite, arguments, events, stored, unsigned};
use crate::{
    call::Outcome,
    clock::Timestamp,
    journal::{
        CallFilter, JournalError, PastCall, Sequence, Status, past,
        store::{Counted, Head, Noted},
    },
    scope::ScopeKey,
};

const PAST: &str = "SELECT h.seq AS head_seq, h.hash AS head_hash, q.* FROM head h LEFT JOIN (
    SELECT e.seq, e.at, e.subject, e.body, c.status, c.finished_at, f.body AS finished_body
    FROM calls c JOIN events e ON e.seq = c.seq LEFT JOIN events f ON f.seq = c.finished_seq";

const NOTED: &str = "SELECT h.seq, c.* FROM head h LEFT JOIN (
    SELECT seq, id, tool, principal, session, at, status, finished_at, finished_seq, idempotency FROM calls
    WHERE seq > ?1 AND seq <= ?2
    UNION SELECT seq, id, tool, principal, session, at, status, finished_at, finished_seq, idempotency FROM calls
    WHERE seq IN (SELECT value FROM json_each(?3)) ORDER BY seq) c ON true";

/// The head, and all calls that are open there.
pub(super) async fn open(readers: &SqlitePool) -> Result<(Head, Vec<PastCall>), JournalError> {
    let sql = format!("{PAST} WHERE c.status IN ('running', 'doubtful')) q ON true");
    let mut snapshot = readers.begin().await?;
    let head = events::head(&mut snapshot).await?;
    let rows = sqlx::query(events::trusted(sql)).fetch_all(&mut *snapshot).await?;
    Ok((head, rows.iter().filter_map(|row| call(row).transpose()).collect::<Result<_, _>>()?))
}

/// The calls admitted at these positions.
pub(super) async fn past(
    readers: &SqlitePool,
    admitted: &[Sequence],
) -> Result<(Sequence, Vec<PastCall>), JournalError> {
    let sql = format!("{PAST} WHERE c.seq IN (SELECT value FROM json_each(?1))) q ON true");
    let rows = sqlx::query(events::trusted(sql)).bind(json!(admitted).to_string()).fetch_all(readers).await?;
    let calls = rows.iter().filter_map(|row| call(row).transpose()).collect::<Result<_, _>>()?;
    let head = rows.first().map(|row| row.try_get(0)).transpose()?.map_or(Sequence(0), |seq| Sequence(unsigned(seq)));
    Ok((head, calls))
}

/// The call admitted last of those that are the same piece of work.
pub(super) async fn same(
    readers: &SqlitePool,
    principal: &str,
    tool: &str,
    idempotency: &str,
) -> Result<(Sequence, Option<PastCall>), JournalError> {
    let sql = format!(
        "{PAST} WHERE c.principal = ?1 AND c.tool = ?2 AND c.idempotency = ?3 ORDER BY c.seq DESC LIMIT 1) q ON true"
    );
    let row = sqlx::query(events::trusted(sql)).bind(principal).bind(tool).bind(idempotency).fetch_one(readers).await?;
    Ok((Sequence(unsigned(row.try_get(0)?)), call(&row)?))
}

/// What is noted of some calls.
pub(super) async fn noted(
    readers: &SqlitePool,
    after: Sequence,
    upto: Sequence,
    also: &[Sequence],
) -> Result<(Sequence, Vec<Noted>), JournalError> {
    let rows = sqlx::query(NOTED)
        .bind(stored(after))
        .bind(stored(upto))
        .bind(json!(also).to_string())
        .fetch_all(readers)
        .await?;
    let mut head = Sequence(0);
    let mut found = Vec::new();
    for row in &rows {
        head = Sequence(unsigned(row.try_get(0)?));
        let Some(seq) = row.try_get::<Option<i64>, _>(1)? else { continue };
        found.push(Noted {
            seq: Sequence(unsigned(seq)),
            id: row.try_get(2)?,
            tool: row.try_get(3)?,
            principal: row.try_get(4)?,
            session: row.try_get(5)?,
            at: Timestamp(unsigned(row.try_get(6)?)),
            status: row.try_get(7)?,
            finished_at: row.try_get::<Option<i64>, _>(8)?.map(|at| Timestamp(unsigned(at))),
            finished_seq: row.try_get::<Option<i64>, _>(9)?.map(|seq| Sequence(unsigned(seq))),
            idempotency: row.try_get(10)?,
        });
    }
    Ok((head, found))
}

/// A call from a row of [`PAST`]; none if the right side is empty.
fn call(row: &SqliteRow) -> Result<Option<PastCall>, JournalError> {
    let Some(seq) = row.try_get::<Option<i64>, _>(2)? else { return Ok(None) };
    let seq = Sequence(unsigned(seq));
    let unreadable = |reason: &str| JournalError::Unreadable { seq, reason: reason.to_owned() };
    let text: String = row.try_get(5)?;
    let body: past::Began = serde_json::from_str(&text).map_err(|e| unreadable(&e.to_string()))?;
    let (id, at): (String, i64) = (row.try_get(4)?, row.try_get(3)?);
    let mut call = past::admitted(seq, Timestamp(unsigned(at)), &id, body);
    let word: String = row.try_get(6)?;
    call.status = Status::from_stored(&word).ok_or_else(|| unreadable("it stands in no known way"))?;
    call.outcome = call.status.outcome();
    call.finished = row.try_get::<Option<i64>, _>(7)?.map(|at| Timestamp(unsigned(at)));
    if let Some(text) = row.try_get::<Option<String>, _>(8)? {
        let end: past::End = serde_json::from_str(&text).map_err(|e| unreadable(&e.to_string()))?;
        call.result = end.result.filter(|result| !past::is_cut(result)).map(std::sync::Arc::new);
    }
    Ok(Some(call))
}

/// The last calls that fit, newest first.
pub(super) async fn newest(
    store: &Sqlite,
    filter: &CallFilter,
    limit: usize,
) -> Result<(Sequence, Vec<Sequence>), JournalError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut sql = QueryBuilder::new("SELECT h.seq, q.seq FROM head h LEFT JOIN (");
    // One snapshot for the tools that there are and the calls to them: a tool may be called for the first time just now.
    let mut snapshot = store.readers.begin().await?;
    let question = Question::of(&mut snapshot, store, filter).await?;
    if question.by_argument || !filter.same.is_empty() {
        sql.push("SELECT c.seq");
        question.from(&mut sql, filter);
    } else {
        // Each way through the index ends after `limit` steps.
        sql.push("SELECT c.seq FROM json_each(").push_bind(question.tools.clone()).push(") t CROSS JOIN json_each(");
        sql.push_bind(question.statuses.clone()).push(") s CROSS JOIN calls c WHERE c.seq IN (SELECT seq FROM calls");
        sql.push(" WHERE tool = t.value AND status = s.value");
        scope(&mut sql, "", &filter.scope);
        sql.push(" ORDER BY seq DESC LIMIT ").push_bind(limit).push(")");
    }
    sql.push(" ORDER BY c.seq DESC LIMIT ").push_bind(limit).push(") q ON true ORDER BY q.seq DESC");
    let rows = sql.build().fetch_all(&mut *snapshot).await?;
    let mut head = Sequence(0);
    let mut found = Vec::new();
    for row in &rows {
        head = Sequence(unsigned(row.try_get(0)?));
        found.extend(row.try_get::<Option<i64>, _>(1)?.map(|seq| Sequence(unsigned(seq))));
    }
    Ok((head, found))
}

/// All calls that fit and were admitted at `since` or later.
pub(super) async fn window(
    store: &Sqlite,
    filter: &CallFilter,
    since: Timestamp,
    number: Option<&str>,
) -> Result<(Sequence, Vec<Counted>), JournalError> {
    let mut sql = QueryBuilder::new("SELECT h.seq, q.seq, q.at, q.number FROM head h LEFT JOIN (SELECT c.seq, c.at, ");
    match number.and_then(|pointer| arguments::expression("n.body", pointer)) {
        Some(number) => sql.push("(SELECT ").push(number).push(" FROM events n WHERE n.seq = c.seq) AS number"),
        None => sql.push("NULL AS number"),
    };
    let mut snapshot = store.readers.begin().await?;
    let question = Question::of(&mut snapshot, store, filter).await?;
    question.from(&mut sql, filter);
    sql.push(" AND c.at >= ").push_bind(stored(Sequence(since.0))).push(") q ON true");
    let rows = sql.build().fetch_all(&mut *snapshot).await?;
    let mut head = Sequence(0);
    let mut found = Vec::new();
    for row in &rows {
        head = Sequence(unsigned(row.try_get(0)?));
        let Some(seq) = row.try_get::<Option<i64>, _>(1)? else { continue };
        let number = row.try_get::<Option<String>, _>(3)?;
        let number = number.and_then(|text| serde_json::from_str::<serde_json::Number>(&text).ok());
        found.push(Counted {
            seq: Sequence(unsigned(seq)),
            admitted: Timestamp(unsigned(row.try_get(2)?)),
            number: number.and_then(|number| number.as_f64()).unwrap_or_default(),
        });
    }
    Ok((head, found))
}

/// How a filter is asked.
struct Question {
    tools: String,
    statuses: String,
    /// Through the index of an argument, rather than through the calls of the scope.
    by_argument: bool,
    index: Option<String>,
}

impl Question {
    async fn of(snapshot: &mut SqliteConnection, store: &Sqlite, filter: &CallFilter) -> Result<Self, JournalError> {
        let everything = [Status::Running, Status::Doubtful].into_iter().chain(
            [Outcome::Succeeded, Outcome::Failed, Outcome::Cancelled, Outcome::Unknown, Outcome::InputRequired]
                .map(Status::Ended),
        );
        let statuses: Vec<_> = match filter.statuses.as_slice() {
            [] => everything.map(Status::stored).collect(),
            some => some.iter().map(|status| status.stored()).collect(),
        };
        let pointer = match &filter.scope {
            ScopeKey::Argument { pointer, .. } => Some(pointer),
            // One session is smaller than all calls with one value of some argument.
            ScopeKey::Session { .. } => None,
            ScopeKey::Caller { .. } | ScopeKey::Global => filter.same.first().map(|(pointer, _)| pointer),
        };
        let index = pointer.and_then(|pointer| arguments::Index::of(pointer)).map(|index| index.name);
        Ok(Self {
            tools: events::tools(snapshot, &filter.tools).await?,
            statuses: json!(statuses).to_string(),
            by_argument: pointer.is_some(),
            index: index.filter(|name| store.is_indexed(name)),
        })
    }

    /// `FROM … WHERE …`, with the calls as `c`.
    fn from(&self, sql: &mut QueryBuilder<Dialect>, filter: &CallFilter) {
        if self.by_argument {
            sql.push(" FROM events e");
            if let Some(index) = &self.index {
                sql.push(" INDEXED BY ").push(index);
            }
            sql.push(" CROSS JOIN calls c ON c.seq = e.seq WHERE e.kind = 'call.admitted' AND c.tool IN");
            sql.push(" (SELECT value FROM json_each(").push_bind(self.tools.clone());
            sql.push(")) AND c.status IN (SELECT value FROM json_each(").push_bind(self.statuses.clone()).push("))");
        } else {
            sql.push(" FROM json_each(").push_bind(self.tools.clone()).push(") t CROSS JOIN json_each(");
            sql.push_bind(self.statuses.clone()).push(") s CROSS JOIN calls c");
            if !filter.same.is_empty() {
                sql.push(" CROSS JOIN events e ON e.seq = c.seq");
            }
            sql.push(" WHERE c.tool = t.value AND c.status = s.value");
        }
        scope(sql, "c.", &filter.scope);
        let argument = match &filter.scope {
            ScopeKey::Argument { pointer, value } => Some((pointer, value)),
            ScopeKey::Session { .. } | ScopeKey::Caller { .. } | ScopeKey::Global => None,
        };
        for (pointer, value) in argument.into_iter().chain(filter.same.iter().map(|(p, v)| (p, v))) {
            match arguments::expression("e.body", pointer) {
                Some(found) => sql.push(" AND ").push(found).push(" = ").push_bind(value.clone()),
                None => sql.push(" AND false"),
            };
        }
    }
}

/// The part of a scope that is columns.
fn scope(sql: &mut QueryBuilder<Dialect>, table: &str, scope: &ScopeKey) {
    let mut equals = |column: &str, value: &str| {
        sql.push(format!(" AND {table}{column} = ")).push_bind(value.to_owned());
    };
    match scope {
        ScopeKey::Session { principal, session } => {
            equals("principal", principal);
            equals("session", session);
        }
        ScopeKey::Caller { principal } => equals("principal", principal),
        ScopeKey::Global | ScopeKey::Argument { .. } => {}
    }
}
