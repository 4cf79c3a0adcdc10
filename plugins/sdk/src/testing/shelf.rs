//! A store for toolsets in tests: the host's promises, in memory.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use serde_json::Value;

use super::{NOW, calls::caller};
use crate::{CallContext, Context, Fault, Level, Problem, ToolHost, ToolResult, Toolset, settings, toolset};

/// Keys and values, the delays asked for, and the lines logged. Lives as long as a test wants it to.
#[derive(Debug, Default)]
pub struct Shelf {
    keys: RefCell<BTreeMap<String, String>>,
    delayed: Cell<u64>,
    lines: RefCell<Vec<String>>,
    calls: Cell<u64>,
}

impl Shelf {
    /// Configures a toolset as the host would.
    ///
    /// # Errors
    /// What the host would show to the operator.
    pub fn configure<S: Toolset>(settings: &Value) -> Result<S, Vec<Problem>> {
        S::configure(settings::read(&settings.to_string())?)
    }

    /// Calls a tool, as `local` at [`NOW`]; each call has an id of its own (`call-1`, `call-2`, …).
    ///
    /// # Errors
    /// A fault of the toolset, `unknown_tool`, or `not_its_schema` if the answer does not fit the tool's output schema.
    pub fn call<S: Toolset + 'static>(&self, set: &S, tool: &str, arguments: &Value) -> Result<ToolResult, Fault> {
        self.calls.set(self.calls.get() + 1);
        let context = CallContext {
            id: format!("call-{}", self.calls.get()),
            caller: caller("local", &[]),
            session: "session".to_owned(),
            received: NOW,
        };
        let result = toolset::run(set, tool, &arguments.to_string(), &Context::new(&context, self))?;
        let definition = set.tools().iter().map(crate::Tool::definition).find(|definition| definition.name == tool);
        if let (Some(text), Some(schema)) = (&result.structured, definition.and_then(|found| found.output_schema)) {
            let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
            let wrong = settings::check(&parse(&schema), &parse(text));
            if !wrong.is_empty() || !parse(text).is_object() {
                return Err(Fault::new("not_its_schema", format!("{text}: {wrong:?}")));
            }
        }
        Ok(result)
    }

    /// Milliseconds of delay that tools have asked for so far.
    pub fn delayed_ms(&self) -> u64 {
        self.delayed.get()
    }

    /// The lines logged so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }
}

impl ToolHost for Shelf {
    fn get(&self, key: &str) -> Option<String> {
        self.keys.borrow().get(key).cloned()
    }

    fn set(&self, key: &str, value: &str) -> Result<(), Fault> {
        let new = !self.keys.borrow().contains_key(key);
        if key.len() > 512 || value.len() > 64 * 1024 || (new && self.keys.borrow().len() >= 10_000) {
            return Err(Fault::new("store_full", "a key, a value or the number of keys is over its limit"));
        }
        self.keys.borrow_mut().insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    fn list(&self, prefix: &str, limit: u32) -> Vec<String> {
        let keys = self.keys.borrow();
        keys.keys().filter(|key| key.starts_with(prefix)).take(limit.min(1000) as usize).cloned().collect()
    }

    fn delete(&self, key: &str) -> bool {
        self.keys.borrow_mut().remove(key).is_some()
    }

    fn increment(&self, key: &str, by: i64) -> Result<i64, Fault> {
        let old = self.get(key).map_or(Ok(0), |text| text.parse::<i64>());
        let new = old.ok().and_then(|old| old.checked_add(by));
        let new = new.ok_or_else(|| Fault::new("not_a_counter", format!("`{key}` is no counter, or is at its end")))?;
        self.set(key, &new.to_string())?;
        Ok(new)
    }

    fn delay(&self, milliseconds: u32) {
        self.delayed.set(self.delayed.get() + u64::from(milliseconds));
    }

    fn log(&self, _: Level, message: &str) {
        self.lines.borrow_mut().push(message.to_owned());
    }
}
