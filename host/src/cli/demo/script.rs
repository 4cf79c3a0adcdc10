//! The steps of the demonstrations: what was expected of each, what came, and whether that is the same.

use std::{
    env, fmt,
    io::{self, IsTerminal as _},
};

use serde::Serialize;
use serde_json::Value;

use super::client::{Client, Told};
use crate::cli::{
    error::{Failure, Kind},
    output::{print, print_json},
};

const BOLD: &str = "\x1b[1m";
const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const PLAIN: &str = "\x1b[0m";

/// One step.
#[derive(Debug, Serialize)]
struct Step {
    story: &'static str,
    step: &'static str,
    /// What was done: a call, or a command.
    done: String,
    expected: String,
    came: String,
    ok: bool,
}

/// What a call should come to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    /// The tool did it.
    Success,
    /// A policy refused it, with this code.
    Refused(&'static str),
    /// A policy refused it, with this code, and said that this tool must be called first.
    Unlocked(&'static str, &'static str),
}

impl Expected {
    /// Whether a call came to that.
    pub(super) fn fits(self, told: &Told) -> bool {
        match self {
            Self::Success => told.succeeded(),
            Self::Refused(code) => told.refused_with(code).is_some(),
            Self::Unlocked(code, tool) => told.refused_with(code).is_some_and(|refusal| {
                let unlocks = refusal.get("unlocks").and_then(Value::as_array);
                unlocks.into_iter().flatten().any(|unlock| unlock.get("call").is_some_and(|call| call == tool))
            }),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => write!(f, "it goes through"),
            Self::Refused(code) => write!(f, "refused with {code}"),
            Self::Unlocked(code, tool) => write!(f, "refused with {code}; {tool} would unlock it"),
        }
    }
}

/// Steps as they happen, printed at once unless they are to be JSON.
#[derive(Debug)]
pub(super) struct Script {
    json: bool,
    colours: bool,
    story: &'static str,
    steps: Vec<Step>,
}

impl Script {
    /// Nothing has happened yet.
    pub(super) fn new(json: bool) -> Self {
        let colours = io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { json, colours, story: "", steps: Vec::new() }
    }

    /// Begins a story.
    ///
    /// # Errors
    /// If standard output cannot be written to.
    pub(super) fn story(&mut self, name: &'static str, about: &str) -> Result<(), Failure> {
        self.story = name;
        self.show(&format!("{}\n{about}\n\n", self.paint(BOLD, &format!("== {name} =="))))
    }

    /// Makes a call and notes what came of it.
    ///
    /// # Errors
    /// If there was no answer, or standard output cannot be written to.
    pub(super) async fn call(
        &mut self,
        client: &Client,
        step: &'static str,
        (tool, arguments): (&str, Value),
        expected: Expected,
    ) -> Result<Told, Failure> {
        let done = format!("{tool} {arguments}");
        let told = client.call(tool, arguments).await?;
        self.note(step, done, expected.to_string(), told.text.clone(), expected.fits(&told))?;
        Ok(told)
    }

    /// Notes a step.
    ///
    /// # Errors
    /// If standard output cannot be written to.
    pub(super) fn note(
        &mut self,
        step: &'static str,
        done: impl Into<String>,
        expected: impl Into<String>,
        came: impl Into<String>,
        ok: bool,
    ) -> Result<(), Failure> {
        let step =
            Step { story: self.story, step, done: done.into(), expected: expected.into(), came: came.into(), ok };
        let mark = if ok { self.paint(GREEN, "ok  ") } else { self.paint(RED, "FAIL") };
        let came = step.came.trim_end().replace('\n', "\n                ");
        let text = format!(
            "{mark}  {}\n      done      {}\n      expected  {}\n      came      {came}\n\n",
            self.paint(BOLD, step.step),
            step.done,
            step.expected
        );
        self.steps.push(step);
        self.show(&text)
    }

    /// Prints the sum.
    ///
    /// # Errors
    /// If a step went otherwise than told, or standard output cannot be written to.
    pub(super) fn end(&self) -> Result<(), Failure> {
        if self.json {
            print_json(&serde_json::to_value(&self.steps).unwrap_or_default())?;
        }
        let wrong = self.steps.iter().filter(|step| !step.ok).count();
        if wrong > 0 {
            let message = format!("{wrong} of {} steps went otherwise than told", self.steps.len());
            return Err(Failure::new(Kind::Failed, message));
        }
        self.show(&format!("{} steps, each as told.\n", self.steps.len()))
    }

    fn show(&self, text: &str) -> Result<(), Failure> {
        if self.json { Ok(()) } else { print(text) }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colours { format!("{colour}{text}{PLAIN}") } else { text.to_owned() }
    }
}
