//! The toolset `notification`: simulated messages to people; nothing leaves the sandbox.

#[cfg(test)]
mod tests;

use interlock_plugin::prelude::*;
use interlock_simulation::{Records, simulated_toolset};

const NOTIFICATIONS: Records = Records::new("notification");

simulated_toolset!(
    Notifications,
    "notification",
    "Simulated notifications.",
    vec![
        Tool::new("send_notification", Notifications::send_notification)
            .title("Send a notification")
            .description("Sends a message to a channel, such as a chat room or a mailing list.")
            .hints(&["open_world"]),
        Tool::new("list_notifications", Notifications::list_notifications)
            .title("List notifications")
            .description("Lists the notifications that were sent, newest first, at most 100.")
            .hints(&["read_only", "idempotent"]),
    ]
);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SendNotification {
    /// Where to.
    #[schemars(length(min = 1, max = 200))]
    channel: String,
    /// What to say.
    #[schemars(length(min = 1, max = 4000))]
    message: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListNotifications {}

/// One message that was sent.
#[derive(Deserialize, Serialize, JsonSchema)]
struct Notification {
    /// Unique in this set.
    notification_id: String,
    /// As given.
    channel: String,
    /// As given.
    message: String,
    /// Always `sent`.
    status: String,
    /// When, in milliseconds since the epoch.
    sent_at_ms: u64,
}

/// The messages that were sent.
#[derive(Serialize, JsonSchema)]
struct Listing {
    /// How many there are in all.
    total: i64,
    /// The newest 100, newest first.
    notifications: Vec<Notification>,
}

impl Notifications {
    fn send_notification(
        &self,
        arguments: SendNotification,
        context: &Context<'_>,
    ) -> Result<Answer<Notification>, ToolError> {
        let sent = NOTIFICATIONS.add(context, |notification_id| Notification {
            notification_id,
            channel: arguments.channel,
            message: arguments.message,
            status: "sent".to_owned(),
            sent_at_ms: context.received(),
        })?;
        Ok(Answer::new(format!("Sent {} to {}.", sent.notification_id, sent.channel), sent))
    }

    fn list_notifications(&self, _: ListNotifications, context: &Context<'_>) -> Result<Answer<Listing>, ToolError> {
        let listing = Listing { total: NOTIFICATIONS.count(context)?, notifications: NOTIFICATIONS.newest(context)? };
        let each = listing.notifications.iter().map(|sent| format!("{}: {}", sent.channel, sent.message));
        let text = each.collect::<Vec<_>>().join("\n");
        Ok(Answer::new(if text.is_empty() { "Nothing was sent.".to_owned() } else { text }, listing))
    }
}
