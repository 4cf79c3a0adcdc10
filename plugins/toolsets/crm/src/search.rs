//! The tool that finds customers.

use interlock_plugin::prelude::*;

use crate::{Crm, customer::Customer, not_blank, roster::Plan, status::Status, ticket};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchCustomer {
    /// Words to look for, in any order, in upper or lower case; parts of words will do.
    #[schemars(length(min = 1, max = 200))]
    query: String,
    /// How many customers to show at most.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 20))]
    limit: u32,
}

/// Who was found.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Found {
    /// How many customers fit, shown or not.
    total: usize,
    /// Those that are shown, by id.
    customers: Vec<Shown>,
}

/// One customer.
#[derive(Serialize, JsonSchema)]
struct Shown {
    /// Unique.
    customer_id: &'static str,
    /// The company.
    name: &'static str,
    /// Whom to talk to.
    contact: &'static str,
    /// Where they are written to.
    email: &'static str,
    /// What they pay for.
    plan: Plan,
    /// How they stand.
    status: Status,
    /// Why the status was changed; absent if it was not, or nobody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<String>,
    /// Ids of the services that they use.
    services: &'static [&'static str],
    /// How many tickets were opened for them.
    tickets: i64,
}

impl Crm {
    pub(crate) fn search_customer(
        &self,
        arguments: SearchCustomer,
        context: &Context<'_>,
    ) -> Result<Answer<Found>, ToolError> {
        not_blank("query", &arguments.query)?;
        let query = arguments.query.to_lowercase();
        let words: Vec<&str> = query.split_whitespace().collect();
        let fitting: Vec<_> = Customer::all(context)?.into_iter().filter(|customer| customer.has(&words)).collect();
        let total = fitting.len();
        let shown = fitting.into_iter().take(arguments.limit as usize);
        let customers = shown.map(|customer| customer.shown(context)).collect::<Result<Vec<_>, _>>()?;
        let each = customers.iter().map(|one| format!("{} {} ({})", one.customer_id, one.name, one.status.word()));
        let text = match total {
            0 => format!("No customer fits `{}`.", arguments.query),
            _ => format!("{} of {total} found: {}.", customers.len(), each.collect::<Vec<_>>().join(", ")),
        };
        Ok(Answer::new(text, Found { total, customers }))
    }
}

impl Customer {
    /// Whether each of these words, in lower case, is a part of something by which a customer is found.
    fn has(&self, words: &[&str]) -> bool {
        let entry = self.entry;
        let said = [entry.id, entry.name, entry.contact, entry.email, entry.plan.word(), self.status.word()];
        let said = said.map(str::to_lowercase);
        words.iter().all(|word| said.iter().any(|text| text.contains(word)))
    }

    fn shown(self, context: &Context<'_>) -> Result<Shown, ToolError> {
        let Self { entry, status, reason } = self;
        Ok(Shown {
            customer_id: entry.id,
            name: entry.name,
            contact: entry.contact,
            email: entry.email,
            plan: entry.plan,
            status,
            status_reason: reason,
            services: entry.services,
            tickets: ticket::count(context, entry.id)?,
        })
    }
}

fn ten() -> u32 {
    10
}
