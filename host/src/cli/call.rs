//! `interlock call` and `interlock explain`: one call through the same path that an AI app's calls take.

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    arguments::{Call, Global},
    error::{Failure, Kind},
    output::{Table, line, plain, print, print_json, tell},
    running::{block_on, configuration, with_app},
};
use crate::{
    config::Config,
    downstream::{FromServer, Link, RpcError},
    mediation::{Answer, CallRequest, Explanation, Refused},
};

/// The session of calls from the command line that name none: one after the other, they hang together.
const SESSION: &str = "command-line";

/// Messages of a server that may wait to be shown.
const MESSAGES: usize = 64;

/// Makes the call, and prints what came back.
pub(super) fn run(global: &Global, asked: &Call) -> Result<(), Failure> {
    let config = configuration(global)?;
    block_on(with_app(&config, Some("call"), async |app| {
        let (link, shown) = link();
        let mediator = app.mediator();
        let (answer, ()) = tokio::join!(mediator.call(request(&config, asked), link), shown);
        match answer {
            Answer::Result { call, result, .. } => {
                let failed = result.get("isError").and_then(Value::as_bool) == Some(true);
                if global.json {
                    print_json(&json!({ "call": call, "result": result }))?;
                } else {
                    print(&plain(&text_of(&result)))?;
                }
                if failed { Err(Failure::new(Kind::Failed, format!("`{}` failed", asked.tool))) } else { Ok(()) }
            }
            Answer::Refused { call, refused, result, .. } => {
                if global.json {
                    print_json(&json!({ "call": call, "refused": refused, "result": result }))?;
                }
                if refused.iter().any(|one| one.refusal.code == "outcome_unknown") {
                    let failure = Failure::new(Kind::Failed, text_of(&result).trim_end());
                    return Err(failure.hint(format!("`interlock calls show {call}` tells what is known of it.")));
                }
                let hint = if refused.iter().any(|one| one.refusal.code == "tool_changed") {
                    "`interlock tools changes` shows what its server has changed, `tools accept` accepts it.".to_owned()
                } else {
                    format!("`interlock explain {}` tells what each policy says.", asked.tool)
                };
                Err(refusal(&refused).hint(hint))
            }
            Answer::Error { call, error: RpcError { code, message, data }, .. } => {
                let unknown = data.as_ref().and_then(|data| data.pointer("/interlock/refused/0/code")).is_some();
                if global.json {
                    print_json(&json!({ "call": call, "error": { "code": code, "message": message, "data": data } }))?;
                }
                let failure = Failure::new(if unknown { Kind::Refused } else { Kind::Failed }, message);
                Err(if unknown { failure.hint("`interlock tools` lists what there is.") } else { failure })
            }
        }
    }))
}

/// Tells what would be decided, and prints it.
pub(super) fn explain(global: &Global, asked: &Call) -> Result<(), Failure> {
    let config = configuration(global)?;
    block_on(with_app(&config, None, async |app| {
        let explained = app.mediator().explain(request(&config, asked)).await;
        let explanation =
            explained.map_err(|refused| refusal(&refused).hint("`interlock tools` lists what there is."))?;
        if global.json {
            print_json(&serde_json::to_value(&explanation).unwrap_or_default())?;
        } else {
            print(&told(&explanation))?;
        }
        match explanation.decision {
            "refuse" => Err(Failure::new(Kind::Refused, format!("a call of {} would be refused", explanation.tool))),
            _ => Ok(()),
        }
    }))
}

fn request(config: &Config, asked: &Call) -> CallRequest {
    CallRequest {
        tool: asked.tool.clone(),
        arguments: asked.args.0.clone(),
        beside: Map::new(),
        caller: config.local.clone(),
        session: asked.session.clone().unwrap_or_else(|| SESSION.to_owned()),
        continues: None,
        idempotency_key: asked.idempotency_key.clone(),
        answers: Vec::new(),
        batch: None,
    }
}

/// A link to the person at the terminal: progress and log lines are shown, questions of servers cannot be answered.
fn link() -> (Link, impl Future<Output = ()>) {
    let (messages, mut from_server) = mpsc::channel(MESSAGES);
    let link = Link {
        messages,
        cancel: CancellationToken::new(),
        meta: Map::new(),
        wants_progress: true,
        capabilities: json!({}),
        takes_input_required: false,
        resumes: None,
        log_level: None,
    };
    let shown = async move {
        while let Some(message) = from_server.recv().await {
            match message {
                FromServer::Notification { params, .. } => {
                    if let Some(text) = params.get("message").or(params.get("data")).and_then(Value::as_str) {
                        tell(text);
                    }
                }
                FromServer::Request { method, reply, .. } => {
                    let message = format!("the command line cannot answer `{method}`");
                    // A server that has stopped waiting needs no answer.
                    drop(reply.send(Err(RpcError { code: -32601, message, data: None })));
                }
            }
        }
    };
    (link, shown)
}

/// The text of a result; structured content where there is none.
fn text_of(result: &Value) -> String {
    let texts = result.get("content").and_then(Value::as_array).into_iter().flatten();
    let texts: Vec<&str> = texts.filter_map(|block| block.get("text").and_then(Value::as_str)).collect();
    match (texts.as_slice(), result.get("structuredContent")) {
        (_, Some(structured)) => format!("{structured:#}\n"),
        ([], None) => format!("{result:#}\n"),
        (texts, None) => format!("{}\n", texts.join("\n")),
    }
}

/// A refusal as this program fails with it.
fn refusal(refused: &[Refused]) -> Failure {
    let mut lines = Vec::new();
    for Refused { policy, refusal } in refused {
        lines.push(line(&format!("{} ({policy}): {}", refusal.code, refusal.reason)));
        for unlock in &refusal.unlocks {
            lines.push(line(&format!("  to unlock: {}", serde_json::to_value(unlock).unwrap_or_default())));
        }
    }
    Failure::new(Kind::Refused, lines.join("\n"))
}

fn told(explanation: &Explanation) -> String {
    let Explanation { tool, decision, policies, scopes } = explanation;
    let mut table = Table::new(&["policy", "mode", "verdict", "why", "unlocks"]);
    for judged in policies {
        let (why, unlocks) = match &judged.refusal {
            Some(Refused { refusal, .. }) => (
                Value::from(format!("{}: {}", refusal.code, refusal.reason)),
                refusal.unlocks.iter().map(|unlock| serde_json::to_value(unlock).unwrap_or_default()).collect(),
            ),
            None => (judged.reason.clone().map_or(Value::Null, Value::from), Value::Null),
        };
        table.row([judged.policy.clone().into(), judged.mode.into(), judged.verdict.into(), why, unlocks]);
    }
    let scopes = if scopes.is_empty() { "none".to_owned() } else { scopes.join(", ") };
    let verdicts = if policies.is_empty() { "No policy guards it.\n".to_owned() } else { table.text() };
    format!("{tool}: {decision}\nHistory looked at: {scopes}\n\n{verdicts}")
}
