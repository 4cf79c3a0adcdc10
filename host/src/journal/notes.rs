//! What must be noted beside the events, told by folding them, and whether it is: policies are answered from the notes
//! after a start.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::call::Idempotency;

use super::{
    Event, JournalError, PastCall, Sequence, kind,
    past::change,
    store::{Noted, Store},
};

/// How the notes differ from the events.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// A call is not noted.
    #[error("the event admits call `{call}`, of which the table of calls knows nothing")]
    Missing {
        /// Which.
        call: String,
    },
    /// A call is noted that was never admitted.
    #[error("the table of calls has a call `{call}` here that was never admitted")]
    Made {
        /// Which.
        call: String,
    },
    /// Something else is noted of a call.
    #[error("the table of calls has `{noted}` as the {column} of call `{call}`; by the events it is `{told}`")]
    Differs {
        /// Which.
        call: String,
        /// What of it.
        column: &'static str,
        /// As the table has it.
        noted: String,
        /// As the events tell it.
        told: String,
    },
    /// A tool is not noted as called, so that patterns do not find its calls.
    #[error("the event admits a call of `{tool}`, which the table of tools does not know")]
    Tool {
        /// Which.
        tool: String,
    },
}

type Finding = Option<(Sequence, Wrong)>;

/// The fold: what is told of calls so far, as far as it has not been compared for good.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Up to here everything was compared, and up to here events were taken in.
    compared: Sequence,
    taken: Sequence,
    /// Calls that may still change.
    open: HashMap<String, (Arc<PastCall>, Option<Sequence>)>,
    /// Admissions since the last comparison, and calls that have ended since.
    admitted: BTreeMap<Sequence, String>,
    ended: BTreeMap<Sequence, Noted>,
    /// The first call of each tool.
    tools: HashMap<String, Sequence>,
}

impl Notes {
    /// Takes in the next event.
    pub(super) fn take(&mut self, event: &Event) {
        self.taken = event.seq;
        let known = self.open.get(&event.subject);
        let Some(change) = change(event, known.map(|(call, _)| call)) else { return };
        let result = match event.kind == kind::CALL_FINISHED {
            true => Some(event.seq),
            false => known.and_then(|(_, result)| *result),
        };
        let (call, seq) = (change.call, change.from.is_none().then_some(event.seq));
        if let Some(seq) = seq {
            self.admitted.insert(seq, event.subject.clone());
            self.tools.entry(call.tool.to_string()).or_insert(seq);
        }
        if call.status.is_open() {
            self.open.insert(event.subject.clone(), (call, result));
        } else {
            self.open.remove(&event.subject);
            self.ended.insert(call.seq, told(&call, result));
        }
    }

    /// Compares what the events since the last time have made final.
    pub(super) async fn check_page(&mut self, store: &dyn Store) -> Result<Finding, JournalError> {
        let (admitted, ended) = (std::mem::take(&mut self.admitted), std::mem::take(&mut self.ended));
        let also: Vec<_> = ended.keys().copied().collect();
        let (_, noted) = store.noted(self.compared, self.taken, &also).await?;
        self.compared = self.taken;
        Ok(compare(&admitted, &ended, noted))
    }

    /// Compares the calls that are still open, and that there are no others; and as of which event that is true.
    pub(super) async fn check_open(&self, store: &dyn Store) -> Result<(Sequence, Finding), JournalError> {
        let told: BTreeMap<_, _> = self.open.values().map(|(call, result)| (call.seq, told(call, *result))).collect();
        let all: BTreeMap<_, _> = told.iter().map(|(seq, told)| (*seq, told.id.clone())).collect();
        let also: Vec<_> = told.keys().copied().collect();
        let tools = store.tools().await?;
        let (as_of, noted) = store.noted(self.compared, Sequence(u64::MAX), &also).await?;
        let unlisted = self.tools.iter().filter(|(tool, _)| !tools.contains(*tool)).min_by_key(|(_, seq)| **seq);
        let unlisted = unlisted.map(|(tool, seq)| (*seq, Wrong::Tool { tool: tool.clone() }));
        Ok((as_of, compare(&all, &told, noted).or(unlisted)))
    }
}

/// The first difference between what is noted and what is told. Each noted call must be among `admitted` or `told`.
fn compare(admitted: &BTreeMap<Sequence, String>, told: &BTreeMap<Sequence, Noted>, noted: Vec<Noted>) -> Finding {
    let noted: BTreeMap<_, _> = noted.into_iter().map(|noted| (noted.seq, noted)).collect();
    let made = noted.values().find(|noted| !admitted.contains_key(&noted.seq) && !told.contains_key(&noted.seq));
    let made = made.map(|noted| (noted.seq, Wrong::Made { call: noted.id.clone() }));
    let ids = admitted.iter().chain(told.iter().map(|(seq, told)| (seq, &told.id)));
    let missing = ids.filter(|(seq, _)| !noted.contains_key(*seq)).min();
    let missing = missing.map(|(seq, id)| (*seq, Wrong::Missing { call: id.clone() }));
    let differs = told.values().find_map(|told| Some((told.seq, differs(noted.get(&told.seq)?, told)?)));
    [made, missing, differs].into_iter().flatten().min_by_key(|(seq, _)| *seq)
}

fn differs(noted: &Noted, told: &Noted) -> Option<Wrong> {
    let number = |number: Option<u64>| number.map_or_else(|| "nothing".to_owned(), |number| number.to_string());
    let columns = |call: &Noted| {
        [
            ("id", call.id.clone()),
            ("tool", call.tool.clone()),
            ("principal", call.principal.clone()),
            ("session", call.session.clone()),
            ("time", call.at.0.to_string()),
            ("status", call.status.clone()),
            ("end", number(call.finished_at.map(|at| at.0))),
            ("result", number(call.finished_seq.map(|seq| seq.0))),
            ("idempotency key", call.idempotency.clone().unwrap_or_else(|| "nothing".to_owned())),
        ]
    };
    let mut both = columns(noted).into_iter().zip(columns(told));
    let ((column, noted), (_, by_events)) = both.find(|(noted, told)| noted != told)?;
    Some(Wrong::Differs { call: told.id.clone(), column, noted, told: by_events })
}

/// What must be noted of a call.
fn told(call: &PastCall, result: Option<Sequence>) -> Noted {
    Noted {
        seq: call.seq,
        id: call.id.to_string(),
        tool: call.tool.to_string(),
        principal: call.caller.principal.clone(),
        session: call.session.clone(),
        at: call.admitted,
        status: call.status.stored().to_owned(),
        finished_at: call.finished,
        finished_seq: result,
        idempotency: call.idempotency.as_ref().map(Idempotency::noted),
    }
}
