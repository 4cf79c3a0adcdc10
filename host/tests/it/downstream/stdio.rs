//! Over stdio, in both eras.

use std::{collections::BTreeMap, path::PathBuf};

use futures::future::join_all;
use interlock::secret::Secret;

use super::*;

pub(super) fn python(mode: &str) -> Reach {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/downstream/server.py");
    Reach::Stdio {
        command: "python3".to_owned(),
        args: vec![script.to_owned(), mode.to_owned()],
        env: BTreeMap::from([("GIVEN".to_owned(), Secret::new("gift"))]),
        cwd: PathBuf::from("."),
    }
}

async fn start(mode: &str) -> Fixture {
    Fixture::start(python(mode), settings()).await.ready().await
}

#[tokio::test]
async fn what_a_server_offers_is_kept_as_it_said_it() {
    for (mode, protocol) in [("legacy", "2025-11-25"), ("modern", "2026-07-28")] {
        let fixture = start(mode).await;
        let offers = fixture.server.offers();
        assert_eq!(offers.protocol, protocol);
        assert_eq!(offers.capabilities["odd"], 1);
        assert_eq!(offers.server_info["oddity"], true);
        assert_eq!(offers.instructions.as_deref(), Some("be odd"));
        assert_eq!(offers.tools.len(), 9, "all pages, without names that escape patterns");
        let echo = offers.tools.iter().find(|tool| tool.exposed == "odd__echo").unwrap();
        assert_eq!(echo.name.as_str(), "odd/echo");
        assert_eq!(echo.definition["oddity"], json!({"at": 6}));
        assert_eq!(echo.hints.to_vec(), ["read_only"]);
        assert_eq!(fixture.server.status().kind, "stdio");
        fixture.stop().await;
    }
}

#[tokio::test]
async fn an_answer_is_the_servers_own_json() {
    for mode in ["legacy", "modern"] {
        let fixture = start(mode).await;
        let answer = fixture.plain("steps", json!({"steps": 0})).await.unwrap();
        let id = answer["oddity"]["deep"][0].clone();
        assert_eq!(
            answer,
            json!({"content": [{"type": "hologram", "data": [1.0, null]}, {"type": "resource_link", "uri": "a:b"}],
                "structuredContent": {"big": u64::MAX, "null": null}, "oddity": {"deep": [id]}})
        );
        fixture.stop().await;
    }
}

#[tokio::test]
async fn what_is_no_response_does_not_end_a_call() {
    for mode in ["legacy", "modern"] {
        let fixture = start(mode).await;
        let lines = [
            r#"{"level": "info"}"#,
            "null",
            "42",
            "[]",
            "{}",
            r#""text""#,
            r#"{"error": "it went wrong"}"#,
            r#"{"error": {"code": 1, "message": "no id"}}"#,
            r#"{"id": null, "error": null}"#,
            r#"{"jsonrpc": "2.0", "id": null, "result": {"content": []}}"#,
            r#"{"jsonrpc": "2.0", "result": {"content": []}}"#,
            r#"{"jsonrpc": "2.0", "id": 4711, "result": {"content": []}}"#,
            r#"{"id": 4711}"#,
        ];
        for line in lines {
            let answer = fixture.plain("noise", json!({"lines": [line]})).await.unwrap();
            assert_eq!(answer, json!({"content": [{"type": "text", "text": "done"}]}), "{line}");
        }
        fixture.stop().await;
    }
}

#[tokio::test]
async fn an_answer_that_is_no_result_is_a_failure() {
    for mode in ["legacy", "modern"] {
        let fixture = start(mode).await;
        for answer in [
            json!({}),
            json!({"level": "info"}),
            json!({"result": null}),
            json!({"result": []}),
            json!({"result": "done"}),
            json!({"error": "it went wrong"}),
            json!({"result": {}}),
            json!({"result": {"resultType": "complete"}}),
            json!({"result": {"resultType": 1, "content": []}}),
            json!({"result": {"content": "done"}}),
            json!({"result": {"content": [], "isError": "true"}}),
            json!({"result": {"content": [], "isError": null}}),
        ] {
            let outcome = fixture.plain("raw", json!({"answer": answer})).await;
            let Err(ServerError::Rpc(error)) = outcome else { panic!("{answer}: {outcome:?}") };
            assert_eq!((error.code, error.message.as_str()), (-32603, "the server's answer is not a result"));
        }
        for result in [
            json!({"content": []}),
            json!({"content": [], "isError": true}),
            json!({"structuredContent": {}, "isError": false}),
        ] {
            let answer = fixture.plain("raw", json!({"answer": {"result": result, "error": null}})).await;
            assert_eq!(answer.unwrap(), result);
        }
        let unread = json!({"id": null, "error": {"code": -32700, "message": "unread"}});
        let outcome = fixture.plain("raw", json!({"answer": unread})).await;
        assert!(matches!(&outcome, Err(ServerError::Rpc(error)) if error.code == -32700), "{outcome:?}");
        fixture.stop().await;
    }
}

