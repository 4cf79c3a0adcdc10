//! Ordering and lifting stops, and asking whether one suspends a call.

use uuid::Uuid;

use super::{Stop, book::Book};
use crate::{
    call::Call,
    journal::{Draft, Event, Follower, Guard, Journal, JournalError, body, kind},
};

/// Most characters of a reason: models read it.
const LONGEST_REASON: usize = 500;

/// Why a stop could not be ordered or lifted.
#[derive(Debug, thiserror::Error)]
pub enum StopsError {
    /// The journal could not be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Nobody would know why.
    #[error("a stop needs a reason, of at most {LONGEST_REASON} characters and without control characters")]
    NoReason,
    /// There is none in force with this id.
    #[error("no stop `{0}` is in force")]
    NotFound(String),
}

/// The stops of one journal. Clones share everything.
#[derive(Clone, Debug)]
pub struct Stops(Follower<Book>);

impl Stops {
    /// The stops in this journal.
    pub fn new(journal: Journal) -> Self {
        Self(Follower::new(journal))
    }

    /// Suspends calls: those of tools that fit the pattern, by this principal; without either, all. From the moment that
    /// this returns, no such call is admitted in any process.
    ///
    /// # Errors
    /// If there is no reason, or it cannot be put on record.
    pub async fn order(
        &self,
        by: &str,
        tools: Option<&str>,
        principal: Option<&str>,
        reason: &str,
    ) -> Result<Stop, StopsError> {
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > LONGEST_REASON || reason.chars().any(char::is_control) {
            return Err(StopsError::NoReason);
        }
        let id = Uuid::now_v7().to_string();
        let ordered = body::StopOrdered {
            tools: tools.map(str::to_owned),
            principal: principal.map(str::to_owned),
            reason: reason.to_owned(),
        };
        self.0.journal().append(vec![Draft::new(by, kind::STOP_ORDERED, &id, &ordered)?]).await?;
        self.list().await?.into_iter().find(|stop| stop.id == id).ok_or(StopsError::NotFound(id))
    }

    /// All that are in force, oldest first.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn list(&self) -> Result<Vec<Stop>, StopsError> {
        self.0.refresh().await?;
        Ok(self.0.look(|book, _| book.iter().cloned().collect()))
    }

    /// Lifts the stops with these ids.
    ///
    /// # Errors
    /// If one of them is not in force, or it cannot be put on record. Nothing is lifted then.
    pub async fn lift(&self, by: &str, ids: &[String]) -> Result<(), StopsError> {
        let all = self.list().await?;
        if let Some(unknown) = ids.iter().find(|id| all.iter().all(|stop| stop.id != **id)) {
            return Err(StopsError::NotFound(unknown.clone()));
        }
        let lifted = |id: &String| Draft::new(by, kind::STOP_LIFTED, id, &body::StopLifted::default());
        self.0.journal().append(ids.iter().map(lifted).collect::<Result<_, _>>()?).await?;
        Ok(())
    }

    /// The stop that suspends a call, by everything that this process knows of the journal; or, if there is none, a guard
    /// that holds for as long as that is so.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn suspending(&self, call: &Call) -> Result<Result<Guard, Box<Stop>>, JournalError> {
        self.0.catch_up().await?;
        Ok(self.0.look(|book, since| {
            match book.iter().find(|stop| stop.suspends(&call.tool, &call.caller.principal)) {
                Some(stop) => Err(Box::new(stop.clone())),
                None => {
                    let (tool, principal) = (call.tool.clone(), call.caller.principal.clone());
                    let suspends = move |event: &Event| match Stop::ordered(event) {
                        Ok(stop) => stop.is_some_and(|stop| stop.suspends(&tool, &principal)),
                        // Whatever it orders, it is to be looked at.
                        Err(_) => true,
                    };
                    Ok(Guard { since, disturbed_by: Box::new(suspends) })
                }
            }
        }))
    }
}
