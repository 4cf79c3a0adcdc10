//! Seeing, holding against what is pinned, and accepting: the fold kept up to date with the journal.

use serde_json::Value;

use super::{Book, Definition, Pin, Standing};
use crate::{
    call::ToolName,
    journal::{Committed, Draft, Event, Follower, Guard, Journal, JournalError, Sequence, body, kind},
};

/// Most tools of one server that are pinned without being asked about: a server cannot fill the journal with names.
const MOST_TOOLS: usize = 4096;
/// Most changes of one tool that are recorded between two acceptances. It is held back all the same.
const MOST_CHANGES: u32 = 16;

/// A definition that a server shows.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    /// Which tool.
    pub tool: &'a ToolName,
    /// SHA-256 of the definition's canonical JSON, as hexadecimal digits.
    pub digest: &'a str,
    /// The MCP `Tool` object.
    pub content: &'a Value,
}

/// What came of accepting a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Acceptance {
    /// It is the pinned one from now on.
    Done,
    /// Something happened to the tool at the same moment; nothing was recorded.
    Overtaken,
}

/// The pinned definitions of one journal. Clones share everything.
#[derive(Clone, Debug)]
pub struct Pins(Follower<Book>);

impl Pins {
    /// The definitions pinned in this journal.
    pub fn new(journal: Journal) -> Self {
        Self(Follower::new(journal))
    }

    /// How a tool's definition stands, by everything that this process knows of the journal, and as of which position.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn standing(&self, tool: &ToolName, digest: &str) -> Result<(Standing, Sequence), JournalError> {
        self.0.catch_up().await?;
        Ok(self.0.look(|book, upto| (book.standing(tool, digest), upto)))
    }

    /// The definition that is pinned for a tool.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn pinned(&self, tool: &ToolName) -> Result<Option<Definition>, JournalError> {
        self.0.catch_up().await?;
        Ok(self.0.look(|book, _| book.get(tool).map(|pin| pin.pinned.clone())))
    }

    /// Every tool that was ever seen, by name, as the journal has it now.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn list(&self) -> Result<Vec<Pin>, JournalError> {
        self.0.refresh().await?;
        Ok(self.0.look(|book, _| book.iter().cloned().collect()))
    }

    /// Takes note of what servers show: pins what nobody has seen before, and records what is not as it was.
    ///
    /// # Errors
    /// If the journal cannot be read or written.
    pub async fn sight(&self, sighted: &[Sighting<'_>]) -> Result<(), JournalError> {
        loop {
            self.0.refresh().await?;
            let (drafts, since) = self.0.look(|book, upto| news(book, sighted).map(|news| (news, upto)))?;
            if drafts.is_empty() {
                return Ok(());
            }
            let subjects: Vec<String> = drafts.iter().map(|draft| draft.subject.clone()).collect();
            match self.0.journal().commit(drafts, touching(subjects, since)).await? {
                Committed::At(_) => return Ok(()),
                Committed::Conflict => {}
            }
        }
    }

    /// Makes a definition the pinned one, unless something has happened to the tool since `seen` was listed.
    ///
    /// # Errors
    /// If the journal cannot be read or written.
    pub async fn accept(&self, seen: &Pin, definition: &Definition, by: &str) -> Result<Acceptance, JournalError> {
        self.0.refresh().await?;
        let since = self.0.look(|book, upto| (book.get(&seen.tool) == Some(seen)).then_some(upto));
        let Some(since) = since else { return Ok(Acceptance::Overtaken) };
        let Definition { digest, content } = definition;
        let draft = defined(kind::TOOL_ACCEPTED, by, &seen.tool, digest, content)?;
        let guard = touching(vec![seen.tool.to_string()], since);
        Ok(match self.0.journal().commit(vec![draft], guard).await? {
            Committed::At(_) => Acceptance::Done,
            Committed::Conflict => Acceptance::Overtaken,
        })
    }

    /// Waits until something has changed since this revision, whoever did it, and returns the new one.
    pub async fn moved(&self, since: u64) -> u64 {
        let mut changes = self.0.journal().changes();
        loop {
            // Marked as seen first: what happens after this look wakes us.
            changes.borrow_and_update();
            if let Err(error) = self.0.catch_up().await {
                tracing::warn!(%error, "the pinned definitions could not be read");
            }
            let revision = self.0.look(|book, _| book.revision());
            if revision != since {
                return revision;
            }
            if changes.changed().await.is_err() {
                // The journal is closed: nothing will change any more.
                return std::future::pending().await;
            }
        }
    }
}

