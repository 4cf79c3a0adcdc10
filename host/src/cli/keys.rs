//! `interlock keys`: who may call over HTTP. Works beside running gateways, through the journal alone.

use std::time::Duration;

use serde_json::json;

use super::{
    approvals::user,
    arguments::{CreateKey, Global, Keys as Asked, KeysAction},
    error::{Failure, Kind},
    output::{Table, line, print, print_json, tell},
    running::{CLOSE, block_on, configuration_or_journal, journal},
};
use crate::{
    clock::Timestamp,
    identity::{IdentityError, Keys, Record},
};

/// Makes, lists or revokes.
pub(super) fn run(global: &Global, asked: &Asked) -> Result<(), Failure> {
    let config = configuration_or_journal(global)?;
    block_on(async {
        let (journal, clock) = journal(&config).await?;
        let keys = Keys::new(journal.clone(), config.journal.pepper());
        let done = match asked.action.as_ref().unwrap_or(&KeysAction::List) {
            KeysAction::Create(asked) => create(&keys, asked, global.json).await,
            KeysAction::List => match keys.list().await {
                Ok(all) => table(&all, clock.now(), global.json),
                Err(error) => Err(failure(error)),
            },
            KeysAction::Revoke { key } => match keys.revoke(&user(), key).await {
                Ok(revoked) => table(&revoked, clock.now(), global.json),
                Err(error) => Err(failure(error)),
            },
        };
        if done.is_ok() && !config.http_keys {
            tell("Note: keys are asked for once the configuration says `\"auth\": {\"keys\": true}`.");
        }
        journal.close(CLOSE).await;
        done
    })
}

async fn create(keys: &Keys, asked: &CreateKey, json: bool) -> Result<(), Failure> {
    let lasts = asked.expires_days.map(|days| Duration::from_hours(24).saturating_mul(days));
    let (key, record) = keys.create(&user(), &asked.name, &asked.roles, lasts).await.map_err(failure)?;
    if json {
        let Record { id, name, roles, expires, .. } = &record;
        let expires = expires.map(|end| end.to_string());
        return print_json(&json!({ "key": key.expose(), "id": id, "name": name, "roles": roles, "expires": expires }));
    }
    print(&format!("{}\n", key.expose()))?;
    tell(&format!("This is the only time that the key of `{}` is shown.", line(&record.name)));
    Ok(())
}

fn table(records: &[Record], now: Timestamp, json: bool) -> Result<(), Failure> {
    let mut table = Table::new(&["id", "name", "roles", "state", "created", "expires"]);
    for record in records {
        table.row([
            record.id.clone().into(),
            record.name.clone().into(),
            record.roles.clone().into(),
            record.state(now).word().into(),
            record.created.to_string().into(),
            record.expires.map_or_else(|| "never".to_owned(), |end| end.to_string()).into(),
        ]);
    }
    table.print(json)
}

fn failure(error: IdentityError) -> Failure {
    let (kind, hint) = match &error {
        IdentityError::BadName(_) | IdentityError::BadRole(_) => (Kind::Usage, None),
        IdentityError::NotFound(_) => (Kind::Failed, Some("`interlock keys list` lists what there is.")),
        IdentityError::Pepper(_) => (
            Kind::Failed,
            Some("keys that were made with another pepper are void: restore the file, or make new keys."),
        ),
        IdentityError::Journal(_) | IdentityError::Random(_) => (Kind::Failed, None),
    };
    let failure = Failure::new(kind, error.to_string());
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
