//! Steps 7 to 9 of the line: the permit is spent, what came back is recorded and handed on.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Answer, Mediator, Refused, records, refusing, request::Identified};
use crate::{
    call::{Call, Outcome},
    downstream::{Link, RpcError, ServerError, ToolServer, task_id},
    journal::{JournalError, Permit},
    policy::{Review, Reviewed},
    verdict::Refusal,
};

/// What became of a call that was admitted.
pub(super) struct Ended {
    outcome: Outcome,
    /// What came back, as the journal keeps it.
    result: Option<Value>,
    /// For the operator.
    reason: Option<String>,
    told: Told,
}

/// What the caller is told.
pub(super) enum Told {
    Result(Value),
    Refused(Refused),
    Error(RpcError),
}

impl Mediator {
    /// Spends the permit, and waits for the answer. A request that is dropped meanwhile loses nothing.
    pub(super) async fn send(&self, identified: Identified, permit: Permit, link: Link) -> Answer {
        let Identified { server, call, .. } = identified;
        let mediator = self.clone();
        let carrying = async move { mediator.carry_out(server, call, permit, link).await };
        self.parts().tasks.carry("call", carrying).await
    }

    async fn carry_out(&self, server: Arc<dyn ToolServer>, call: Call, permit: Permit, mut link: Link) -> Answer {
        let began = Instant::now();
        let id = call.id.clone();
        let room = self.parts().deferred.room_for(&mut link);
        let ended = match self.overtaken(&call) {
            // The permit is dropped: what was judged is not what would be called.
            Some(Refused { refusal, .. }) => {
                refused(Outcome::Cancelled, "the tool's definition changed before it was sent".to_owned(), refusal)
            }
            None => match server.call_tool(permit, link).await {
                Ok(result) => match (task_id(&result).map(str::to_owned), room) {
                    // The call is not finished: the task's end is its end.
                    (Some(task), Some(room)) => {
                        let result = self.defer(server, call, task, result, began, room);
                        return Answer::Result { call: id, result, replayed: false };
                    }
                    (Some(_) | None, _) => Ended::of(&call, Ok(result)),
                },
                Err(error) => Ended::of(&call, Err(error)),
            },
        };
        match self.conclude(&call, ended, began.elapsed()).await {
            Told::Result(result) => Answer::Result { call: id, result, replayed: false },
            Told::Error(error) => Answer::Error { call: id, error, replayed: false },
            Told::Refused(refused) => {
                let (refused, result) = self.refusal(&call, refused);
                Answer::Refused { call: id, refused, result, asks: Vec::new() }
            }
        }
    }

    /// Records how a call ended, and lets the policies look at its result. Returns what the caller may be told.
    pub(super) async fn conclude(&self, call: &Call, ended: Ended, took: Duration) -> Told {
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if let Err(error) = self.record_end(call, &ended, duration_ms).await {
            // It is tried again for as long as this process lives; what is open then is closed as unknown.
            tracing::error!(call.id = %call.id, %error, "the end of a call could not be recorded yet");
        }
        tracing::info!(call.id = %call.id, tool = %call.tool, outcome = %ended.outcome, duration_ms, "call finished");
        match ended.told {
            Told::Result(result) => self.reviewed(call, ended.outcome, result).await,
            told @ (Told::Refused(_) | Told::Error(_)) => told,
        }
    }

    /// A result as far as the policies let it pass.
    pub(super) async fn reviewed(&self, call: &Call, outcome: Outcome, result: Value) -> Told {
        if outcome == Outcome::InputRequired {
            return Told::Result(result);
        }
        let policies = self.policies();
        let (reviewed, reviews) = policies.review(call, outcome, &result).await;
        if let Err(error) = self.record_review(call, policies.digest(), &reviews).await {
            tracing::error!(call.id = %call.id, %error, "what became of a result could not be recorded");
        }
        match reviewed {
            Reviewed::Pass => Told::Result(result),
            Reviewed::Redacted(result) => Told::Result(result),
            Reviewed::Withheld(policy, refusal) => Told::Refused(Refused { policy, refusal }),
        }
    }

