//! `interlock approvals`: the human's door from a terminal. Works beside running gateways, through the journal alone.

use anyhow::Context as _;

use super::{
    arguments::{Answer, Approvals as Asked, ApprovalsAction, Global},
    error::{Failure, Kind},
    output::{Table, plain, print, print_json},
    running::{CLOSE, block_on, configuration_or_journal, journal},
};
use crate::approvals::{Approval, Approvals, ApprovalsError, Channel, Reply, State};

/// Lists, shows or answers.
pub(super) fn run(global: &Global, asked: &Asked) -> Result<(), Failure> {
    let config = configuration_or_journal(global)?;
    let json = global.json;
    block_on(async {
        let (journal, _) = journal(&config).await?;
        let approvals = Approvals::new(journal.clone());
        let done = match asked.action.as_ref().unwrap_or(&ApprovalsAction::List { all: false }) {
            ApprovalsAction::List { all } => list(&approvals, *all, json).await,
            ApprovalsAction::Show { id } => show(&approvals, id, json).await,
            ApprovalsAction::Approve(answer) => respond(&approvals, answer, true, json).await,
            ApprovalsAction::Refuse(answer) => respond(&approvals, answer, false, json).await,
        };
        journal.close(CLOSE).await;
        done
    })
}

async fn list(approvals: &Approvals, all: bool, json: bool) -> Result<(), Failure> {
    let now = approvals.now();
    let listed = approvals.list().await.map_err(failure)?;
    let mut table = Table::new(&["id", "state", "tool", "caller", "policy", "roles", "preview", "expires"]);
    for approval in listed.iter().filter(|approval| all || approval.state(now) == State::Open) {
        table.row([
            approval.id.clone().into(),
            approval.state(now).word().into(),
            approval.tool.to_string().into(),
            approval.caller.principal.clone().into(),
            approval.policy.clone().into(),
            approval.question.roles.clone().into(),
            approval.question.preview.clone().into(),
            approval.expires.to_string().into(),
        ]);
    }
    table.print(json)
}

async fn show(approvals: &Approvals, id: &str, json: bool) -> Result<(), Failure> {
    let approval = find(approvals, id).await?;
    print_one(approvals, &approval, json)
}

async fn respond(approvals: &Approvals, answer: &Answer, approve: bool, json: bool) -> Result<(), Failure> {
    let id = find(approvals, &answer.id).await?.id;
    let reply = Reply {
        by: answer.approver.clone().unwrap_or_else(user),
        roles: answer.roles.clone(),
        approve,
        reason: answer.reason.clone(),
        channel: Channel::Desk,
        seen: answer.seen.clone(),
    };
    let answered = approvals.answer(&id, reply).await;
    print_one(approvals, &answered.map_err(failure)?, json)
}

/// The question whose id begins so.
async fn find(approvals: &Approvals, id: &str) -> Result<Approval, Failure> {
    let all = approvals.list().await.map_err(failure)?;
    let mut fitting = all.into_iter().filter(|approval| approval.id.starts_with(id));
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => {
            let message = format!("several approvals begin with `{id}`");
            Err(Failure::new(Kind::Usage, message).hint("give more of the id."))
        }
        (None, _) => Err(failure(ApprovalsError::NotFound(id.to_owned()))),
    }
}

fn print_one(approvals: &Approvals, approval: &Approval, json: bool) -> Result<(), Failure> {
    let state = approval.state(approvals.now());
    if json {
        let mut shown = serde_json::to_value(approval).context("the approval cannot be written as JSON")?;
        if let Some(fields) = shown.as_object_mut() {
            fields.insert("state".to_owned(), state.word().into());
            fields.insert("digest".to_owned(), approval.digest().into());
            for time in ["asked", "expires"] {
                let at = if time == "asked" { approval.asked } else { approval.expires };
                fields.insert(time.to_owned(), at.to_string().into());
            }
        }
        return print_json(&shown);
    }
    let Approval {
        id, policy, question, call, tool, arguments, beside, caller, session, asked, expires, answers, ..
    } = approval;
    let beside = match beside.is_empty() {
        true => String::new(),
        false => format!("\nbeside    {:#}", serde_json::Value::Object(beside.clone())),
    };
    let roles = if question.roles.is_empty() { "anyone".to_owned() } else { question.roles.join(", ") };
    let mut text = format!(
        "approval  {id}\nstate     {}\npolicy    {policy}: {}\npreview   {}\ntool      {tool}\narguments {arguments:#}{beside}\n\
         caller    {}, session {session}, call {call}\nfor       {roles}; {} needed\nasked     {asked}\nexpires   {expires}\ndigest    {}\n",
        state.word(),
        question.reason,
        question.preview,
        caller.principal,
        question.quorum,
        approval.digest(),
    );
    for answer in answers {
        let word = if answer.approve { "yes" } else { "no" };
        let why = answer.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        text.push_str(&format!("{word:9} {} at {}{why}\n", answer.by, answer.at));
    }
    print(&plain(&text))
}

/// Who sits at this terminal.
pub(super) fn user() -> String {
    ["USER", "LOGNAME", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| "operator".to_owned())
}

fn failure(error: ApprovalsError) -> Failure {
    let hint = match &error {
        ApprovalsError::NotEntitled { .. } => Some("say in which role you answer with --role ROLE."),
        ApprovalsError::OwnCall { .. } => Some("somebody else must answer: --as NAME."),
        ApprovalsError::NotFound(_) => Some("`interlock approvals list --all` lists what there is."),
        ApprovalsError::NotWhatWasSeen { .. } => {
            Some("`interlock approvals show ID` shows what is asked, and its digest.")
        }
        ApprovalsError::NotOpen { .. }
        | ApprovalsError::NotThisWay { .. }
        | ApprovalsError::Answered { .. }
        | ApprovalsError::NoName
        | ApprovalsError::Journal(_) => None,
    };
    let failure = Failure::from(anyhow::Error::from(error));
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
