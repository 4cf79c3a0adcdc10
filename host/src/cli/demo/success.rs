//! The story `success`: a customer is taken on, each step in its order.

use serde_json::json;

use super::{
    script::{Expected::Success, Script},
    stage::Stage,
};
use crate::cli::error::Failure;

/// Tells it.
///
/// # Errors
/// If it cannot be told to its end.
pub(super) async fn tell(script: &mut Script) -> Result<(), Failure> {
    script.story(
        "success",
        "A customer is taken on: validate, open the account, back up, notify. One policy, `sequence`.",
    )?;
    let stage = Stage::new(&json!({
        "mcpServers": {
            "customers": {"component": "customers"},
            "backup": {"component": "backup"},
            "notification": {"component": "notification"},
        },
        "policies": [{
            "name": "onboarding-order",
            "component": "sequence",
            "settings": {"rules": [
                {"tools": ["customers/create_account"],
                 "after": [{"tool": "customers/validate_customer_data", "same": ["/customer"]}]},
                {"tools": ["backup/create_backup"], "after": ["customers/create_account"]},
                {"tools": ["notification/send_notification", "customers/send_welcome_email"],
                 "after": ["backup/create_backup"]},
            ]},
        }],
    }))?;
    let client = stage.serve().await?;
    let said = client.description("customers__create_account").await?;
    let tells = said.contains("Requires customers__validate_customer_data first");
    script.note(
        "The model can read the rule before it calls",
        "tools/list",
        "the description tells the rule",
        said,
        tells,
    )?;
    let customer = json!({"name": "Ada Lovelace", "email": "ada@example.com"});
    let call = ("customers__validate_customer_data", json!({"customer": customer}));
    script.call(&client, "Validate the customer", call, Success).await?;
    let call = ("customers__create_account", json!({"customer": customer}));
    let account = script.call(&client, "Open the account", call, Success).await?.at("/account_id");
    let call = ("backup__create_backup", json!({"name": "onboarding", "data": {"account": account}}));
    script.call(&client, "Back up", call, Success).await?;
    let call =
        ("notification__send_notification", json!({"channel": "#sales", "message": "Ada Lovelace is on board."}));
    script.call(&client, "Notify", call, Success).await?;
    let call = ("customers__send_welcome_email", json!({"account_id": account}));
    script.call(&client, "Welcome the customer", call, Success).await?;
    Ok(client.leave().await?)
}
