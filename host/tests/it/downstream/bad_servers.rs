//! Servers that hang, flood, shout and stammer: each call has an end, memory stays bounded, and others go on.

use std::{os::unix::process::CommandExt, process::Command};

use futures::future::join_all;

use super::{stdio::python, *};

const MODES: [&str; 2] = ["legacy", "modern"];

async fn start(mode: &str) -> Fixture {
    Fixture::start(python(mode), settings()).await.ready().await
}

/// With a server that may be silent for a moment only.
async fn impatient(mode: &str) -> Fixture {
    let settings = Settings { orphan_grace: Duration::from_millis(20), ..settings() };
    Fixture::start_with_limit(python(mode), settings, Duration::from_millis(20)).await.ready().await
}

#[tokio::test]
async fn a_call_that_is_never_answered_is_lost_when_its_time_is_over() {
    for mode in MODES {
        let fixture = impatient(mode).await;
        for tool in ["hang", "other_id"] {
            let error = fixture.plain(tool, json!({})).await.unwrap_err();
            let ServerError::Lost { reason, .. } = &error else { panic!("{tool}: {error}") };
            assert!(reason.contains("no sign of life"), "{reason}");
        }
        fixture.stop().await;
    }
}

#[tokio::test]
async fn a_server_is_told_that_its_time_is_over_and_may_still_answer() {
    for mode in MODES {
        let settings = Settings { orphan_grace: Duration::from_secs(600), ..settings() };
        let fixture = Fixture::start_with_limit(python(mode), settings, Duration::from_millis(20)).await.ready().await;
        assert_eq!(fixture.plain("wait", json!({})).await.unwrap()["content"][0]["text"], "was told");
        fixture.stop().await;
    }
}

