//! No refund above a limit without a ticket of the same customer.

use interlock_plugin::Equal;
use interlock_plugin::prelude::*;

/// The tool that the rule is about, and the one that unlocks it.
const REFUND: &str = "support/refund";
const TICKET: &str = "support/create_ticket";

/// What an operator writes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Up to how much a refund needs no ticket.
    limit: f64,
}

/// The configured policy.
pub struct RefundLimit {
    limit: f64,
}

impl Policy for RefundLimit {
    type Settings = Settings;
    const NAME: &'static str = "refund-limit";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "No refund above a limit without a ticket of the same customer.";
    const CODES: &'static [&'static str] = &["ticket_missing"];

    fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self { limit: settings.limit })
    }

    fn judge(&self, call: &Call, host: &dyn Host) -> Result<Verdict, Fault> {
        if call.tool != REFUND || self.is_small(host) || has_ticket(host) {
            return Ok(Verdict::Allow);
        }
        Ok(Refusal::new("ticket_missing", self.rule()).unlock(Unlock::Call(TICKET.to_owned())).into())
    }

    fn rules(&self, tool: &str) -> Vec<String> {
        if tool == REFUND { vec![self.rule()] } else { Vec::new() }
    }
}

impl RefundLimit {
    fn rule(&self) -> String {
        format!("Refunds above {} need a ticket of the same customer.", self.limit)
    }

    /// An amount that is no number is not small.
    fn is_small(&self, host: &dyn Host) -> bool {
        let amount = host.argument("/amount").and_then(|amount| amount.as_f64());
        amount.is_some_and(|amount| amount <= self.limit)
    }
}

/// Whether a ticket was created for this call's customer.
fn has_ticket(host: &dyn Host) -> bool {
    let Some(customer) = host.argument("/customer_id") else { return false };
    let same = [Equal { pointer: "/customer_id".to_owned(), value: customer.to_string() }];
    !host.matching(TICKET, Some("succeeded"), &same, 1).is_empty()
}

interlock_plugin::export_policy!(RefundLimit);

#[cfg(test)]
mod tests {
    use interlock_plugin::testing;

    use super::*;

    #[test]
    fn the_cases_come_out_as_they_say() {
        testing::run_cases::<RefundLimit>(include_str!("../cases.json"));
    }
}