#[tokio::test]
async fn a_request_reaches_the_server_as_it_was_made() {
    let legacy = start("legacy").await;
    let (mut client, _received) = link();
    client.meta = json!({"traceparent": "00-1", "vendor/x": {"y": [1]}}).as_object().cloned().unwrap();
    let answer = legacy.run("echo", json!({"a": 1e30, "b": null}), client).await.unwrap();
    let expected = json!({"name": "echo", "arguments": {"a": 1e30, "b": null},
        "_meta": {"traceparent": "00-1", "vendor/x": {"y": [1]}}});
    assert_eq!(answer["received"], expected);
    let answer = legacy.plain("echo", json!({})).await.unwrap();
    assert_eq!(answer["received"], json!({"name": "echo", "arguments": {}}), "nothing of ours is added");
    legacy.stop().await;

    let modern = start("modern").await;
    let (mut client, _received) = link();
    client.log_level = Some("debug".to_owned());
    let answer = modern.run("echo", json!({}), client).await.unwrap();
    let meta = &answer["received"]["_meta"];
    assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    assert_eq!(meta["io.modelcontextprotocol/clientCapabilities"]["elicitation"], json!({"form": {}}));
    assert_eq!(meta["io.modelcontextprotocol/logLevel"], "debug");
    assert_eq!(meta.get("progressToken"), None);
    modern.stop().await;
}

