//! A customer's status, what may become of it, and the tool that changes it.

use interlock_plugin::prelude::*;
use interlock_simulation::bad_argument;

use crate::{Crm, customer::Customer};

/// How a customer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(crate) enum Status {
    /// Trying things out.
    Trial,
    /// In order.
    Active,
    /// Owes money, and is served all the same.
    PastDue,
    /// Not served for the time being.
    Suspended,
    /// Gone, for ever.
    Closed,
}

impl Status {
    /// As it is written.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Trial => "trial",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
        }
    }

    /// Whether who stands so may use the services.
    pub(crate) fn is_served(self) -> bool {
        match self {
            Self::Trial | Self::Active | Self::PastDue => true,
            Self::Suspended | Self::Closed => false,
        }
    }

    /// What it may become.
    fn next(self) -> &'static [Self] {
        match self {
            Self::Trial => &[Self::Active, Self::Closed],
            Self::Active => &[Self::PastDue, Self::Suspended, Self::Closed],
            Self::PastDue => &[Self::Active, Self::Suspended, Self::Closed],
            Self::Suspended => &[Self::Active, Self::Closed],
            Self::Closed => &[],
        }
    }
}

/// A change as it is kept: the latest of a customer.
#[derive(Deserialize, Serialize)]
pub(crate) struct Change {
    pub(crate) status: Status,
    pub(crate) reason: Option<String>,
    changed_by: String,
    changed_at_ms: u64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateCustomerStatus {
    /// Whose, as `search_customer` gave it.
    #[schemars(length(min = 1, max = 100))]
    customer_id: String,
    /// What it shall be.
    status: Status,
    /// Why.
    #[schemars(length(max = 1000))]
    reason: Option<String>,
}

/// What became of a customer's status.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Changed {
    /// As given.
    customer_id: String,
    /// What it was.
    old_status: Status,
    /// What it is.
    new_status: Status,
    /// Whether these differ.
    changed: bool,
}

impl Crm {
    pub(crate) fn update_customer_status(
        &self,
        arguments: UpdateCustomerStatus,
        context: &Context<'_>,
    ) -> Result<Answer<Changed>, ToolError> {
        let customer = Customer::find(context, &arguments.customer_id)?;
        let (old, new) = (customer.status, arguments.status);
        if old != new && !old.next().contains(&new) {
            let next: Vec<_> = old.next().iter().map(|status| format!("`{}`", status.word())).collect();
            let next = if next.is_empty() { "nothing".to_owned() } else { next.join(", ") };
            let id = arguments.customer_id;
            let problem = format!("customer `{id}` is `{}`, which can become {next}, not `{}`", old.word(), new.word());
            return Err(bad_argument("status", &problem));
        }
        if old != new {
            let change = Change {
                status: new,
                reason: arguments.reason,
                changed_by: context.caller().principal.clone(),
                changed_at_ms: context.received(),
            };
            context.set(&Customer::status_key(customer.entry.id), &change)?;
        }
        let told = if old == new { "was already".to_owned() } else { format!("was {} and is now", old.word()) };
        Ok(Answer::new(
            format!("{} ({}) {told} {}.", customer.entry.id, customer.entry.name, new.word()),
            Changed { customer_id: arguments.customer_id, old_status: old, new_status: new, changed: old != new },
        ))
    }
}