/// A guard that is disturbed when another definition of the tool is pinned.
pub fn untouched(tool: ToolName, since: Sequence) -> Guard {
    Guard {
        since,
        disturbed_by: Box::new(move |event: &Event| {
            matches!(event.kind.as_str(), kind::TOOL_PINNED | kind::TOOL_ACCEPTED) && event.subject == tool.as_str()
        }),
    }
}

fn touching(tools: Vec<String>, since: Sequence) -> Guard {
    Guard {
        since,
        disturbed_by: Box::new(move |event: &Event| event.kind.starts_with("tool.") && tools.contains(&event.subject)),
    }
}

/// What there is to say of these definitions.
fn news(book: &Book, sighted: &[Sighting<'_>]) -> Result<Vec<Draft>, JournalError> {
    let mut drafts = Vec::new();
    let mut pinned = 0;
    for Sighting { tool, digest, content } in sighted {
        let word = match (book.standing(tool, digest), book.get(tool)) {
            (Standing::New, _) if book.of_server(tool.server()) + pinned < MOST_TOOLS => {
                pinned += 1;
                kind::TOOL_PINNED
            }
            (Standing::Changed, Some(pin)) if waits_for_another(pin, digest) && pin.changes < MOST_CHANGES => {
                kind::TOOL_CHANGED
            }
            // It is what it was before, so nothing waits to be accepted.
            (Standing::Pinned, Some(pin)) if pin.waiting.is_some() && pin.changes < MOST_CHANGES => kind::TOOL_CHANGED,
            (Standing::New | Standing::Changed | Standing::Pinned, _) => continue,
        };
        drafts.push(defined(word, "interlock", tool, digest, content)?);
    }
    Ok(drafts)
}

fn waits_for_another(pin: &Pin, digest: &str) -> bool {
    pin.waiting.as_ref().is_none_or(|waiting| *waiting.digest != *digest)
}

fn defined(kind: &str, by: &str, tool: &ToolName, digest: &str, content: &Value) -> Result<Draft, JournalError> {
    let body = body::Defined { tool: tool.clone(), definition: digest.to_owned(), content: content.clone() };
    Draft::new(by, kind, tool.as_str(), &body)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::{clock::Timestamp, journal::Hash};

    #[test]
    fn an_admission_is_disturbed_when_another_definition_of_its_tool_is_pinned_and_by_nothing_else() {
        let tool = ToolName::new("s", "t");
        let guard = untouched(tool, Sequence(1));
        let disturbed = |kind: &str, subject: &str| {
            (guard.disturbed_by)(&Event {
                seq: Sequence(2),
                at: Timestamp(0),
                actor: String::new(),
                kind: kind.to_owned(),
                subject: subject.to_owned(),
                body: Arc::new(json!({})),
                prev: Hash::default(),
                hash: Hash::default(),
                change: None,
            })
        };
        assert!(disturbed(kind::TOOL_ACCEPTED, "s/t") && disturbed(kind::TOOL_PINNED, "s/t"));
        assert!(!disturbed(kind::TOOL_ACCEPTED, "s/u") && !disturbed(kind::TOOL_CHANGED, "s/t"));
        assert!(!disturbed(kind::CALL_FINISHED, "s/t"));
    }
}
