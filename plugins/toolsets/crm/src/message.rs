//! Messages, and the tool that sends them: nothing leaves the sandbox.

use interlock_plugin::prelude::*;
use interlock_simulation::Records;

use crate::{Crm, not_blank, ticket};

const MESSAGES: Records = Records::new("message");

/// Where to: only these, so that a limit on a channel cannot be evaded by another spelling of it.
#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum Channel {
    /// Those who look after customers.
    #[serde(rename = "#support")]
    Support,
    /// Those who mend things.
    #[serde(rename = "#incidents")]
    Incidents,
    /// Those who look after money.
    #[serde(rename = "#billing")]
    Billing,
    /// Those who look after contracts.
    #[serde(rename = "#customer-success")]
    CustomerSuccess,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendMessage {
    /// Where to.
    channel: Channel,
    /// What to say.
    #[schemars(length(min = 1, max = 4000))]
    message: String,
    /// The ticket that it is about.
    #[schemars(length(min = 1, max = 100))]
    ticket_id: Option<String>,
}

/// One message that was sent.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Sent {
    /// Unique in this set.
    message_id: String,
    /// As given.
    channel: Channel,
    /// As given.
    message: String,
    /// As given; absent if it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket_id: Option<String>,
    /// Who called.
    sent_by: String,
    /// When, in milliseconds since the epoch.
    sent_at_ms: u64,
}

impl Crm {
    pub(crate) fn send_message(
        &self,
        arguments: SendMessage,
        context: &Context<'_>,
    ) -> Result<Answer<Sent>, ToolError> {
        not_blank("message", &arguments.message)?;
        if let Some(id) = &arguments.ticket_id {
            ticket::known(context, id)?;
        }
        let sent = MESSAGES.add(context, |message_id| Sent {
            message_id,
            channel: arguments.channel,
            message: arguments.message,
            ticket_id: arguments.ticket_id,
            sent_by: context.caller().principal.clone(),
            sent_at_ms: context.received(),
        })?;
        Ok(Answer::new(format!("Sent {}.", sent.message_id), sent))
    }
}
