//! The toolset `customers`: simulated onboarding in three steps, each of which a policy may put in order.

#[cfg(test)]
mod tests;

use interlock_plugin::prelude::*;
use interlock_plugin::serde_json::Map;
use interlock_simulation::{Records, bad_argument, simulated_toolset};

const ACCOUNTS: Records = Records::new("account");
const EMAILS: Records = Records::new("email");

simulated_toolset!(
    Customers,
    "customers",
    "Simulated customer accounts.",
    vec![
        Tool::new("validate_customer_data", Customers::validate_customer_data)
            .title("Validate customer data")
            .description("Tells whether a customer has a name and an e-mail address, and what else is wrong.")
            .hints(&["read_only", "idempotent"]),
        Tool::new("create_account", Customers::create_account)
            .title("Create an account")
            .description("Opens an account for a customer."),
        Tool::new("send_welcome_email", Customers::send_welcome_email)
            .title("Send a welcome e-mail")
            .description("Writes to the address of an account.")
            .hints(&["open_world"]),
    ]
);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfCustomer {
    /// The customer: `name`, `email` and whatever else is known.
    customer: Map<String, Value>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfAccount {
    /// As `create_account` gave it.
    #[schemars(length(min = 1, max = 100))]
    account_id: String,
}

/// What was found.
#[derive(Serialize, JsonSchema)]
struct Report {
    /// Whether there are no issues.
    valid: bool,
    /// All that is wrong.
    issues: Vec<Issue>,
}

/// One thing that is wrong.
#[derive(Serialize, JsonSchema)]
struct Issue {
    /// Which key of the customer.
    field: String,
    /// What.
    problem: String,
}

/// One account.
#[derive(Deserialize, Serialize, JsonSchema)]
struct Account {
    /// Unique in this set.
    account_id: String,
    /// The customer's name; empty if none was given.
    name: String,
    /// The customer's address; empty if none was given.
    email: String,
    /// Always `active`.
    status: String,
    /// When, in milliseconds since the epoch.
    created_at_ms: u64,
}

/// One message that was sent.
#[derive(Deserialize, Serialize, JsonSchema)]
struct Sent {
    /// Unique in this set.
    email_id: String,
    /// As given.
    account_id: String,
    /// Where to.
    to: String,
    /// Always `sent`.
    status: String,
    /// When, in milliseconds since the epoch.
    sent_at_ms: u64,
}

impl Customers {
    fn validate_customer_data(&self, arguments: OfCustomer, _: &Context<'_>) -> Result<Answer<Report>, ToolError> {
        let mut issues = Vec::new();
        let checks =
            [("name", is_name as fn(&str) -> bool, "must not be blank"), ("email", is_address, "is no address")];
        for (field, fits, mistake) in checks {
            let problem = match arguments.customer.get(field) {
                None | Some(Value::Null) => "is missing",
                Some(Value::String(text)) if fits(text) => continue,
                Some(Value::String(_)) => mistake,
                Some(_) => "must be a string",
            };
            issues.push(Issue { field: field.to_owned(), problem: problem.to_owned() });
        }
        let each = issues.iter().map(|issue| format!("`{}` {}", issue.field, issue.problem));
        let text = match each.collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => "The customer data is valid.".to_owned(),
            found => format!("The customer data is not valid: {found}."),
        };
        Ok(Answer::new(text, Report { valid: issues.is_empty(), issues }))
    }

    fn create_account(&self, arguments: OfCustomer, context: &Context<'_>) -> Result<Answer<Account>, ToolError> {
        let text = |field: &str| match arguments.customer.get(field).and_then(Value::as_str).unwrap_or_default() {
            long if long.len() > 1000 => Err(bad_argument(&format!("customer/{field}"), "must be at most 1000 bytes")),
            text => Ok(text.trim().to_owned()),
        };
        let (name, email) = (text("name")?, text("email")?);
        let account = ACCOUNTS.add(context, |account_id| Account {
            account_id,
            name,
            email,
            status: "active".to_owned(),
            created_at_ms: context.received(),
        })?;
        Ok(Answer::new(format!("Created {}.", account.account_id), account))
    }

    fn send_welcome_email(&self, arguments: OfAccount, context: &Context<'_>) -> Result<Answer<Sent>, ToolError> {
        let id = arguments.account_id;
        let account: Option<Account> = ACCOUNTS.get(context, &id)?;
        let account = account.ok_or_else(|| bad_argument("account_id", &format!("there is no account `{id}`")))?;
        if !is_address(&account.email) {
            return Err(bad_argument("account_id", &format!("account `{id}` has no e-mail address")));
        }
        let sent = EMAILS.add(context, |email_id| Sent {
            email_id,
            account_id: id,
            to: account.email,
            status: "sent".to_owned(),
            sent_at_ms: context.received(),
        })?;
        Ok(Answer::new(format!("Welcomed {}.", sent.to), sent))
    }
}

fn is_name(text: &str) -> bool {
    !text.trim().is_empty()
}

/// Something, an at sign, and a host with a dot in it: enough to catch a slip.
fn is_address(text: &str) -> bool {
    let parts = text.trim().split_once('@');
    parts.is_some_and(|(person, host)| {
        !person.is_empty() && !text.trim().contains(char::is_whitespace) && !host.contains('@') && host.contains('.')
    })
}
