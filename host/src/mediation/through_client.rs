//! Questions that are put through the AI app, where a policy's channel says `client`: as an elicitation while the call is
//! open, or with the answer `input_required`, which the app comes back to.
//!
//! The app is no trusted channel, and whoever sits there is the caller: their answer counts where the policy takes the
//! caller's own, and for the roles that the caller holds. What they put off, the desk can still answer.

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{Mediator, refusing::Turned, waiting::Waiting};
use crate::{
    approvals::{Approval, ApprovalsError, Channel, Reply, State},
    call::Call,
    downstream::{FromServer, Link, takes_forms},
};

/// Most bytes of arguments that are shown: who is shown less than all has not seen what they approve.
const MOST_SHOWN: usize = 16 << 10;
/// MCP's method for asking the person at a client.
const METHOD: &str = "elicitation/create";

/// A question for the person at the AI app.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientQuestion {
    /// Id of the approval.
    pub approval: String,
    /// Digest of what is shown.
    pub seen: String,
    /// What the client is to be asked: an MCP request's `method` and `params`.
    pub request: Value,
    /// The session of the call that it is about.
    pub session: String,
}

/// What the AI app brings back.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientAnswer {
    /// Id of the approval.
    pub approval: String,
    /// Digest of what was shown.
    pub seen: String,
    /// MCP `ElicitResult`.
    pub result: Value,
    /// Whether the app has brought it before. Then it answers nothing, and what came of the call can only be told again.
    pub again: bool,
}

impl ClientAnswer {
    /// Yes or no, and why; none: the person has put it off.
    fn decision(&self) -> Option<(bool, Option<String>)> {
        let content = self.result.get("content");
        let reason = content.and_then(|content| content.get("reason")).and_then(Value::as_str);
        let reason = reason.map(str::trim).filter(|reason| !reason.is_empty()).map(str::to_owned);
        match self.result.get("action").and_then(Value::as_str) {
            Some("accept") => Some((content?.get("approve")?.as_bool()?, reason)),
            Some("decline") => Some((false, reason)),
            Some(_) | None => None,
        }
    }
}

impl Mediator {
    /// Those of these questions that the person at the AI app may answer, and has not put off.
    pub(super) async fn for_client(
        &self,
        call: &Call,
        open: &[Approval],
        waiting: &Waiting<'_>,
    ) -> Result<Vec<ClientQuestion>, Turned> {
        let mut questions = Vec::new();
        if !takes_forms(&waiting.link.capabilities) {
            return Ok(questions);
        }
        for approval in open {
            // Those of a batch are answered together, which no single call can bring.
            let for_clients = approval.question.channel == Channel::Client.word() && approval.batch.is_none();
            if !for_clients || waiting.put_off.contains(&approval.id) {
                continue;
            }
            let caller = &call.caller;
            if self.parts().approvals.takes(&approval.id, &caller.principal, &caller.roles).await? {
                questions.extend(question(approval));
            }
        }
        Ok(questions)
    }

    /// Takes in what came back. False: it is an answer to nothing that is asked about this call, or was given before.
    pub(super) async fn take_answers(
        &self,
        call: &Call,
        answers: &[ClientAnswer],
        waiting: &mut Waiting<'_>,
    ) -> Result<bool, Turned> {
        let approvals = &self.parts().approvals;
        for answer in answers {
            if answer.again {
                return Ok(false);
            }
            let approval = match approvals.get(&answer.approval).await {
                Err(ApprovalsError::NotFound(_)) => return Ok(false),
                found => found?,
            };
            if approval.caller.principal != call.caller.principal || approval.tool != call.tool {
                return Ok(false);
            }
            let Some((approve, reason)) = answer.decision() else {
                waiting.put_off.push(approval.id);
                continue;
            };
            let reply = Reply {
                by: call.caller.principal.clone(),
                roles: call.caller.roles.clone(),
                approve,
                reason,
                channel: Channel::Client,
                seen: Some(answer.seen.clone()),
            };
            match approvals.answer(&approval.id, reply).await {
                Ok(_) => {}
                // Somebody was quicker, or this very answer has come before and was not used yet.
                Err(ApprovalsError::NotOpen { state: State::Granted | State::Refused | State::Expired, .. }) => {}
                Err(ApprovalsError::Journal(error)) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(call.id = %call.id, %error, "an AI app's answer does not count");
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// Puts a question over a line that is open, and waits for what comes back; none if the client does not take it.
pub(super) async fn put(link: &Link, question: ClientQuestion) -> Option<ClientAnswer> {
    let ClientQuestion { approval, seen, request, .. } = question;
    let (reply, answer) = oneshot::channel();
    let params = request.get("params").cloned().unwrap_or_default();
    let asked = FromServer::Request { method: METHOD.to_owned(), params, reply };
    link.messages.send(asked).await.ok()?;
    let result = answer.await.ok()?.ok()?;
    Some(ClientAnswer { approval, seen, result, again: false })
}

/// The form for one question; none if there is more to see than can be shown.
fn question(approval: &Approval) -> Option<ClientQuestion> {
    let arguments = serde_json::to_string_pretty(&approval.arguments).ok()?;
    if arguments.len() > MOST_SHOWN || !approval.beside.is_empty() {
        return None;
    }
    let message = format!(
        "{}\n\n{}\n\nAsked by the policy {} about a call of {} with exactly these arguments:\n{arguments}",
        approval.question.preview, approval.question.reason, approval.policy, approval.tool
    );
    let schema = json!({
        "type": "object",
        "properties": {
            "approve": { "type": "boolean", "title": "Approve", "description": "Whether this call may be made, once." },
            "reason": { "type": "string", "title": "Reason", "description": "Why, for the record.", "maxLength": 500 },
        },
        "required": ["approve"],
    });
    let params = json!({ "mode": "form", "message": message, "requestedSchema": schema });
    let request = json!({ "method": METHOD, "params": params });
    let (id, session) = (approval.id.clone(), approval.session.clone());
    Some(ClientQuestion { approval: id, seen: approval.digest(), request, session })
}
