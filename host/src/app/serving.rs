//! Which processes decide calls at the moment, and by what. From the journal and the signs of life beside it.

use serde::Serialize;
use serde_json::Value;

use crate::journal::{Event, Journal, JournalError, Query, body, kind};

/// A process that decides calls.
#[derive(Clone, Debug, Serialize)]
pub struct Serving {
    /// Its id in the journal.
    pub process: String,
    /// What it calls itself.
    pub role: String,
    /// Its process id.
    pub pid: u32,
    /// Since when it goes by what is told here, in RFC 3339.
    pub since: String,
    /// SHA-256 of its configuration file.
    pub digest: String,
    /// The digest of its set of policies.
    pub set: String,
    /// Its policies: their names, components, settings and modes.
    pub policies: Vec<Value>,
    /// What stayed as it was, because the component in its place cannot be used.
    pub kept: Vec<Value>,
    /// Keys of its configuration that it goes by only after it is started again.
    pub at_next_start: Vec<Value>,
    /// The page that it serves, if it serves one.
    pub page: Option<body::AdminOpened>,
    /// What is wrong with a configuration that it found since, and does not go by.
    pub rejected: Vec<Value>,
}

/// Every process that decides calls now, in the order in which they began.
///
/// # Errors
/// If the journal cannot be read.
pub async fn serving(journal: &Journal) -> Result<Vec<Serving>, JournalError> {
    let mut all = Vec::new();
    for process in journal.living()? {
        let last = async |kind: &str| -> Result<Option<Event>, JournalError> {
            let query = Query {
                kinds: vec![kind.to_owned()],
                subject: Some(process.clone()),
                newest_first: true,
                limit: 1,
                ..Query::default()
            };
            Ok(journal.read(&query).await?.pop())
        };
        let (Some(started), Some(applied)) = (last(kind::PROCESS_STARTED).await?, last(kind::CONFIG_APPLIED).await?)
        else {
            // It only looks.
            continue;
        };
        let rejected = last(kind::CONFIG_REJECTED).await?.filter(|rejected| rejected.seq > applied.seq);
        let page = last(kind::ADMIN_OPENED).await?.map(|opened| opened.read()).transpose()?;
        let body::Process { role, pid, .. } = started.read()?;
        let text = |key: &str| applied.body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (digest, set) = (text("digest"), text("set"));
        all.push(Serving {
            role,
            pid,
            since: applied.at.to_string(),
            digest,
            set,
            policies: list(&applied, "policies"),
            kept: list(&applied, "kept"),
            at_next_start: list(&applied, "at_next_start"),
            page,
            rejected: rejected.map(|rejected| list(&rejected, "problems")).unwrap_or_default(),
            process,
        });
    }
    Ok(all)
}

fn list(event: &Event, key: &str) -> Vec<Value> {
    event.body.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
}
