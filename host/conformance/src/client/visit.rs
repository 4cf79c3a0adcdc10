//! Asks a server for everything that it has: calls every tool, gets every prompt, reads every resource.

use interlock::{
    call::Caller,
    downstream::{FromServer, Link},
    mediation::{Answer, CallRequest, Mediator},
};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::answers;

/// Does it. `context` may name the calls that are wanted, instead of one of each tool. False: the server is not there.
pub(crate) async fn all(mediator: &Mediator, context: &Value) -> bool {
    let tools = mediator.catalogue().tools();
    let schemas: Vec<&Value> = tools.iter().filter_map(|tool| tool.definition.get("inputSchema")).collect();
    let calls: Vec<(String, Map<String, Value>)> = match context.get("toolCalls").and_then(Value::as_array) {
        Some(wanted) => wanted.iter().filter_map(call).collect(),
        None => {
            let fitting = |schema| answers::fitting(schema, schemas.first().copied());
            tools.iter().zip(&schemas).map(|(tool, schema)| (tool.exposed.clone(), fitting(schema))).collect()
        }
    };
    for (tool, arguments) in calls {
        let caller = Caller { principal: "local".to_owned(), roles: Vec::new(), client: None };
        let session = "conformance".to_owned();
        let beside = Map::new();
        let request = CallRequest {
            tool: tool.clone(),
            arguments,
            beside,
            caller,
            session,
            continues: None,
            batch: None,
            idempotency_key: None,
            answers: Vec::new(),
        };
        let link = link();
        match mediator.call(request, link).await {
            Answer::Result { result, .. } => eprintln!("{tool}: {result}"),
            Answer::Refused { refused, .. } => eprintln!("{tool}: refused, {refused:?}"),
            Answer::Error { error, .. } => eprintln!("{tool}: {error}"),
        }
    }
    for (list, field, get, key) in
        [("prompts/list", "prompts", "prompts/get", "name"), ("resources/list", "resources", "resources/read", "uri")]
    {
        let listed = mediator.catalogue().request(list, json!({}), link()).await.unwrap_or_default();
        let items = listed.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
        for name in items.iter().filter_map(|item| item.get(key)) {
            let got = mediator.catalogue().request(get, json!({key: name}), link()).await;
            eprintln!("{get} {name}: {got:?}");
        }
    }
    mediator.catalogue().status().iter().all(|server| server.state == interlock::downstream::State::Ready)
}

fn call(wanted: &Value) -> Option<(String, Map<String, Value>)> {
    let arguments = wanted.get("arguments").and_then(Value::as_object).cloned().unwrap_or_default();
    Some((wanted.get("name")?.as_str()?.to_owned(), arguments))
}

/// A line to somebody who fills in every form.
fn link() -> Link {
    let (messages, mut said) = mpsc::channel(64);
    tokio::spawn(async move {
        while let Some(message) = said.recv().await {
            match message {
                FromServer::Notification { method, params } => eprintln!("{method}: {params}"),
                FromServer::Request { params, reply, .. } => {
                    // A server that has stopped waiting needs no answer.
                    drop(reply.send(Ok(answers::accept(&params))));
                }
            }
        }
    });
    Link {
        messages,
        cancel: CancellationToken::new(),
        meta: Map::new(),
        wants_progress: false,
        capabilities: json!({"elicitation": {"form": {}}}),
        takes_input_required: false,
        resumes: None,
        log_level: None,
    }
}
