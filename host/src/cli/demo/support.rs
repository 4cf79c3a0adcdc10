//! The story `support`: a bot looks a customer up, opens a ticket once, has a lead agree, and tells the channel: over
//! REST, and over MCP alike.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{
    client::{Client, Told},
    desk::{Desk, Rest},
    script::Script,
    stage::Stage,
};
use crate::{cli::error::Failure, config::JSONC};

/// The example that is played: its policies are these.
const EXAMPLE: &str = include_str!("../../../../examples/support-desk/interlock.json");
const PENDING: &str = "approval_pending";
/// What the bot calls opening that ticket.
const WORK: &str = "invoice-2026-11";

/// Tells it, at both doors.
///
/// # Errors
/// If it cannot be told to its end.
pub(super) async fn tell(script: &mut Script) -> Result<(), Failure> {
    script.story(
        "support over REST",
        "A bot works at a customer desk over plain HTTP, with a key; a lead has another. Policies: examples/support-desk.",
    )?;
    play(script, false).await?;
    script.story("support over MCP", "The same by MCP over HTTP; the lead answers over REST.")?;
    play(script, true).await
}

async fn play(script: &mut Script, mcp: bool) -> Result<(), Failure> {
    let stage = Stage::new(&config()?)?;
    let (bot, lead) = (key(&stage, "desk-bot", "support").await?, key(&stage, "dana", "support-lead").await?);
    let gateway = stage.serve_http().await?;
    let (own, dana) = (Rest::new(&gateway.root, &bot)?, Rest::new(&gateway.root, &lead)?);
    let desk = match mcp {
        false => Desk::Rest(Rest::new(&gateway.root, &bot)?),
        true => Desk::Mcp(Client::over_http(&format!("{}/mcp", gateway.root), &bot).await?),
    };
    let customer = work(script, &desk).await?;
    status(script, &desk, &customer, &own, &dana).await?;
    let message =
        json!({"channel": "#support", "message": format!("{customer} is suspended."), "ticket_id": "ticket-1"});
    call(script, &desk, "Tell the channel", ("send_message", message, None), "it goes through", Told::succeeded)
        .await?;
    trail(script, &stage).await?;
    desk.leave().await?;
    Ok(gateway.end().await?)
}

/// Finds the customer, and opens one ticket in two attempts. Returns whose.
async fn work(script: &mut Script, desk: &Desk) -> Result<String, Failure> {
    let search = ("search_customer", json!({"query": "past_due"}), None);
    let found = call(script, desk, "Find who has not paid", search, "it goes through", Told::succeeded).await?;
    let customer = found.at("/customers/0/customer_id").as_str().unwrap_or_default().to_owned();
    let ticket = || ("create_ticket", json!({"customer_id": customer, "subject": "Invoice unpaid"}), Some(WORK));
    let first = call(script, desk, "Open a ticket", ticket(), "it goes through", Told::succeeded).await?;
    let opened = first.at("/ticket_id");
    call(
        script,
        desk,
        "The answer was lost, so the bot asks again, by the same key",
        ticket(),
        "the same ticket, told again",
        |again| again.succeeded() && again.replayed() && !opened.is_null() && again.at("/ticket_id") == opened,
    )
    .await?;
    Ok(customer)
}

/// Suspends the customer, which a lead must agree to.
async fn status(script: &mut Script, desk: &Desk, customer: &str, bot: &Rest, dana: &Rest) -> Result<(), Failure> {
    let suspend = || {
        let arguments = json!({"customer_id": customer, "status": "suspended", "reason": "Invoice unpaid"});
        ("update_customer_status", arguments, None)
    };
    let pends = |told: &Told| told.refused_with(PENDING).is_some();
    let asked = call(script, desk, "Suspend the customer", suspend(), "a lead must agree", pends).await?;
    let id = asked.refused_with(PENDING).and_then(|refusal| refusal.get("approval")).and_then(Value::as_str);
    let id = id.unwrap_or_default();
    for (step, who, expected) in
        [("The bot says yes to itself", bot, 403), ("Dana, who is a lead, says yes over REST", dana, 200)]
    {
        let (answered, body) = who.confirm(id).await?;
        let said = body.get("detail").or(body.get("state")).and_then(Value::as_str).unwrap_or_default();
        let (done, came) = (format!("POST /confirm/{id} {{\"approve\": true}}"), format!("{answered}: {said}"));
        script.note(step, done, expected.to_string(), came, answered.as_u16() == expected)?;
    }
    call(script, desk, "Make the same call again", suspend(), "it goes through", Told::succeeded).await?;
    Ok(())
}

/// Reads in the journal what was done: each thing once, and by whose leave.
async fn trail(script: &mut Script, stage: &Stage) -> Result<(), Failure> {
    let ran = stage.run(&["audit", "query", "--kind", "call.*", "--json"]).await?;
    let events = || ran.json.as_array().into_iter().flatten();
    let of = |kind: &'static str| events().filter(move |event| event.get("kind").is_some_and(|found| found == kind));
    let tools = of("call.admitted").filter_map(|event| event.pointer("/body/tool")?.as_str());
    let (tools, replayed) = (tools.collect::<Vec<_>>().join(", "), of("call.replayed").count());
    let expected =
        "crm/search_customer, crm/create_ticket, crm/update_customer_status, crm/send_message; told again: 1";
    let came = format!("{tools}; told again: {replayed}");
    let ok = came == expected;
    script.note("Read the trail: each was done once", ran.typed.clone(), expected, came, ok)?;
    let ran = stage.run(&["audit", "query", "--kind", "approval.granted", "--json"]).await?;
    let text = |pointer| ran.json.pointer(pointer).and_then(Value::as_str).unwrap_or("nobody").to_owned();
    let came = format!("{}, by {}", text("/0/body/by"), text("/0/body/channel"));
    let ok = came == "dana, by rest";
    script.note("And by whose leave", ran.typed, "dana, by rest", came, ok)
}

async fn call(
    script: &mut Script,
    desk: &Desk,
    step: &'static str,
    (tool, arguments, work): (&str, Value, Option<&str>),
    expected: &str,
    fits: impl Fn(&Told) -> bool,
) -> Result<Told, Failure> {
    let told = desk.call(tool, &arguments, work).await?;
    script.note(step, desk.done(tool, &arguments, work), expected, told.text.clone(), fits(&told))?;
    Ok(told)
}

/// The example, whose callers over HTTP must be known.
fn config() -> anyhow::Result<Value> {
    let parsed = jsonc_parser::parse_to_ast(EXAMPLE, &Default::default(), &JSONC).context("the example is no JSON")?;
    let mut config = parsed.value.map(Value::from).context("the example is empty")?;
    if let Some(sections) = config.as_object_mut() {
        sections.insert("auth".to_owned(), json!({ "keys": true }));
    }
    Ok(config)
}

/// Makes a key.
async fn key(stage: &Stage, name: &str, role: &str) -> anyhow::Result<String> {
    let ran = stage.run(&["keys", "create", name, "--role", role]).await?;
    let key = ran.said.lines().next().filter(|key| key.starts_with("ilk_"));
    key.map(str::to_owned).with_context(|| format!("no key was made: {}", ran.said))
}
