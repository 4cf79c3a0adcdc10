//! `interlock approvals delegate`: who answers in whose name. The operator at the command line may say so of anyone.

use std::{collections::BTreeSet, time::Duration};

use super::{failure, user};
use crate::{
    approvals::{Approvals, ApprovalsError, Delegating, Delegation},
    cli::{
        approvals::arguments::Delegate,
        error::{Failure, Kind},
        output::Table,
    },
    config::Config,
    identity::{Keys, State},
};

pub(super) async fn run(approvals: &Approvals, config: &Config, asked: &Delegate, json: bool) -> Result<(), Failure> {
    if let Some(id) = &asked.end {
        let id = find(approvals, id).await?;
        let ended = approvals.end_delegation(&user(), &id).await.map_err(failure)?;
        return table(approvals, &[ended], json);
    }
    let (Some(from), Some(to)) = (&asked.from, &asked.to) else {
        let all = approvals.delegations().await.map_err(failure)?;
        return table(approvals, &all, json);
    };
    let own = roles_by_keys(approvals, config, from).await?;
    if let Some(own) = &own
        && let Some(role) = asked.roles.iter().find(|role| !own.contains(*role))
    {
        let held = own.iter().cloned().collect::<Vec<_>>().join(", ");
        let message = format!("`{from}` has no key with the role `{role}`; their keys have {held}");
        return Err(Failure::new(Kind::Failed, message));
    }
    let own: Vec<String> = own.unwrap_or_default().into_iter().collect();
    let delegating = Delegating {
        from: from.clone(),
        to: to.clone(),
        roles: if asked.roles.is_empty() { own.clone() } else { asked.roles.clone() },
        own,
        lasts: Duration::from_mins(asked.minutes.unwrap_or_default().into()),
        reason: asked.reason.clone(),
    };
    let delegation = approvals.delegate(&user(), delegating).await.map_err(failure)?;
    table(approvals, &[delegation], json)
}

/// The roles of all valid keys of this name; none where there is no such key, and roles are what people say.
async fn roles_by_keys(
    approvals: &Approvals,
    config: &Config,
    name: &str,
) -> Result<Option<BTreeSet<String>>, Failure> {
    let keys = Keys::new(approvals.journal().clone(), config.journal.pepper());
    let all = keys.list().await.map_err(anyhow::Error::from)?;
    let now = approvals.now();
    let theirs: Vec<_> = all.into_iter().filter(|key| key.name == name && key.state(now) == State::Valid).collect();
    Ok((!theirs.is_empty()).then(|| theirs.into_iter().flat_map(|key| key.roles).collect()))
}

/// The one whose id begins so.
async fn find(approvals: &Approvals, id: &str) -> Result<String, Failure> {
    let all = approvals.delegations().await.map_err(failure)?;
    let mut fitting = all.into_iter().filter(|delegation| delegation.id.starts_with(id));
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one.id),
        (Some(_), Some(_)) => {
            let message = format!("several delegations begin with `{id}`");
            Err(Failure::new(Kind::Usage, message).hint("give more of the id."))
        }
        (None, _) => Err(failure(ApprovalsError::NoDelegation(id.to_owned()))),
    }
}

fn table(approvals: &Approvals, delegations: &[Delegation], json: bool) -> Result<(), Failure> {
    let now = approvals.now();
    let mut table = Table::new(&["id", "state", "from", "to", "roles", "ends", "by", "reason"]);
    for one in delegations {
        table.row([
            one.id.clone().into(),
            one.word(now).into(),
            one.from.clone().into(),
            one.to.clone().into(),
            one.roles.clone().into(),
            one.ends.to_string().into(),
            one.by.clone().into(),
            one.reason.clone().into(),
        ]);
    }
    table.print(json)
}
