//! Typed tools: a handler, and what is told of it.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Context, Toolset};
use crate::{Fault, Problem, ToolDefinition, ToolResult, settings};

/// What a handler gives back: text for the model, and the value that becomes `structuredContent`.
pub struct Answer<R> {
    text: String,
    value: R,
}

impl<R> Answer<R> {
    /// An answer; `value` must serialise to a JSON object.
    pub fn new(text: impl Into<String>, value: R) -> Self {
        Self { text: text.into(), value }
    }
}

/// Why a tool gives no answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ToolError {
    /// The tool failed; the model reads why (`isError`).
    Failed(String),
    /// The toolset itself cannot go on; the operator reads why.
    Fault(Fault),
}

impl ToolError {
    /// The tool failed; the text is for the model and, for bad arguments, names the field.
    pub fn failed(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }
}

impl From<Fault> for ToolError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

type Run<S> = dyn Fn(&S, &str, &Context<'_>) -> Result<ToolResult, ToolError>;

/// One tool: what is told of it, and the handler that runs it.
///
/// The schemas come from the handler's types. Arguments that do not fit are answered with an `isError` result that
/// names each field at fault; the handler never sees them.
pub struct Tool<S> {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    hints: &'static [&'static str],
    input: fn() -> serde_json::Value,
    output: fn() -> serde_json::Value,
    run: Box<Run<S>>,
}

impl<S: 'static> Tool<S> {
    /// A tool whose handler takes `A` and answers `R`, both of which serialise as JSON objects.
    pub fn new<A, R>(name: &'static str, run: fn(&S, A, &Context<'_>) -> Result<Answer<R>, ToolError>) -> Self
    where
        A: DeserializeOwned + JsonSchema + 'static,
        R: Serialize + JsonSchema + 'static,
    {
        let run = move |set: &S, arguments: &str, context: &Context<'_>| {
            let arguments = settings::read(arguments).map_err(|problems| ToolError::Failed(told(&problems)))?;
            let answer = run(set, arguments, context)?;
            let structured = serde_json::to_string(&answer.value)
                .map_err(|error| Fault::new("answer_not_json", error.to_string()))?;
            Ok(ToolResult { text: answer.text, structured: Some(structured), is_error: false })
        };
        Self {
            name,
            title: name,
            description: "",
            hints: &[],
            input: settings::schema::<A>,
            output: settings::output_schema::<R>,
            run: Box::new(run),
        }
    }

    /// Sets the title, for people.
    #[must_use]
    pub fn title(mut self, title: &'static str) -> Self {
        self.title = title;
        self
    }

    /// Sets the description, for models.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Sets the hints that hold: `read_only`, `destructive`, `idempotent`, `open_world`.
    #[must_use]
    pub fn hints(mut self, hints: &'static [&'static str]) -> Self {
        self.hints = hints;
        self
    }

    /// What the AI app is told.
    pub fn definition(&self) -> ToolDefinition {
        ToolDefinition {
            name: self.name.to_owned(),
            title: self.title.to_owned(),
            description: self.description.to_owned(),
            input_schema: (self.input)().to_string(),
            output_schema: Some((self.output)().to_string()),
            hints: self.hints.iter().map(|&hint| hint.to_owned()).collect(),
        }
    }
}

/// Bad arguments, for the model: each field by its JSON Pointer.
fn told(problems: &[Problem]) -> String {
    let each = problems.iter().map(|problem| match problem.pointer.as_str() {
        "" => problem.message.clone(),
        pointer => format!("{pointer}: {}", problem.message),
    });
    format!("Bad arguments. {}", each.collect::<Vec<_>>().join("; "))
}

/// Runs one tool of a set; the export macro and `testing` call it.
///
/// # Errors
/// A fault of the handler, or `unknown_tool`.
#[doc(hidden)]
pub fn run<S: Toolset + 'static>(
    set: &S,
    tool: &str,
    arguments: &str,
    context: &Context<'_>,
) -> Result<ToolResult, Fault> {
    let tools = set.tools();
    let found = tools.iter().find(|candidate| candidate.name == tool);
    let found = found.ok_or_else(|| Fault::new("unknown_tool", format!("this set has no tool `{tool}`")))?;
    match set.before(tool, context).and_then(|()| (found.run)(set, arguments, context)) {
        Ok(result) => Ok(result),
        Err(ToolError::Failed(text)) => Ok(ToolResult { text, structured: None, is_error: true }),
        Err(ToolError::Fault(fault)) => Err(fault),
    }
}
