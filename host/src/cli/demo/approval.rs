//! The story `approval`: a payment waits for a person, whose yes buys exactly that payment, once.

use serde_json::{Value, json};

use super::{
    client::Told,
    script::{
        Expected::{Refused, Success},
        Script,
    },
    stage::Stage,
};
use crate::cli::error::Failure;

const PENDING: &str = "approval_pending";
/// How often somebody looks for a question that must be there in a moment; each look is a process.
const MOST_LOOKS: u32 = 100;

/// Tells it.
///
/// # Errors
/// If it cannot be told to its end.
pub(super) async fn tell(script: &mut Script) -> Result<(), Failure> {
    script.story(
        "approval",
        "Payments over 100 need a yes by someone from finance; people answer from another process.",
    )?;
    // The app is told at once that it has to wait.
    let stage = Stage::new(&config(0))?;
    let client = stage.serve().await?;
    script.call(&client, "A small payment asks nobody", pay("inv-1", 80), Success).await?;
    let asked = script.call(&client, "A large one asks", pay("inv-2", 4200), Refused(PENDING)).await?;
    let id = approval(&asked);

    let listed = stage.run(&["approvals", "list", "--json"]).await?;
    let shown = listed.json.pointer("/0/preview").cloned().unwrap_or_default();
    let ok = listed.json.pointer("/0/id") == Some(&json!(id)) && shown == "Pay 4200 to Acme Ltd";
    script.note("The question waits at the human's door", listed.typed, "Pay 4200 to Acme Ltd", text(&shown), ok)?;

    for (step, name, role) in
        [("Someone without the role says yes", "ian", "intern"), ("The caller says yes to itself", "local", "finance")]
    {
        let ran = stage.run(&["approvals", "approve", &id, "--as", name, "--role", role]).await?;
        script.note(step, ran.typed, "that does not count", ran.said, ran.code == Some(1))?;
    }
    let ran = stage.run(&["approvals", "approve", &id, "--as", "dana", "--role", "finance", "--json"]).await?;
    let state = ran.json.get("state").cloned().unwrap_or_default();
    let ok = ran.code == Some(0) && state == "granted";
    script.note("Dana from finance says yes", ran.typed, "granted", text(&state), ok)?;

    let told = script.call(&client, "Another amount is another question", pay("inv-2", 9200), Refused(PENDING)).await?;
    new_question(script, &told, &id)?;
    script.call(&client, "Exactly what was approved goes through", pay("inv-2", 4200), Success).await?;
    let told =
        script.call(&client, "Once: the same call again asks anew", pay("inv-2", 4200), Refused(PENDING)).await?;
    new_question(script, &told, &id)?;

    let verb = ["audit", "query", "--kind", "call.admitted", "--tool", "payments/process_payment", "--json"];
    let journal = stage.run(&verb).await?;
    let admitted: Vec<Value> = journal.json.as_array().into_iter().flatten().map(amount).collect();
    let came = format!("admitted: {}", Value::from(admitted.clone()));
    let ok = admitted == [json!(80), json!(4200)];
    script.note("The journal knows of two payments", journal.typed, "admitted: [80,4200]", came, ok)?;
    client.leave().await?;
    held(script).await
}

/// The app waits meanwhile, and need not call again.
async fn held(script: &mut Script) -> Result<(), Failure> {
    let stage = Stage::new(&config(45))?;
    let client = stage.serve().await?;
    let (tool, arguments) = pay("inv-3", 700);
    let answering = async {
        for _ in 0..MOST_LOOKS {
            let listed = stage.run(&["approvals", "list", "--json"]).await?;
            if let Some(id) = listed.json.pointer("/0/id").and_then(Value::as_str) {
                return stage.run(&["approvals", "approve", id, "--as", "dana", "--role", "finance"]).await;
            }
        }
        anyhow::bail!("nobody was asked")
    };
    let (told, answered) = tokio::join!(client.call(tool, arguments.clone()), answering);
    let (told, answered) = (told?, answered?);
    let done = format!("{tool} {arguments}\n                meanwhile: {}", answered.typed);
    let ok = Success.fits(&told) && answered.code == Some(0);
    script.note(
        "An app that can wait gets its answer when Dana has answered",
        done,
        Success.to_string(),
        told.text,
        ok,
    )?;
    Ok(client.leave().await?)
}

/// An app that is held waits so long for a person.
fn config(hold_open_seconds: u32) -> Value {
    json!({
        "mcpServers": {"payments": {"component": "payments"}},
        "policies": [{
            "name": "large-payments",
            "component": "approval",
            "match": {"tools": ["payments/process_payment"]},
            "settings": {"rules": [{
                "tools": ["payments/process_payment"],
                "when": {"not": {"argument": "/amount", "op": "<=", "value": 100}},
                "roles": ["finance"],
                "preview": "Pay {/amount} to {/to}",
            }]},
        }],
        "approvals": {"hold_open_seconds": hold_open_seconds},
    })
}

fn pay(id: &str, amount: u32) -> (&'static str, Value) {
    ("payments__process_payment", json!({"payment_id": id, "amount": amount, "to": "Acme Ltd"}))
}

/// The approval that a refused call waits for; empty if it waits for none.
fn approval(told: &Told) -> String {
    let id = told.refused_with(PENDING).and_then(|refusal| refusal.get("approval"));
    id.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn new_question(script: &mut Script, told: &Told, answered: &str) -> Result<(), Failure> {
    let id = approval(told);
    let ok = !id.is_empty() && id != answered;
    script.note("It is a new question", "compare the ids", format!("not {answered}"), id, ok)
}

fn amount(event: &Value) -> Value {
    event.pointer("/body/arguments/amount").cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("nothing").to_owned()
}
