//! Tickets, and the tool that opens them.

use interlock_plugin::Fault;
use interlock_plugin::prelude::*;
use interlock_simulation::{Records, bad_argument};

use crate::{Crm, customer::Customer, incidents, not_blank};

const TICKETS: Records = Records::new("ticket");

/// How soon somebody must look at a ticket.
#[derive(Clone, Copy, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(crate) enum Priority {
    /// When there is time.
    Low,
    /// In turn.
    #[default]
    Normal,
    /// Today.
    High,
    /// Now.
    Urgent,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateTicket {
    /// Whose it is, as `search_customer` gave it.
    #[schemars(length(min = 1, max = 100))]
    customer_id: String,
    /// What it is about.
    #[schemars(length(min = 1, max = 200))]
    subject: String,
    /// The rest of what is to be said.
    #[schemars(length(max = 4000))]
    description: Option<String>,
    /// How soon somebody must look at it.
    #[serde(default)]
    priority: Priority,
    /// The incident that it came from.
    #[schemars(length(min = 1, max = 100))]
    incident_id: Option<String>,
}

/// One ticket.
#[derive(Deserialize, Serialize, JsonSchema)]
pub(crate) struct Ticket {
    /// Unique in this set.
    ticket_id: String,
    /// As given.
    customer_id: String,
    /// As given.
    subject: String,
    /// As given; absent if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// As given, or `normal`.
    priority: Priority,
    /// As given; absent if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    incident_id: Option<String>,
    /// Always `open`.
    status: String,
    /// Who called.
    opened_by: String,
    /// When, in milliseconds since the epoch.
    created_at_ms: u64,
}

impl Crm {
    pub(crate) fn create_ticket(
        &self,
        arguments: CreateTicket,
        context: &Context<'_>,
    ) -> Result<Answer<Ticket>, ToolError> {
        not_blank("subject", &arguments.subject)?;
        let customer = Customer::find(context, &arguments.customer_id)?;
        if let Some(id) = &arguments.incident_id {
            incidents::find(id)?;
        }
        let ticket = TICKETS.add(context, |ticket_id| Ticket {
            ticket_id,
            customer_id: arguments.customer_id,
            subject: arguments.subject,
            description: arguments.description,
            priority: arguments.priority,
            incident_id: arguments.incident_id,
            status: "open".to_owned(),
            opened_by: context.caller().principal.clone(),
            created_at_ms: context.received(),
        })?;
        context.increment(&count_key(&ticket.customer_id), 1)?;
        let text = format!("Opened {} for {} ({}).", ticket.ticket_id, customer.entry.id, customer.entry.name);
        Ok(Answer::new(text, ticket))
    }
}

/// Makes sure of a ticket.
///
/// # Errors
/// There is none with this id.
pub(crate) fn known(context: &Context<'_>, id: &str) -> Result<(), ToolError> {
    let ticket: Option<Ticket> = TICKETS.get(context, id)?;
    let missing = || bad_argument("ticket_id", &format!("there is no ticket `{id}`"));
    ticket.map(|_| ()).ok_or_else(missing)
}

/// How many were opened for a customer.
///
/// # Errors
/// What the store holds there is no number.
pub(crate) fn count(context: &Context<'_>, customer_id: &str) -> Result<i64, Fault> {
    Ok(context.get(&count_key(customer_id))?.unwrap_or(0))
}

fn count_key(customer_id: &str) -> String {
    format!("tickets-of/{customer_id}")
}
