//! `interlock approvals`: the human's door from a terminal. Works beside running gateways, through the journal alone.

pub(super) mod arguments;
mod delegate;

use anyhow::Context as _;
use serde_json::{Value, json};

use self::arguments::{Answer, Approvals as Asked, ApprovalsAction};
use super::{
    arguments::Global,
    error::{Failure, Kind},
    output::{Table, plain, print, print_json, tell},
    running::{CLOSE, block_on, configuration_or_journal, journal},
};
use crate::{
    admin::Links,
    app::serving,
    approvals::{Approval, Approvals, ApprovalsError, Channel, Matter, Reply, State},
    clock::Timestamp,
    config::Config,
    journal::are_cut,
    plain::line,
};

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
            ApprovalsAction::Link => link(&approvals, &config, json).await,
            ApprovalsAction::Delegate(asked) => delegate::run(&approvals, &config, asked, json).await,
        };
        journal.close(CLOSE).await;
        done
    })
}

async fn list(approvals: &Approvals, all: bool, json: bool) -> Result<(), Failure> {
    let now = approvals.now();
    let listed = approvals.matters().await.map_err(failure)?;
    let mut table = Table::new(&["id", "state", "tool", "caller", "policy", "roles", "preview", "expires"]);
    for matter in &listed {
        let state = matter.state(now);
        let open = match state {
            State::Open | State::Unreachable => true,
            State::Granted | State::Refused | State::Expired | State::Spent => false,
        };
        let Some(first) = matter.first().filter(|_| all || open) else { continue };
        let each = |of: &dyn Fn(&Approval) -> Value| match matter.batch() {
            None => of(first),
            Some(_) => matter.approvals.iter().map(of).collect(),
        };
        table.row([
            matter.id.clone().into(),
            word(matter, state).into(),
            each(&|one| one.tool.to_string().into()),
            first.caller.principal.clone().into(),
            first.policy.clone().into(),
            first.roles(now).into(),
            each(&|one| one.question.preview.clone().into()),
            matter.deadline().to_string().into(),
        ]);
    }
    table.print(json)
}

/// How it stands; of a batch, also how many of its calls are there.
fn word(matter: &Matter, state: State) -> String {
    match matter.batch() {
        Some((_, size)) if !matter.is_whole() => format!("{} ({} of {size})", state.word(), matter.calls()),
        Some(_) | None => state.word().to_owned(),
    }
}

async fn show(approvals: &Approvals, id: &str, json: bool) -> Result<(), Failure> {
    let matter = find(approvals, id).await?;
    print_one(approvals, &matter, json)
}

async fn respond(approvals: &Approvals, answer: &Answer, approve: bool, json: bool) -> Result<(), Failure> {
    let found = find(approvals, &answer.id).await?;
    // Who gives the id of one question of a batch shall be told that they are answered together.
    let is_part = |approval: &&Approval| approval.id.starts_with(&answer.id) && !found.id.starts_with(&answer.id);
    let id = found.approvals.iter().find(is_part).map_or(&found.id, |part| &part.id);
    let reply = Reply {
        by: answer.approver.clone().unwrap_or_else(user),
        roles: answer.roles.clone(),
        approve,
        reason: answer.reason.clone(),
        channel: Channel::Desk,
        seen: answer.seen.clone(),
    };
    approvals.answer(id, reply).await.map_err(failure)?;
    print_one(approvals, &approvals.matter(id).await.map_err(failure)?, json)
}

/// What is answered by an id that begins so; of a question in a batch, the batch.
async fn find(approvals: &Approvals, id: &str) -> Result<Matter, Failure> {
    let all = approvals.matters().await.map_err(failure)?;
    let begins = |matter: &Matter| {
        matter.id.starts_with(id) || matter.approvals.iter().any(|approval| approval.id.starts_with(id))
    };
    let mut fitting = all.into_iter().filter(begins);
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => {
            let message = format!("several approvals begin with `{id}`");
            Err(Failure::new(Kind::Usage, message).hint("give more of the id."))
        }
        (None, _) => Err(failure(ApprovalsError::NotFound(id.to_owned()))),
    }
}

fn print_one(approvals: &Approvals, matter: &Matter, json: bool) -> Result<(), Failure> {
    let now = approvals.now();
    let state = matter.state(now);
    if json {
        let mut each = Vec::new();
        for approval in &matter.approvals {
            each.push(as_json(approval, now)?);
        }
        return match (matter.batch(), each.pop()) {
            (None, Some(alone)) => print_json(&alone),
            (batch, last) => {
                each.extend(last);
                let (name, size) = batch.unwrap_or_default();
                print_json(&json!({
                    "id": matter.id, "batch": { "name": name, "size": size }, "state": state.word(),
                    "digest": matter.digest(), "expires": matter.deadline().to_string(), "approvals": each,
                }))
            }
        };
    }
    let mut text = String::new();
    if let Some((name, size)) = matter.batch() {
        let (id, calls, expires) = (&matter.id, matter.calls(), matter.deadline());
        text = format!(
            "batch     {id}\nname      {name}\nstate     {}\ncalls     {calls} of {size}, answered together\nexpires   {expires}\n\
             digest    {}\n\n",
            state.word(),
            matter.digest()
        );
    }
    let each: Vec<String> = matter.approvals.iter().map(|approval| as_text(approval, now)).collect();
    text.push_str(&each.join("\n"));
    print(&plain(&text))
}

