//! The toolset `payments`: simulated money, for rules about fraud checks, sums and approvals.

#[cfg(test)]
mod tests;

use interlock_plugin::prelude::*;
use interlock_plugin::{json::same, serde_json::Number};
use interlock_simulation::{bad_argument, figure, simulated_toolset};

/// A payment with this score or more is not approved.
const RISKY: u64 = 70;

simulated_toolset!(
    Payments,
    "payments",
    "Simulated payments.",
    vec![
        Tool::new("fraud_check", Payments::fraud_check)
            .title("Check for fraud")
            .description(
                "Scores a payment from 0 (safe) to 100. Amounts over 10000, and ids that contain `fraud` or `stolen`, \
                 are not approved."
            )
            .hints(&["read_only", "idempotent"]),
        Tool::new("process_payment", Payments::process_payment)
            .title("Process a payment")
            .description("Pays. The same payment id pays once, however often it is sent.")
            .hints(&["destructive", "idempotent"]),
        Tool::new("refund_payment", Payments::refund_payment)
            .title("Refund a payment")
            .description("Pays the whole of a processed payment back, once.")
            .hints(&["destructive"]),
    ]
);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FraudCheck {
    /// Which payment; the payer's own id for it.
    #[schemars(length(min = 1, max = 100))]
    payment_id: String,
    /// How much.
    #[schemars(extend("exclusiveMinimum" = 0))]
    amount: Number,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ProcessPayment {
    /// Which payment; the payer's own id for it.
    #[schemars(length(min = 1, max = 100))]
    payment_id: String,
    /// How much.
    #[schemars(extend("exclusiveMinimum" = 0))]
    amount: Number,
    /// Who gets it.
    #[schemars(length(min = 1, max = 200))]
    to: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RefundPayment {
    /// As given to `process_payment`.
    #[schemars(length(min = 1, max = 100))]
    payment_id: String,
}

/// What the check found.
#[derive(Serialize, JsonSchema)]
struct Risk {
    /// As given.
    payment_id: String,
    /// From 0 (safe) to 100.
    risk_score: u64,
    /// Whether the payment looks good.
    approved: bool,
    /// What raised the score.
    reasons: Vec<String>,
}

/// One payment as it stands.
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
struct Payment {
    /// As given.
    payment_id: String,
    /// As given.
    amount: Number,
    /// As given.
    to: String,
    /// How it stands.
    status: Status,
    /// When it was processed, in milliseconds since the epoch.
    processed_at_ms: u64,
    /// When it was refunded, in milliseconds since the epoch; absent if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refunded_at_ms: Option<u64>,
}

/// How a payment stands.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Status {
    /// Paid.
    Processed,
    /// Paid, and paid back.
    Refunded,
}

impl Payments {
    fn fraud_check(&self, arguments: FraudCheck, _: &Context<'_>) -> Result<Answer<Risk>, ToolError> {
        let id = arguments.payment_id;
        let (mut risk_score, mut reasons) = (figure(&id) % 20, Vec::new());
        if arguments.amount.as_f64().is_none_or(|amount| amount > 10_000.0) {
            risk_score += RISKY;
            reasons.push("the amount is over 10000".to_owned());
        }
        if let Some(word) = ["fraud", "stolen"].into_iter().find(|word| id.to_lowercase().contains(word)) {
            risk_score += RISKY;
            reasons.push(format!("the id contains `{word}`"));
        }
        let risk_score = risk_score.min(100);
        let approved = risk_score < RISKY;
        let verdict = if approved { "looks good" } else { "looks like fraud" };
        let text = format!("Payment `{id}` {verdict} (risk {risk_score} of 100).");
        Ok(Answer::new(text, Risk { payment_id: id, risk_score, approved, reasons }))
    }

    fn process_payment(&self, arguments: ProcessPayment, context: &Context<'_>) -> Result<Answer<Payment>, ToolError> {
        let key = key(&arguments.payment_id);
        if let Some(earlier) = context.get::<Payment>(&key)? {
            let equal = same(&Value::Number(earlier.amount.clone()), &Value::Number(arguments.amount))
                && earlier.to == arguments.to
                && earlier.status == Status::Processed;
            if !equal {
                let problem = format!("payment `{}` was made already, and not like this", earlier.payment_id);
                return Err(bad_argument("payment_id", &problem));
            }
            return Ok(Answer::new(format!("Payment `{}` was made already.", earlier.payment_id), earlier));
        }
        let payment = Payment {
            payment_id: arguments.payment_id,
            amount: arguments.amount,
            to: arguments.to,
            status: Status::Processed,
            processed_at_ms: context.received(),
            refunded_at_ms: None,
        };
        context.set(&key, &payment)?;
        Ok(Answer::new(format!("Paid {} to {}.", payment.amount, payment.to), payment))
    }

    fn refund_payment(&self, arguments: RefundPayment, context: &Context<'_>) -> Result<Answer<Payment>, ToolError> {
        let id = arguments.payment_id;
        let unfit = |problem: &str| bad_argument("payment_id", &format!("payment `{id}` {problem}"));
        let payment: Option<Payment> = context.get(&key(&id))?;
        let mut payment = payment.ok_or_else(|| unfit("does not exist"))?;
        if payment.status == Status::Refunded {
            return Err(unfit("was refunded already"));
        }
        payment.status = Status::Refunded;
        payment.refunded_at_ms = Some(context.received());
        context.set(&key(&id), &payment)?;
        Ok(Answer::new(format!("Paid {} back.", payment.amount), payment))
    }
}

fn key(payment_id: &str) -> String {
    format!("payment/{payment_id}")
}
