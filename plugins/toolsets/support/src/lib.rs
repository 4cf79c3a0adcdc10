//! The toolset `support`: simulated tickets and refunds of customers, for rules that hold for one customer.

#[cfg(test)]
mod tests;

use interlock_plugin::prelude::*;
use interlock_plugin::serde_json::Number;
use interlock_simulation::{Records, simulated_toolset};

const TICKETS: Records = Records::new("ticket");
const REFUNDS: Records = Records::new("refund");

simulated_toolset!(
    Support,
    "support",
    "Simulated support for customers.",
    vec![
        Tool::new("create_ticket", Support::create_ticket)
            .title("Create a ticket")
            .description("Notes what a customer asks for."),
        Tool::new("refund", Support::refund)
            .title("Refund a customer")
            .description("Pays an amount back to a customer.")
            .hints(&["destructive"]),
    ]
);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CreateTicket {
    /// Whose it is.
    #[schemars(length(min = 1, max = 100))]
    customer_id: String,
    /// What it is about.
    #[schemars(length(min = 1, max = 200))]
    subject: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RefundCustomer {
    /// Who gets it.
    #[schemars(length(min = 1, max = 100))]
    customer_id: String,
    /// How much.
    #[schemars(extend("exclusiveMinimum" = 0))]
    amount: Number,
}

/// One ticket.
#[derive(Deserialize, Serialize, JsonSchema)]
struct Ticket {
    /// Unique in this set.
    ticket_id: String,
    /// As given.
    customer_id: String,
    /// As given.
    subject: String,
    /// When, in milliseconds since the epoch.
    created_at_ms: u64,
}

/// One refund.
#[derive(Deserialize, Serialize, JsonSchema)]
struct Refund {
    /// Unique in this set.
    refund_id: String,
    /// As given.
    customer_id: String,
    /// As given.
    amount: Number,
    /// When, in milliseconds since the epoch.
    refunded_at_ms: u64,
}

impl Support {
    fn create_ticket(&self, arguments: CreateTicket, context: &Context<'_>) -> Result<Answer<Ticket>, ToolError> {
        let ticket = TICKETS.add(context, |ticket_id| Ticket {
            ticket_id,
            customer_id: arguments.customer_id,
            subject: arguments.subject,
            created_at_ms: context.received(),
        })?;
        Ok(Answer::new(format!("Created {} for {}.", ticket.ticket_id, ticket.customer_id), ticket))
    }

    fn refund(&self, arguments: RefundCustomer, context: &Context<'_>) -> Result<Answer<Refund>, ToolError> {
        let refund = REFUNDS.add(context, |refund_id| Refund {
            refund_id,
            customer_id: arguments.customer_id,
            amount: arguments.amount,
            refunded_at_ms: context.received(),
        })?;
        Ok(Answer::new(format!("Refunded {} to {}.", refund.amount, refund.customer_id), refund))
    }
}