    /// A refusal, and the `CallToolResult` that tells of it.
    pub(super) fn refusal(&self, call: &Call, refused: Refused) -> (Vec<Refused>, Value) {
        let refused = vec![refused];
        let result = refusing::result(&self.parts().catalogue, &call.id, &refused);
        (refused, result)
    }

    async fn record_review(&self, call: &Call, set: &str, reviews: &[Review]) -> Result<(), JournalError> {
        match records::reviewed(call, set, reviews)? {
            Some(draft) => self.parts().journal.finish(draft).await,
            None => Ok(()),
        }
    }

    async fn record_end(&self, call: &Call, ended: &Ended, duration_ms: u64) -> Result<(), JournalError> {
        let journal = &self.parts().journal;
        let draft = records::finished(call, ended.outcome, ended.result.as_ref(), duration_ms, ended.reason.clone())?;
        if self.must_be_seen_elsewhere() { journal.finish_for_all(draft).await } else { journal.finish(draft).await }
    }
}

impl Ended {
    /// What a server's answer means.
    pub(super) fn of(call: &Call, answer: Result<Value, ServerError>) -> Self {
        match answer {
            Ok(result) => {
                let outcome = if result.get("resultType").and_then(Value::as_str) == Some("input_required") {
                    Outcome::InputRequired
                } else if result.get("isError").and_then(Value::as_bool) == Some(true) {
                    Outcome::Failed
                } else {
                    Outcome::Succeeded
                };
                Self { outcome, result: Some(result.clone()), reason: None, told: Told::Result(result) }
            }
            Err(ServerError::Rpc(error)) => {
                let result = recorded(&error);
                Self { outcome: Outcome::Failed, result: Some(result), reason: None, told: Told::Error(error) }
            }
            Err(ServerError::Unavailable { server, reason }) => {
                let told = Refusal::new(
                    "server_unavailable",
                    format!("The server `{server}` is not available at the moment; nothing was sent. Try again later."),
                );
                refused(Outcome::Cancelled, reason, told)
            }
            Err(ServerError::Cancelled) => {
                let told = Refusal::new("cancelled", "The call was called off before anything was sent.");
                refused(Outcome::Cancelled, "called off before it was sent".to_owned(), told)
            }
            Err(ServerError::Lost { server, reason }) => {
                let told = Refusal::new(
                    "outcome_unknown",
                    format!(
                        "The call was sent to the server `{server}`, and no answer came: it may have been carried out or \
                         not. Check before you repeat it; an operator can settle call {}.",
                        call.id
                    ),
                );
                refused(Outcome::Unknown, reason, told)
            }
        }
    }

    /// The server ended the call without an answer.
    pub(super) fn cancelled(reason: &str) -> Self {
        refused(Outcome::Cancelled, reason.to_owned(), Refusal::new("cancelled", "The call was cancelled."))
    }
}

/// A server's own error, as the journal keeps it in the place of a result.
fn recorded(error: &RpcError) -> Value {
    json!({ "error": { "code": error.code, "message": error.message, "data": error.data } })
}

/// The error that stands in the place of a result.
pub(super) fn rpc_error(result: &Value) -> Option<RpcError> {
    let error = result.get("error").filter(|_| result.get("content").is_none())?;
    let message = error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
    let data = error.get("data").filter(|data| !data.is_null()).cloned();
    Some(RpcError { code: error.get("code")?.as_i64()?, message, data })
}

fn refused(outcome: Outcome, reason: String, refusal: Refusal) -> Ended {
    let told = Told::Refused(Refused { policy: "interlock".to_owned(), refusal });
    Ended { outcome, result: None, reason: Some(reason), told }
}