fn as_json(approval: &Approval, now: Timestamp) -> Result<Value, Failure> {
    let mut shown = serde_json::to_value(approval).context("the approval cannot be written as JSON")?;
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("state".to_owned(), approval.state(now).word().into());
        fields.insert("digest".to_owned(), approval.digest().into());
        fields.insert("arguments_cut".to_owned(), are_cut(&approval.arguments).into());
        fields.insert("asked".to_owned(), approval.asked.to_string().into());
        fields.insert("expires".to_owned(), approval.deadline().to_string().into());
    }
    Ok(shown)
}

fn as_text(approval: &Approval, now: Timestamp) -> String {
    let Approval { id, policy, question, call, tool, arguments, beside, caller, session, asked, answers, .. } =
        approval;
    let beside = match beside.is_empty() {
        true => String::new(),
        false => format!("\nbeside    {:#}", Value::Object(beside.clone())),
    };
    let cut = match are_cut(arguments) {
        true => "\n          too large to be kept whole: this is their beginning, with their length and digest",
        false => "",
    };
    let roles = approval.roles(now);
    let roles = if roles.is_empty() { "anyone".to_owned() } else { roles.join(", ") };
    let mut text = format!(
        "approval  {id}\nstate     {}\npolicy    {policy}: {}\npreview   {}\ntool      {tool}\narguments {arguments:#}{cut}{beside}\n\
         caller    {}, session {session}, call {call}\nfor       {roles}; {} needed\nasked     {asked}\nexpires   {}\ndigest    {}\n",
        approval.state(now).word(),
        question.reason,
        question.preview,
        caller.principal,
        approval.quorum(),
        approval.deadline(),
        approval.digest(),
    );
    if let Some(why) = &approval.unreachable {
        text.push_str(&format!("untold    nobody could be told of it: {}\n", line(why)));
    }
    for step in &approval.escalate {
        let verb = if step.at <= now { "since" } else { "from" };
        text.push_str(&format!("also      {}, in the place of {}, {verb} {}\n", step.to, step.from, step.at));
    }
    for answer in answers {
        let word = if answer.approve { "yes" } else { "no" };
        let behalf = answer.on_behalf.as_ref().map(|behalf| format!(" for {}", behalf.of)).unwrap_or_default();
        // On one line: another would look like another answer.
        let why = answer.reason.as_deref().map(|why| format!(": {}", line(why))).unwrap_or_default();
        text.push_str(&format!("{word:9} {}{behalf} at {}{why}\n", answer.by, answer.at));
    }
    text
}

/// Makes a link to the page that a gateway serves: of several, the one that began last.
async fn link(approvals: &Approvals, config: &Config, json: bool) -> Result<(), Failure> {
    let gateways = serving(approvals.journal()).await.context("the journal cannot be read")?;
    // What a gateway asks for is what it was started with, whatever the configuration has now.
    let served = gateways.into_iter().rev().find_map(|gateway| gateway.page);
    let (base, keys) = match served {
        Some(page) => (Some(page.url), page.keys),
        None => (None, config.http_keys),
    };
    if keys {
        let base = base.unwrap_or_else(|| config.admin.base());
        return Err(Failure::new(Kind::Failed, "people come in with API keys here, and not by links")
            .hint(format!("open {base}/approvals and sign in; `interlock keys create` makes a key.")));
    }
    let Some(base) = base else {
        return Err(Failure::new(Kind::Failed, "no gateway serves the page at the moment")
            .hint("`interlock serve --http` does; over stdio, one does that has `admin` in its configuration."));
    };
    let link = Links::new(approvals.journal().clone()).make(&user(), &base).await.context("the link cannot be made")?;
    if json {
        return print_json(&json!({ "link": link.expose() }));
    }
    print(&format!("{}\n", link.expose()))?;
    tell("It works once, within 10 minutes, and for whoever has it.");
    Ok(())
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
        ApprovalsError::InBatch { .. } => Some("answer the batch by its id."),
        ApprovalsError::NoRoles => Some("say which with --role ROLE."),
        ApprovalsError::NoDelegation(_) | ApprovalsError::DelegationOver(_) => {
            Some("`interlock approvals delegate` lists what there is.")
        }
        ApprovalsError::Chain { .. } => Some("whoever has the role themself can delegate it: --from NAME."),
        ApprovalsError::NotWhatWasSeen { .. } => {
            Some("`interlock approvals show ID` shows what is asked, and its digest.")
        }
        ApprovalsError::NotOpen { .. }
        | ApprovalsError::NotThisWay { .. }
        | ApprovalsError::Incomplete { .. }
        | ApprovalsError::ToThemself(_)
        | ApprovalsError::NoSuchTime
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
