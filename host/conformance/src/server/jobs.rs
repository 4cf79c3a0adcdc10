//! Tools that run as tasks (MCP 2026-07-28, extension `io.modelcontextprotocol/tasks`).

use std::time::Duration;

use rmcp::{
    ErrorData,
    model::{CallToolResponse, CallToolResult, ClientCapabilities, CreateTaskResult, InputRequest},
    task_manager::{TaskContext, TaskExit, TaskManager, TaskOptions},
};
use serde_json::{Value, json};

use crate::{
    definitions::{from_json, result},
    plain::text,
    rounds::form,
};

/// What a job does.
pub(crate) enum Job {
    /// Counts this long.
    Compute(Duration),
    /// Fails as tools do.
    Fail,
    /// Fails as a server does.
    Break,
    /// Waits for the user's yes to deleting this file.
    Confirm(String),
    /// Waits for two answers of the user.
    TwoAnswers,
    /// Greets somebody.
    Greet(String),
}

/// How long a failing job takes to fail.
const A_WHILE: Duration = Duration::from_secs(1);

/// The longest that anyone can make us count.
const LONGEST: Duration = Duration::from_secs(600);

/// How long clients are told to wait between two questions after a task.
const POLL_MS: u64 = 100;

impl Job {
    /// The job behind a tool; none if there is none.
    pub(crate) fn of(tool: &str, arguments: &Value) -> Option<Self> {
        let seconds = arguments.get("seconds").and_then(Value::as_f64).unwrap_or_default();
        Some(match tool {
            "slow_compute" => Self::Compute(Duration::try_from_secs_f64(seconds).unwrap_or_default().min(LONGEST)),
            "failing_job" => Self::Fail,
            "protocol_error_job" => Self::Break,
            "confirm_delete" => {
                Self::Confirm(arguments.get("filename").and_then(Value::as_str).unwrap_or_default().to_owned())
            }
            "multi_input" => Self::TwoAnswers,
            _ => return None,
        })
    }

    /// Runs it as a task if the client knows tasks, and at once if it does not, or there is nothing to wait for.
    ///
    /// # Errors
    /// `-32021` if the client knows no tasks and the job cannot do without.
    pub(crate) async fn begin(
        self,
        tasks: &TaskManager,
        client: &ClientCapabilities,
    ) -> Result<CallToolResponse, ErrorData> {
        match self {
            Self::Compute(Duration::ZERO) => text("Computed at once.").map(Into::into),
            Self::Compute(time) if !client.supports_tasks() => {
                tokio::time::sleep(time).await;
                text("Computed.").map(Into::into)
            }
            _ if !client.supports_tasks() => {
                let needed = ClientCapabilities::builder().enable_tasks().build();
                Err(ErrorData::missing_required_client_capability(needed))
            }
            job => {
                let options = TaskOptions::new().with_poll_interval_ms(POLL_MS);
                let task = tasks.spawn(options, |context| Box::pin(job.run(context)));
                Ok(CreateTaskResult::new(task).into())
            }
        }
    }

    async fn run(self, context: TaskContext) -> Result<CallToolResult, TaskExit> {
        match self {
            Self::Compute(time) => {
                pause(time, &context).await?;
                Ok(text("Computed.")?)
            }
            Self::Fail => {
                pause(A_WHILE, &context).await?;
                Ok(result(json!({
                    "content": [{"type": "text", "text": "This job always fails."}],
                    "isError": true,
                }))?)
            }
            Self::Break => {
                pause(A_WHILE, &context).await?;
                Err(TaskExit::Error(ErrorData::internal_error("this job always breaks down", None)))
            }
            Self::Confirm(file) => {
                let answer = context.request_input("confirm", question(&format!("Delete {file}?"))?).await?;
                Ok(text(&format!("{file}: {answer}"))?)
            }
            Self::TwoAnswers => {
                let one = context.request_input("first", question("The first?")?);
                let other = context.request_input("second", question("The second?")?);
                let (one, other) = tokio::try_join!(one, other)?;
                Ok(text(&format!("{one} and {other}"))?)
            }
            Self::Greet(name) => Ok(text(&format!("Hello, {name}!"))?),
        }
    }
}

/// Waits, unless the task is cancelled.
async fn pause(time: Duration, context: &TaskContext) -> Result<(), TaskExit> {
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(()),
        () = context.cancelled() => Err(TaskExit::Cancelled),
    }
}

fn question(message: &str) -> Result<InputRequest, TaskExit> {
    Ok(from_json(form(message, "confirm", "boolean"))?)
}