fn progress(message: FromServer) -> Value {
    match message {
        FromServer::Notification { method, params } if method == "notifications/progress" => params,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_client_that_reads_slowly_slows_its_server_down_and_misses_nothing() {
    let fixture = start("modern").await;
    let (mut client, _) = link();
    let (messages, mut received) = mpsc::channel(1);
    client.messages = messages;
    client.wants_progress = true;
    let hear = async {
        let mut steps = 0;
        while received.recv().await.is_some() {
            steps += 1;
        }
        steps
    };
    let (answer, steps) = tokio::join!(fixture.run("steps", json!({"steps": 500}), client), hear);
    assert!(answer.is_ok());
    assert_eq!(steps, 500);
    fixture.stop().await;
}

#[tokio::test]
async fn progress_of_fifty_calls_at_once_arrives_whole_in_order_and_before_each_result() {
    let fixture = start("legacy").await;
    let calls = (0..50).map(|_| async {
        let (mut client, _) = link();
        let (messages, mut received) = mpsc::channel(50);
        client.messages = messages;
        client.wants_progress = true;
        let answer = fixture.run("steps", json!({"steps": 50}), client).await;
        assert!(answer.is_ok(), "{answer:?}");
        // Nothing is waited for here: it must all have been there before the answer was.
        let heard: Vec<_> = std::iter::from_fn(|| received.try_recv().ok()).map(progress).collect();
        let expected: Vec<_> = (0..50).map(|step| json!({"progress": step, "oddity": [step]})).collect();
        assert_eq!(heard, expected);
    });
    join_all(calls).await;
    fixture.stop().await;
}

#[tokio::test]
async fn a_call_during_which_the_server_dies_is_lost_and_the_server_comes_back() {
    let fixture = start("legacy").await;
    let before = fixture.server.offers();
    let error = fixture.plain("die", json!({})).await.unwrap_err();
    assert!(matches!(&error, ServerError::Lost { server, .. } if server == "odd"), "{error}");
    assert!(Arc::ptr_eq(&before.tools, &fixture.server.offers().tools), "offers are kept while it is away");
    loop {
        // Until it is back, and nothing in between is lost: it is known not to have been run.
        match fixture.plain("echo", json!({})).await {
            Ok(_) => break,
            Err(ServerError::Unavailable { .. }) => tokio::task::yield_now().await,
            Err(ServerError::Lost { .. } | ServerError::Cancelled | ServerError::Rpc(_)) => {
                panic!("known not to be run")
            }
        }
    }
    fixture.stop().await;
}

#[tokio::test]
async fn a_server_that_dies_of_what_it_does_not_know_is_spoken_to_as_in_the_old_days() {
    let fixture = start("fragile").await;
    assert_eq!(fixture.server.offers().protocol, "2025-11-25");
    assert!(fixture.plain("echo", json!({})).await.is_ok());
    fixture.stop().await;
}

#[tokio::test]
async fn what_a_server_started_ends_with_it() {
    let fixture = start("legacy").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    fixture.plain("spawn", json!({"port": port})).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    fixture.stop().await;
    // The end of the stream is the end of the process that held the other side.
    let read = tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 1]).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_unavailable() {
    let reach = Reach::Stdio {
        command: "no-such-program".to_owned(),
        args: Vec::new(),
        env: BTreeMap::new(),
        cwd: PathBuf::from("."),
    };
    let fixture = Fixture::start(reach, settings()).await;
    assert!(matches!(fixture.server.settled().await.state, State::Away { .. }));
    let error = fixture.plain("echo", json!({})).await.unwrap_err();
    assert!(matches!(error, ServerError::Unavailable { .. }), "{error}");
    fixture.stop().await;
}

#[tokio::test]
async fn a_call_can_be_called_off_before_and_after_it_is_sent() {
    let fixture = Fixture::start(python("legacy"), Settings { orphan_grace: Duration::from_millis(20), ..settings() })
        .await
        .ready()
        .await;
    let (client, _received) = link();
    client.cancel.cancel();
    assert!(matches!(fixture.run("echo", json!({}), client).await, Err(ServerError::Cancelled)));

    let (client, mut received) = link();
    let cancel = client.cancel.clone();
    let once_it_runs = async {
        assert!(received.recv().await.is_some());
        cancel.cancel();
    };
    let (answer, ()) = tokio::join!(fixture.run("hang", json!({}), client), once_it_runs);
    assert!(matches!(answer, Err(ServerError::Lost { .. })), "{answer:?}");
    fixture.stop().await;
}

#[tokio::test]
async fn a_server_that_answers_a_call_after_it_was_called_off_is_heard() {
    for mode in ["legacy", "modern"] {
        let fixture = start(mode).await;
        let (client, mut received) = link();
        let cancel = client.cancel.clone();
        let once_it_runs = async {
            let message = received.recv().await;
            assert!(
                matches!(message, Some(FromServer::Notification { method, .. }) if method == "notifications/message")
            );
            cancel.cancel();
        };
        let (answer, ()) = tokio::join!(fixture.run("wait", json!({}), client), once_it_runs);
        assert_eq!(answer.unwrap()["content"][0]["text"], "was told");
        fixture.stop().await;
    }
}

/// Answers every request with its own parameters.
async fn answer_all(mut received: mpsc::Receiver<FromServer>) -> usize {
    let mut count = 0;
    while let Some(message) = received.recv().await {
        if let FromServer::Request { params, reply, .. } = message {
            count += 1;
            let _ = reply.send(Ok(json!({"action": "accept", "content": {"asked": params}, "oddity": 1})));
        }
    }
    count
}

#[tokio::test]
async fn a_legacy_servers_question_reaches_the_client_and_its_answer_the_server() {
    let fixture = start("legacy").await;
    let (client, received) = link();
    let (answer, asked) = tokio::join!(fixture.run("ask", json!({}), client), answer_all(received));
    let seen = &answer.unwrap()["seen"]["result"];
    assert_eq!(asked, 1);
    assert_eq!(seen["oddity"], 1);
    assert_eq!(seen["content"]["asked"]["requestedSchema"]["x-odd"], 1);

    let (mut client, received) = link();
    client.capabilities = json!({});
    let (answer, asked) = tokio::join!(fixture.run("ask", json!({}), client), answer_all(received));
    assert_eq!(
        (asked, &answer.unwrap()["seen"]["error"]["code"]),
        (0, &json!(-32601)),
        "a client that cannot is not asked"
    );
    fixture.stop().await;
}

#[tokio::test]
async fn a_question_that_may_belong_to_either_of_two_calls_is_answered_with_an_error() {
    let fixture = start("legacy").await;
    let (hanging, mut hears) = link();
    let cancel = hanging.cancel.clone();
    let question = async {
        assert!(hears.recv().await.is_some(), "the other call is open");
        let (client, received) = link();
        let (answer, asked) = tokio::join!(fixture.run("ask", json!({}), client), answer_all(received));
        assert_eq!((asked, &answer.unwrap()["seen"]["error"]["code"]), (0, &json!(-32603)));

        let (client, received) = link();
        cancel.cancel();
        drop((client, received));
    };
    let (answer, ()) = tokio::join!(fixture.run("wait", json!({}), hanging), question);
    assert!(answer.is_ok());
    fixture.stop().await;
}

#[tokio::test]
async fn a_modern_servers_question_is_asked_over_the_link_of_a_client_that_cannot_come_back() {
    let fixture = start("modern").await;
    let (client, received) = link();
    let (answer, asked) = tokio::join!(fixture.run("ask", json!({}), client), answer_all(received));
    let seen = &answer.unwrap()["seen"];
    assert_eq!(asked, 1);
    assert_eq!(seen["state"], "opaque");
    assert_eq!(seen["answers"]["who"]["content"]["asked"]["oddity"], 7);
    fixture.stop().await;
}

#[tokio::test]
async fn a_modern_client_is_given_the_question_and_comes_back_with_the_answer() {
    let fixture = start("modern").await;
    let (mut client, _received) = link();
    client.takes_input_required = true;
    let answer = fixture.run("ask", json!({}), client).await.unwrap();
    assert_eq!(answer["resultType"], "input_required");
    assert_eq!(answer["inputRequests"]["who"]["params"]["oddity"], 7);

    let (mut client, _received) = link();
    client.takes_input_required = true;
    let responses = json!({"who": {"action": "decline", "oddity": 2}});
    client.resumes = Some(Resume { responses: responses.clone(), state: Some("opaque".to_owned()) });
    let answer = fixture.run("ask", json!({}), client).await.unwrap();
    assert_eq!(answer["seen"], json!({"answers": responses, "state": "opaque"}));
    fixture.stop().await;
}

#[tokio::test]
async fn tools_are_listed_again_when_the_server_says_that_they_changed() {
    for mode in ["legacy", "modern"] {
        let fixture = start(mode).await;
        let mut news = fixture.announcements.listen();
        fixture.plain("grow", json!({"name": "late"})).await.unwrap();
        while news.recv().await.unwrap() != Announcement::ToolsChanged {}
        assert!(fixture.server.offers().tools.iter().any(|tool| tool.exposed == "odd__late"));
        fixture.stop().await;
    }
}

#[tokio::test]
async fn a_server_sees_of_the_environment_only_what_it_needs_and_what_it_is_given() {
    let fixture = start("legacy").await;
    let answer = fixture.plain("environment", json!({})).await.unwrap();
    let names: Vec<&str> = answer["names"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(answer["given"], "gift");
    assert!(names.contains(&"PATH"));
    // Cargo sets this one for every test.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some() && !names.contains(&"CARGO_MANIFEST_DIR"));
    fixture.stop().await;
}

#[tokio::test]
async fn a_tool_is_not_called_without_a_permit_and_other_errors_pass_through() {
    let fixture = start("legacy").await;
    let request = |method: &'static str| {
        let fixture = &fixture;
        async move { fixture.server.request(method, json!({"name": "echo"}), link().0).await.unwrap_err() }
    };
    assert!(matches!(request("tools/call").await, ServerError::Rpc(error) if error.code == -32600));
    let ServerError::Rpc(error) = request("odd/error").await else { panic!("the server's own error") };
    let expected = RpcError { code: -32099, message: "odd".to_owned(), data: Some(json!({"oddity": 1})) };
    assert_eq!(error, expected);
    fixture.stop().await;
}
