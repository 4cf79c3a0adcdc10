//! The toolset `backup`: simulated backups, so that a rule can ask for one before something is changed.

#[cfg(test)]
mod tests;

use interlock_plugin::prelude::*;
use interlock_simulation::{Records, checksum, simulated_toolset};

const BACKUPS: Records = Records::new("backup");

simulated_toolset!(
    Backups,
    "backup",
    "Simulated backups.",
    vec![
        Tool::new("create_backup", Backups::create_backup).title("Create a backup").description(
            "Makes a backup of any JSON under a name. A name may be used again; each backup has its own id."
        ),
        Tool::new("list_backups", Backups::list_backups)
            .title("List backups")
            .description("Lists the backups that were made, newest first, at most 100.")
            .hints(&["read_only", "idempotent"]),
    ]
);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CreateBackup {
    /// What to call it.
    #[schemars(length(min = 1, max = 200))]
    name: String,
    /// Any JSON.
    data: Value,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListBackups {}

/// One backup. The simulation keeps what tells it apart, not the data.
#[derive(Deserialize, Serialize, JsonSchema)]
struct Backup {
    /// Unique in this set.
    backup_id: String,
    /// As given.
    name: String,
    /// Size of the data as JSON, in bytes.
    bytes: usize,
    /// Checksum of the data.
    checksum: String,
    /// When, in milliseconds since the epoch.
    created_at_ms: u64,
}

/// The backups that were made.
#[derive(Serialize, JsonSchema)]
struct Listing {
    /// How many there are in all.
    total: i64,
    /// The newest 100, newest first.
    backups: Vec<Backup>,
}

impl Backups {
    fn create_backup(&self, arguments: CreateBackup, context: &Context<'_>) -> Result<Answer<Backup>, ToolError> {
        let backup = BACKUPS.add(context, |backup_id| Backup {
            backup_id,
            name: arguments.name,
            bytes: arguments.data.to_string().len(),
            checksum: checksum(&arguments.data),
            created_at_ms: context.received(),
        })?;
        Ok(Answer::new(format!("Backed up `{}` as {}.", backup.name, backup.backup_id), backup))
    }

    fn list_backups(&self, _: ListBackups, context: &Context<'_>) -> Result<Answer<Listing>, ToolError> {
        let listing = Listing { total: BACKUPS.count(context)?, backups: BACKUPS.newest(context)? };
        let names: Vec<_> =
            listing.backups.iter().map(|backup| format!("{} ({})", backup.backup_id, backup.name)).collect();
        let text = if names.is_empty() { "There are no backups.".to_owned() } else { names.join(", ") };
        Ok(Answer::new(text, listing))
    }
}