#[tokio::test]
async fn of_two_answers_the_first_counts() {
    for mode in MODES {
        let fixture = start(mode).await;
        for _ in 0..20 {
            assert_eq!(fixture.plain("twice", json!({})).await.unwrap()["content"][0]["text"], "first");
        }
        fixture.stop().await;
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_ends_its_call_and_no_other() {
    for mode in MODES {
        let fixture = start(mode).await;
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let whole = [
            format!(r#"{{"jsonrpc":"2.0","id":ID,"result":{{"content":[],"x":{deep}}}}}"#),
            format!(r#"{{"result":{{"content":[],"x":{deep}}},"jsonrpc":"2.0","id":ID}}"#),
            r#"{"jsonrpc":"2.0","result":{"content":[],"x":"HUGE"},"id":ID}"#.to_owned(),
            "{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":{\"content\":[],\"x\":\"\0\"}}".to_owned(),
            r#"{"jsonrpc":"2.0","id":ID,"error":{"code":1,"message":"\ud800"}}"#.to_owned(),
            r#"{"jsonrpc":"2.0","id":ID,"result":{"content":[],"x":1e400}}"#.to_owned(),
        ];
        let (hanging, mut hears) = link();
        let cancel = hanging.cancel.clone();
        let others = async {
            assert!(hears.recv().await.is_some(), "another call is open");
            for answer in &whole {
                let outcome = fixture.plain("unreadable", json!({"answer": answer, "mib": 17})).await;
                let Err(ServerError::Rpc(error)) = outcome else { panic!("{answer:.60}: {outcome:?}") };
                assert_eq!(error.code, -32603);
                assert!(error.message.contains("cannot be read"), "{error}");
                assert_eq!(error.message.contains("number out of range"), answer.contains("1e400"), "{error}");
                assert!(fixture.plain("echo", json!({})).await.is_ok(), "after {answer:.60}");
            }
            cancel.cancel();
        };
        let (answer, ()) = tokio::join!(fixture.run("wait", json!({}), hanging), others);
        assert_eq!(answer.unwrap()["content"][0]["text"], "was told", "the connection is still the same");
        fixture.stop().await;
    }
}

/// serde_json with `raw_value` takes what is in such a text for JSON, and with `arbitrary_precision` for a number.
#[tokio::test]
async fn words_that_mean_something_to_the_parser_are_ordinary_data() {
    for mode in MODES {
        let fixture = start(mode).await;
        for word in ["RawValue", "Number"] {
            let key = format!("$serde_json::private::{word}");
            let answer = format!(r#"{{"jsonrpc":"2.0","id":ID,"result":{{"content":[],"x":{{"{key}":"1"}}}}}}"#);
            let answer = fixture.plain("unreadable", json!({"answer": answer})).await.unwrap();
            assert_eq!(answer["x"], json!({key: "1"}), "{mode}");
        }
        fixture.stop().await;
    }
}

#[tokio::test]
async fn a_question_that_cannot_be_read_is_answered_with_an_error() {
    let fixture = start("legacy").await;
    let answer = fixture.plain("ask_unreadably", json!({})).await.unwrap();
    assert_eq!(answer["seen"]["error"]["code"], -32700);
    fixture.stop().await;
}

/// Runs `interlock call` and says how it ended, what it printed, and the most memory that it ever had, in MiB.
fn call(tool: &str, arguments: &Value) -> (bool, String, i64) {
    let folder = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/downstream/server.py");
    let config = json!({"mcpServers": {"odd": {"command": "python3", "args": [script, "legacy", "listed", tool]}}});
    std::fs::write(folder.path().join("interlock.json"), config.to_string()).unwrap();
    // Python tells how much memory a process of its own had, and all that it waited for.
    let measure = "import os, sys\n\
                   pid = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:])\n\
                   _, status, usage = os.wait4(pid, 0)\n\
                   print(usage.ru_maxrss, file=sys.stderr)\n\
                   sys.exit(os.waitstatus_to_exitcode(status))";
    let output = Command::new("python3")
        .args(["-c", measure, env!("CARGO_BIN_EXE_interlock"), "call", &format!("odd/{tool}"), "--args"])
        .arg(arguments.to_string())
        .current_dir(folder.path())
        .env("INTERLOCK_CACHE_DIR", crate::plugins::cache())
        .env_remove("INTERLOCK_CONFIG")
        .arg0("python3")
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let kib: i64 = errors.lines().last().unwrap().parse().unwrap_or_else(|_| panic!("{errors}"));
    (output.status.success(), String::from_utf8(output.stdout).unwrap() + &errors, kib / 1024)
}

#[test]
fn a_million_notifications_and_a_line_of_a_hundred_mebibytes_need_little_memory() {
    let (_, said, usual) = call("echo", &json!({}));
    assert!(said.contains("echo"), "{said}");
    let (ok, said, most) = call("flood", &json!({"number": 1_000_000}));
    assert!(ok && said.contains("done"), "{:.300}", said);
    assert!(most < usual + 32, "{most} MiB instead of {usual}");
    let huge = r#"{"jsonrpc":"2.0","result":{"content":[],"x":"HUGE"},"id":ID}"#;
    let (ok, said, most) = call("unreadable", &json!({"answer": huge, "mib": 100}));
    assert!(!ok && said.contains("cannot be read: it is too long"), "{:.300}", said);
    assert!(most < usual + 64, "{most} MiB instead of {usual}");
}

#[tokio::test]
async fn a_flood_for_one_call_reaches_its_client_whole_and_lets_others_through() {
    let fixture = start("legacy").await;
    let (flooded, mut received) = link();
    let heard = async {
        let mut heard = 0;
        while received.recv().await.is_some() {
            heard += 1;
        }
        heard
    };
    let others = join_all((0..10).map(|_| fixture.plain("echo", json!({}))));
    let (answer, heard, others) = tokio::join!(fixture.run("flood", json!({"number": 20_000}), flooded), heard, others);
    assert_eq!(answer.unwrap()["content"][0]["text"], "done");
    assert!(others.into_iter().all(|answer| answer.is_ok()));
    assert!(heard <= 20_000, "what belongs to nobody for certain is dropped, and nothing is made up");
    fixture.stop().await;
}
