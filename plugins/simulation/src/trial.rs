//! A toolset and a store to try it on, for the tests of the simulated toolsets.

use interlock_plugin::guest::run_tool;
use interlock_plugin::prelude::*;
use interlock_plugin::testing::{NOW, Shelf};
use interlock_plugin::{CallContext, Caller, ToolDefinition};

/// One configured set with a store of its own.
pub struct Trial<S> {
    set: S,
    shelf: Shelf,
}

impl<S: Toolset + 'static> Trial<S> {
    /// The set with its standard settings.
    pub fn new() -> Self {
        Self::with(&json!({}))
    }

    /// The set with some settings.
    ///
    /// # Panics
    /// If it refuses them.
    pub fn with(settings: &Value) -> Self {
        let set = Shelf::configure(settings).unwrap_or_else(|problems| panic!("settings refused: {problems:?}"));
        Self { set, shelf: Shelf::default() }
    }

    /// What a tool answers, as structured content.
    ///
    /// # Panics
    /// If the tool fails, or answers what does not fit its output schema.
    pub fn answer(&self, tool: &str, arguments: Value) -> Value {
        let result = self.shelf.call(&self.set, tool, &arguments).unwrap_or_else(|fault| panic!("{tool}: {fault:?}"));
        assert!(!result.is_error, "{tool}: {}", result.text);
        read(result.structured)
    }

    /// As [`answer`](Self::answer), some milliseconds later.
    ///
    /// # Panics
    /// If the tool fails.
    pub fn answer_after(&self, milliseconds: u64, tool: &str, arguments: Value) -> Value {
        let call = CallContext {
            id: "later".to_owned(),
            caller: Caller { principal: "local".to_owned(), roles: Vec::new() },
            session: "session".to_owned(),
            received: NOW + milliseconds,
        };
        let result = run_tool(&self.set, tool, &arguments.to_string(), &Context::new(&call, &self.shelf));
        read(result.unwrap_or_else(|fault| panic!("{tool}: {fault:?}")).structured)
    }

    /// What a tool says when it cannot do as asked.
    ///
    /// # Panics
    /// If it can.
    pub fn complaint(&self, tool: &str, arguments: Value) -> String {
        let result = self.shelf.call(&self.set, tool, &arguments).unwrap_or_else(|fault| panic!("{tool}: {fault:?}"));
        assert!(result.is_error && result.structured.is_none(), "{tool}: {}", result.text);
        result.text
    }

    /// Milliseconds that the tools have asked to wait so far.
    pub fn delayed_ms(&self) -> u64 {
        self.shelf.delayed_ms()
    }

    /// Checks what every set promises of its tools: these names, with a title, a description, and objects as schemas.
    ///
    /// # Panics
    /// If that is not so.
    pub fn offers(&self, names: &[&str]) {
        let tools: Vec<ToolDefinition> = self.set.tools().iter().map(Tool::definition).collect();
        assert_eq!(tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), names);
        for tool in tools {
            assert!(
                tool.title != tool.name && tool.description.ends_with('.'),
                "{} does not say what it is",
                tool.name
            );
            for schema in [read(Some(tool.input_schema)), read(tool.output_schema)] {
                assert_eq!(schema["type"], "object", "{}: {schema}", tool.name);
            }
        }
    }
}

impl<S: Toolset + 'static> Default for Trial<S> {
    fn default() -> Self {
        Self::new()
    }
}

fn read(text: Option<String>) -> Value {
    text.and_then(|text| interlock_plugin::serde_json::from_str(&text).ok()).unwrap_or_default()
}
