//! The fold of all `tool.*` events. Pure.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{
    call::ToolName,
    journal::{Event, Fold, Hash, JournalError, body, kind},
    scope::canonical,
};

/// One definition of one tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// SHA-256 of its canonical JSON, as hexadecimal digits.
    pub digest: Arc<str>,
    /// The MCP `Tool` object, as the journal keeps it: one that is too large is cut.
    pub content: Arc<Value>,
}

impl Definition {
    /// The whole definition; none if the journal keeps only a part of it.
    pub fn whole(&self) -> Option<Arc<Value>> {
        (Hash::of(canonical(&self.content).as_bytes()).to_string() == *self.digest).then(|| Arc::clone(&self.content))
    }
}

/// What is known of one tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Pin {
    /// Which tool.
    pub tool: ToolName,
    /// The definition that counts: the first that was seen, or the last that was accepted.
    pub pinned: Definition,
    /// Another one that its server has shown since, and that nobody has accepted.
    pub waiting: Option<Definition>,
    /// How often it has changed since the pinned definition was pinned.
    pub changes: u32,
}

/// How a tool's definition of this moment stands to the pinned one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has seen the tool before.
    New,
    /// It is the pinned one.
    Pinned,
    /// It is another one: the tool is held back.
    Changed,
}

impl Standing {
    /// The word for it in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Pinned => "pinned",
            Self::Changed => "changed",
        }
    }
}

/// Every tool that was ever seen, as the events so far tell it.
#[derive(Clone, Debug, Default)]
pub struct Book {
    pins: BTreeMap<String, Pin>,
    revision: u64,
}

impl Fold for Book {
    const KINDS: &'static str = "tool.*";

    fn apply(&mut self, event: &Event) -> Result<(), JournalError> {
        if !matches!(event.kind.as_str(), kind::TOOL_PINNED | kind::TOOL_CHANGED | kind::TOOL_ACCEPTED) {
            return Ok(());
        }
        let body::Defined { tool, definition, content } = event.read()?;
        let seen = Definition { digest: definition.into(), content: Arc::new(content) };
        let name = tool.as_str().to_owned();
        match (event.kind.as_str(), self.pins.get_mut(&name)) {
            (kind::TOOL_CHANGED, Some(pin)) => {
                pin.waiting = (seen.digest != pin.pinned.digest).then_some(seen);
                pin.changes = pin.changes.saturating_add(1);
            }
            // The first sight counts; and what was never seen cannot have changed.
            (kind::TOOL_PINNED, Some(_)) | (kind::TOOL_CHANGED, None) => return Ok(()),
            (_, _) => {
                self.pins.insert(name, Pin { tool, pinned: seen, waiting: None, changes: 0 });
            }
        }
        self.revision += 1;
        Ok(())
    }
}

impl Book {
    /// How a tool with a definition of this digest stands.
    pub fn standing(&self, tool: &ToolName, digest: &str) -> Standing {
        match self.get(tool) {
            None => Standing::New,
            Some(pin) if *pin.pinned.digest == *digest => Standing::Pinned,
            Some(_) => Standing::Changed,
        }
    }

    /// What is known of a tool.
    pub fn get(&self, tool: &ToolName) -> Option<&Pin> {
        self.pins.get(tool.as_str())
    }

    /// Every tool that was ever seen, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Pin> {
        self.pins.values()
    }

    /// How many tools of a server were ever seen.
    pub fn of_server(&self, server: &str) -> usize {
        let begins = format!("{server}/");
        self.pins.range(begins.clone()..).take_while(|(name, _)| name.starts_with(&begins)).count()
    }

    /// A number that is another one after each event that changed something.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{clock::Timestamp, journal::Sequence};

    fn event(nth: u64, kind: &str, tool: u8, version: u8) -> Event {
        let tool = ToolName::new("s", &format!("t{tool}"));
        let content = json!({"name": tool.tool(), "description": version});
        let definition = Hash::of(canonical(&content).as_bytes()).to_string();
        Event {
            seq: Sequence(nth + 1),
            at: Timestamp(0),
            actor: String::new(),
            kind: kind.to_owned(),
            subject: tool.to_string(),
            body: Arc::new(serde_json::to_value(body::Defined { tool, definition, content }).unwrap()),
            prev: Hash::default(),
            hash: Hash::default(),
            change: None,
        }
    }

    /// Which version of a tool counts, told by going over everything that happened to it, backwards.
    fn reference(steps: &[(&str, u8, u8)], tool: u8) -> (Option<u8>, Option<u8>) {
        let own: Vec<_> = steps.iter().filter(|(_, of, _)| *of == tool).collect();
        let accepted = own.iter().rposition(|(kind, ..)| *kind == kind::TOOL_ACCEPTED);
        let Some(begins) = accepted.or_else(|| own.iter().position(|(kind, ..)| *kind == kind::TOOL_PINNED)) else {
            return (None, None);
        };
        let counts = own[begins].2;
        let changed =
            own[begins..].iter().rfind(|(kind, ..)| *kind == kind::TOOL_CHANGED).map(|(.., version)| *version);
        (Some(counts), changed.filter(|version| *version != counts))
    }

    proptest! {
        #[test]
        fn the_fold_says_of_each_tool_what_its_history_says(
            steps in proptest::collection::vec(
                (prop_oneof![Just(kind::TOOL_PINNED), Just(kind::TOOL_CHANGED), Just(kind::TOOL_ACCEPTED),
                    Just(kind::CALL_REFUSED)], 0..3_u8, 0..3_u8),
                0..24,
            )
        ) {
            let mut book = Book::default();
            for (nth, (kind, tool, version)) in steps.iter().enumerate() {
                book.apply(&event(nth as u64, kind, *tool, *version)).unwrap();
            }
            for tool in 0..3 {
                let pin = book.get(&ToolName::new("s", &format!("t{tool}")));
                let version = |it: &Definition| it.whole().unwrap()["description"].as_u64().unwrap() as u8;
                let told = (pin.map(|pin| version(&pin.pinned)), pin.and_then(|pin| pin.waiting.as_ref().map(version)));
                prop_assert_eq!(told, reference(&steps, tool), "tool {}", tool);
            }
        }
    }

    #[test]
    fn a_definition_that_was_cut_is_not_taken_for_the_whole() {
        let cut = Definition { digest: "00".into(), content: Arc::new(json!({"truncated": {"bytes": 70_000}})) };
        assert_eq!(cut.whole(), None);
    }

    #[test]
    fn tools_are_counted_by_server_and_not_by_what_their_names_begin_with() {
        let mut book = Book::default();
        for (nth, server) in ["s", "s2", "s", "t"].into_iter().enumerate() {
            let mut event = event(nth as u64, kind::TOOL_PINNED, nth as u8, 0);
            let body = body::Defined {
                tool: ToolName::new(server, &format!("t{nth}")),
                definition: String::new(),
                content: json!({}),
            };
            event.body = Arc::new(serde_json::to_value(body).unwrap());
            book.apply(&event).unwrap();
        }
        assert_eq!((book.of_server("s"), book.of_server("s2"), book.of_server("none")), (2, 1, 0));
    }
}
