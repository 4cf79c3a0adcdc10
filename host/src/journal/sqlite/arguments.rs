//! Questions about arguments of calls: how a JSON Pointer is said in SQL, and the indexes that make it quick.
//!
//! SQLite keeps such an index up to date itself, whichever process appends, and fills it from the events that are
//! already there when it is made.

use std::collections::HashSet;

use sqlx::{Row, SqliteConnection, SqlitePool};

use super::events::trusted;
use crate::journal::{Hash, JournalError};

/// How many arguments can have an index. Beyond that, questions are still answered, by looking at each call.
const MOST: usize = 64;
const PREFIX: &str = "argument_";

/// What an argument's index is called and made of.
pub(super) struct Index {
    pub(super) name: String,
    expression: String,
}

impl Index {
    /// The index for a JSON Pointer; none if it cannot be said in SQL.
    pub(super) fn of(pointer: &str) -> Option<Self> {
        let digest = Hash::of(pointer.as_bytes()).to_string();
        Some(Self { name: format!("{PREFIX}{}", digest.get(..16)?), expression: expression("body", pointer)? })
    }
}

/// The canonical JSON text at a JSON Pointer (RFC 6901) into the arguments, as SQL over the events' column `body`.
///
/// A token of digits means a member or an element, so both are tried, for the first two such tokens. None for the
/// empty pointer, which names no argument.
pub(super) fn expression(body: &str, pointer: &str) -> Option<String> {
    let mut paths = vec!["$.arguments".to_owned()];
    for token in pointer.strip_prefix('/')?.split('/') {
        let label = serde_json::Value::from(token.replace("~1", "/").replace("~0", "~")).to_string();
        let element = token.parse::<u32>().ok().filter(|at| at.to_string() == token && paths.len() < 4);
        let members = paths.iter().map(|path| format!("{path}.{label}"));
        let elements = paths.iter().filter_map(|path| Some(format!("{path}[{}]", element?)));
        paths = members.chain(elements).collect();
    }
    let terms: Vec<_> = paths.iter().map(|path| format!("{body} -> '{}'", path.replace('\'', "''"))).collect();
    Some(match terms.as_slice() {
        [one] => format!("({one})"),
        several => format!("coalesce({})", several.join(", ")),
    })
}

/// The names of the indexes that are there.
pub(super) async fn indexed(readers: &SqlitePool) -> Result<HashSet<String>, JournalError> {
    let rows = sqlx::query("SELECT name FROM sqlite_schema WHERE type = 'index' AND name GLOB 'argument_*'")
        .fetch_all(readers)
        .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Makes an index; false if there are too many. Only while the turn is held.
pub(super) async fn create(connection: &mut SqliteConnection, index: &Index) -> Result<bool, JournalError> {
    let Index { name, expression } = index;
    let others: i64 = sqlx::query(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name GLOB 'argument_*' AND name <> ?1",
    )
    .bind(name)
    .fetch_one(&mut *connection)
    .await?
    .try_get(0)?;
    if usize::try_from(others).is_ok_and(|others| others >= MOST) {
        tracing::warn!(most = MOST, "too many arguments are asked for: one has no index");
        return Ok(false);
    }
    let sql = format!("CREATE INDEX IF NOT EXISTS {name} ON events ({expression}) WHERE kind = 'call.admitted'");
    sqlx::raw_sql(trusted(sql)).execute(connection).await?;
    Ok(true)
}
