//! The stops in force, as the events so far tell it.

use std::collections::BTreeMap;

use interlock_glob::Glob;
use serde::Serialize;

use crate::{
    call::ToolName,
    clock::Timestamp,
    journal::{Event, Fold, JournalError, body, kind},
};

/// One stop: the calls that it suspends, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stop {
    /// Its id.
    pub id: String,
    /// Pattern of `server/tool`; none: every tool.
    pub tools: Option<String>,
    /// Whose calls; none: everyone's.
    pub principal: Option<String>,
    /// Why, in the operator's words.
    pub reason: String,
    /// Who ordered it.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
}

impl Stop {
    /// Whether it suspends a principal's calls of a tool.
    pub fn suspends(&self, tool: &ToolName, principal: &str) -> bool {
        self.tools.as_ref().is_none_or(|tools| Glob::new(tools).matches(tool.as_str()))
            // A capital letter makes nobody another, least of all where somebody is to be stopped.
            && self.principal.as_ref().is_none_or(|whose| whose.to_lowercase() == principal.to_lowercase())
    }

    /// What an event orders; none if it is of another kind.
    pub(super) fn ordered(event: &Event) -> Result<Option<Self>, JournalError> {
        if event.kind != kind::STOP_ORDERED {
            return Ok(None);
        }
        let body::StopOrdered { tools, principal, reason } = event.read()?;
        let (id, by, at) = (event.subject.clone(), event.actor.clone(), event.at);
        Ok(Some(Self { id, tools, principal, reason, by, at }))
    }
}

/// All stops in force, by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Book(BTreeMap<String, Stop>);

impl Fold for Book {
    const KINDS: &'static str = "stop.*";

    fn apply(&mut self, event: &Event) -> Result<(), JournalError> {
        if let Some(stop) = Stop::ordered(event)? {
            self.0.insert(stop.id.clone(), stop);
        } else if event.kind == kind::STOP_LIFTED {
            self.0.remove(&event.subject);
        }
        Ok(())
    }
}

impl Book {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Stop> {
        self.0.values()
    }
}
