//! The way in for the fuzzer: what a server writes to its output while a call is open.

use std::{io, sync::Arc, time::Duration};

use rmcp::model::{ClientJsonRpcMessage, ClientRequest, CustomRequest, NumberOrString};
use serde_json::{Map, Value, json};
use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use super::{
    Announcements, FromServer, Link, Offers,
    exchange::Exchange,
    offers,
    outlet::{LineWriter, Outlet},
    stdio::read_lines,
    switchboard::Switchboard,
    task::{TaskEnd, declares_tasks, is_tool_result, task_end, task_id, without_tasks},
};
use crate::tasks::Tasks;

thread_local! {
    static RUNTIME: io::Result<Runtime> = Builder::new_current_thread().enable_time().build();
}

/// Takes the bytes for the output of a server that has one call of ours open, number 1, and then has it answered.
///
/// # Panics
/// If something is not as it should be.
pub fn output(bytes: &[u8]) {
    RUNTIME.with(|runtime| match runtime {
        Ok(runtime) => runtime.block_on(heard(bytes)),
        Err(error) => unreachable!("nothing would be tried: {error}"),
    });
}

async fn heard(bytes: &[u8]) {
    let tasks = Tasks::new();
    let board = Arc::new(Switchboard::new("odd".into(), Announcements::new(), tasks.clone()));
    let writer = LineWriter::start(tokio::io::sink(), &tasks);
    let outlet = Outlet::Line(writer.clone());
    let (messages, mut from_server) = mpsc::channel(4);
    let link = Link {
        messages,
        cancel: CancellationToken::new(),
        meta: Map::new(),
        wants_progress: true,
        capabilities: json!({"elicitation": {}, "sampling": {}, "roots": {}}),
        takes_input_required: false,
        resumes: None,
        log_level: None,
    };
    let exchange = Arc::new(Exchange::new(&link));
    let mut request = CustomRequest::new("tools/call", Some(json!({"name": "x", "_meta": {"progressToken": 1}})));
    request.extensions.insert(exchange.clone());
    let request = ClientRequest::CustomRequest(request);
    let sent = board.outgoing(&ClientJsonRpcMessage::request(request, NumberOrString::Number(1)));
    assert!(sent.is_ok(), "nobody has called it off");
    let (to_rmcp, mut for_rmcp) = mpsc::channel(4);
    let reading = async {
        read_lines("odd".into(), bytes, board.clone(), outlet.clone(), to_rmcp).await;
        // What was written until now has ended the call or has not; this does.
        let last = json!({"jsonrpc": "2.0", "id": 1, "result": {"content": []}});
        drop(board.incoming(last, None, &outlet).await);
        link.cancel.cancel();
    };
    let client = async {
        loop {
            let message = tokio::select! {
                message = from_server.recv() => message,
                () = link.cancel.cancelled() => break,
            };
            match message {
                Some(FromServer::Request { reply, .. }) => drop(reply.send(Ok(json!({})))),
                Some(FromServer::Notification { .. }) => {}
                None => break,
            }
        }
    };
    let rmcp = async { while for_rmcp.recv().await.is_some() {} };
    tokio::join!(reading, client, rmcp);
    let answer = exchange.take_answer();
    assert!(answer.is_some(), "a call that was answered has an answer");
    if let Some(Ok(result)) = answer {
        let _ = is_tool_result(&result);
        listing(&result);
        task(&result);
    }
    writer.close();
    assert!(tasks.stop(Duration::from_secs(60)).await, "every task ends");
}

/// A result as a task, and as the state of one.
fn task(result: &Value) {
    assert!(task_id(result).is_none_or(|id| !id.is_empty()));
    if let Some(TaskEnd::Answered(Ok(answer))) = task_end(result) {
        assert!(is_tool_result(&answer), "a call ends with what a call can end with");
        let kind = answer.get("resultType").and_then(Value::as_str);
        assert!(!matches!(kind, Some("task" | "input_required")), "and with the last of it");
    }
    let mut capabilities = result.clone();
    without_tasks(&mut capabilities);
    assert!(!declares_tasks(&capabilities));
}

/// A result as the answer to a listing, and to a handshake.
fn listing(result: &Value) {
    let definitions = result.get("tools").and_then(Value::as_array).cloned().unwrap_or_default();
    let tools = offers::tools("odd", "odd__", definitions);
    for tool in tools.iter() {
        assert_eq!((tool.name.server(), tool.name.tool().contains('/')), ("odd", false));
    }
    let _ = Offers::from_handshake(result, String::new());
}
