//! The toolset `crm`: a simulated customer desk, for rules about who may do what to which customer, and after what.
//!
//! The customers, services and incidents are invented and always the same; tickets, changes of status and messages are
//! kept in the set's store.

mod customer;
mod impact;
mod incidents;
mod message;
mod roster;
mod search;
mod status;
#[cfg(test)]
mod tests;
mod ticket;

use interlock_plugin::prelude::*;
use interlock_simulation::{bad_argument, simulated_toolset};

simulated_toolset!(
    Crm,
    "crm",
    "A simulated customer desk: customers, tickets, messages, incidents.",
    vec![
        Tool::new("search_customer", Crm::search_customer)
            .title("Search for a customer")
            .description(
                "Finds customers by words of their id, name, contact, e-mail address, plan or status. All words must \
                 fit. Tells how many there are in all."
            )
            .hints(&["read_only", "idempotent"]),
        Tool::new("create_ticket", Crm::create_ticket)
            .title("Create a ticket")
            .description("Opens a ticket for a customer. Each call opens another one."),
        Tool::new("update_customer_status", Crm::update_customer_status)
            .title("Change a customer's status")
            .description(
                "Sets a customer's status: a trial becomes active, who is active may be past_due or suspended and come \
                 back, and all may be closed, which is for ever."
            )
            .hints(&["destructive", "idempotent"]),
        Tool::new("send_message", Crm::send_message)
            .title("Send a message")
            .description("Writes to one of the desk's channels. Each call sends another message.")
            .hints(&["open_world"]),
        Tool::new("get_incident_impact", Crm::get_incident_impact)
            .title("Tell an incident's impact")
            .description(
                "Tells which services an incident affects, also those that depend on a failing one, and which \
                 customers use them."
            )
            .hints(&["read_only", "idempotent"]),
    ]
);

/// Refuses a text of nothing but spaces.
fn not_blank(field: &str, text: &str) -> Result<(), ToolError> {
    if text.trim().is_empty() { Err(bad_argument(field, "must not be blank")) } else { Ok(()) }
}
