//! The toolset `approval-desk`: a simulated desk where requests are handed in and, after a minute, answered.
//!
//! It is a downstream tool like any other, for workflows that talk to a ticket system. Approvals of calls are Interlock's
//! own, at the human's door, and have nothing to do with it.

#[cfg(test)]
mod tests;

use interlock_plugin::prelude::*;
use interlock_simulation::{Records, bad_argument, simulated_toolset};

const REQUESTS: Records = Records::new("request");

/// How much the simulated people read.
const MOST_DETAILS_KIB: usize = 32;

/// How long they take.
const REVIEW_MS: u64 = 60_000;

simulated_toolset!(
    ApprovalDesk,
    "approval-desk",
    "A simulated desk for requests that people answer.",
    vec![
        Tool::new("submit_request", ApprovalDesk::submit_request).title("Submit a request").description(
            "Hands a request in. It is pending for one minute; then it is approved, or rejected if its title \
                 contains `reject`."
        ),
        Tool::new("request_status", ApprovalDesk::request_status)
            .title("Status of a request")
            .description("Tells whether a request is pending, approved or rejected.")
            .hints(&["read_only", "idempotent"]),
    ]
);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SubmitRequest {
    /// What is asked for, in one line.
    #[schemars(length(min = 1, max = 200))]
    title: String,
    /// Whatever helps to decide; any JSON.
    details: Value,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RequestStatus {
    /// As `submit_request` gave it.
    #[schemars(length(min = 1, max = 100))]
    id: String,
}

/// What the desk keeps.
#[derive(Deserialize, Serialize)]
struct Kept {
    id: String,
    title: String,
    details: Value,
    submitted_at_ms: u64,
}

/// One request as it stands.
#[derive(Serialize, JsonSchema)]
struct Request {
    /// Unique in this set.
    id: String,
    /// As given.
    title: String,
    /// As given.
    details: Value,
    /// How it stands.
    status: Status,
    /// When it was handed in, in milliseconds since the epoch.
    submitted_at_ms: u64,
}

/// How a request stands.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Status {
    /// Not answered yet.
    Pending,
    /// Answered with yes.
    Approved,
    /// Answered with no.
    Rejected,
}

impl ApprovalDesk {
    fn submit_request(&self, arguments: SubmitRequest, context: &Context<'_>) -> Result<Answer<Request>, ToolError> {
        if arguments.details.to_string().len() > MOST_DETAILS_KIB * 1024 {
            return Err(bad_argument("details", &format!("must be at most {MOST_DETAILS_KIB} KiB of JSON")));
        }
        let kept = REQUESTS.add(context, |id| Kept {
            id,
            title: arguments.title,
            details: arguments.details,
            submitted_at_ms: context.received(),
        })?;
        Ok(tell(kept, context.received()))
    }

    fn request_status(&self, arguments: RequestStatus, context: &Context<'_>) -> Result<Answer<Request>, ToolError> {
        let kept = REQUESTS.get(context, &arguments.id)?;
        let kept = kept.ok_or_else(|| bad_argument("id", &format!("there is no request `{}`", arguments.id)))?;
        Ok(tell(kept, context.received()))
    }
}

fn tell(kept: Kept, now: u64) -> Answer<Request> {
    let (status, word) = if now.saturating_sub(kept.submitted_at_ms) < REVIEW_MS {
        (Status::Pending, "pending")
    } else if kept.title.to_lowercase().contains("reject") {
        (Status::Rejected, "rejected")
    } else {
        (Status::Approved, "approved")
    };
    let text = format!("{} (`{}`) is {word}.", kept.id, kept.title);
    let Kept { id, title, details, submitted_at_ms } = kept;
    Answer::new(text, Request { id, title, details, status, submitted_at_ms })
}
