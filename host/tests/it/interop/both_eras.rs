//! Each client, in each era, over each transport, with servers of both eras: what is listed, refused and passed.

use serde_json::{Value, json};

use super::{
    app::{App, Era, Make},
    house::{House, repository, servers_of_both_eras},
};

/// What every app can do, whoever made it and however it is connected.
async fn at_home(make: Make, era: Era, over_http: bool) {
    let repository = repository();
    let house = House::with(&servers_of_both_eras(repository.path()));
    let door = if over_http { Some(house.open().await) } else { None };
    let mut app = App::connect(make, era, &house, door.as_ref()).await;

    everything_is_listed(&mut app, era).await;
    the_order_is_kept(&mut app, repository.path().to_str().unwrap()).await;
    only_what_is_allowed_is_done(&mut app, repository.path()).await;
    servers_can_ask_back(&mut app).await;
    new_tools_are_announced(&mut app).await;

    app.close().await;
    if let Some(door) = door {
        door.close().await;
    }
    both_are_in_the_journal(&house).await;
}

async fn everything_is_listed(app: &mut App, era: Era) {
    let tools = app.tools().await;
    let named = |name: &str| tools.iter().find(|tool| tool["name"] == name).unwrap_or_else(|| panic!("no {name}"));
    for name in ["time__get_current_time", "git__git_status", "everything__echo", "files__read_text_file"] {
        assert_eq!(named(name)["inputSchema"]["type"], "object");
    }
    let description = named("git__git_log")["description"].as_str().unwrap();
    assert!(description.ends_with("\nRequires git__git_status first."), "{description}");
    let output = &named("everything__get-structured-content")["outputSchema"];
    assert_eq!(output["properties"]["humidity"]["type"], "number");
    // Some clients of the older era hold refusals against it too, so it has room for them there.
    assert_eq!(output["anyOf"].is_array(), era == Era::Legacy, "{output}");
}

async fn the_order_is_kept(app: &mut App, repository: &str) {
    let arguments = || json!({"repo_path": repository});
    let early = app.call("git__git_log", arguments()).await;
    assert_eq!(
        *early.refusal(),
        json!({
            "policy": "status-first",
            "code": "sequence_unmet",
            "reason": "git/git_log requires git/git_status first (it has not run yet).",
            "unlocks": [{"call": "git/git_status"}],
        })
    );
    assert!(early.text().contains("To unlock: call git__git_status; then make this call again."), "{early:?}");

    let status = app.call("git__git_status", arguments()).await;
    assert!(status.passed().contains("nothing to commit"), "{status:?}");
    let log = app.call("git__git_log", arguments()).await;
    assert!(log.passed().contains("The points are set"), "{log:?}");
}

async fn only_what_is_allowed_is_done(app: &mut App, repository: &std::path::Path) {
    let now = app.call("time__get_current_time", json!({"timezone": "Etc/UTC"})).await;
    assert!(now.passed().contains("Etc/UTC"), "{now:?}");
    let echo = app.call("everything__echo", json!({"message": "line clear \u{2603}"})).await;
    assert_eq!(echo.passed(), "Echo: line clear \u{2603}");
    let read = app.call("files__read_text_file", json!({"path": repository.join("points.txt")})).await;
    assert_eq!(read.passed(), "set and locked\n");

    let written = repository.join("written.txt");
    let write = app.call("files__write_file", json!({"path": written, "content": "no"})).await;
    assert_eq!(write.refusal()["code"], "not_allowed");
    assert_eq!(write.refusal()["policy"], "look-only");
    assert!(!written.exists(), "what was refused was done");
    let structured = app.call("everything__get-structured-content", json!({"location": "Chicago"})).await;
    assert_eq!(structured.refusal()["code"], "not_allowed", "although the tool has an output schema");

    let unknown = app.call("files__read_minds", json!({})).await;
    assert_eq!(unknown.result["error"]["code"], -32602, "{unknown:?}");
    let failed = app.call("files__read_text_file", json!({"path": repository.join("none.txt")})).await;
    assert_eq!(failed.result["isError"], true);
    assert!(failed.text().contains("ENOENT"), "{failed:?}");
}

/// In the older era a server asks during the call, in the newer one by ending it and being called again.
async fn servers_can_ask_back(app: &mut App) {
    let elicited = app.call("everything__trigger-elicitation-request", json!({})).await;
    assert!(elicited.passed().contains("- Name: Ada"), "{elicited:?}");
    assert_eq!(elicited.asked, ["elicitation"]);
    let sampled = app.call("everything__trigger-sampling-request", json!({"prompt": "say something"})).await;
    assert!(sampled.passed().contains("a sampled answer"), "{sampled:?}");
    assert_eq!(sampled.asked, ["sampling"]);
    let (mut greeted, progress) = app.call_with_progress("asking__greet", json!({}), 2).await;
    assert_eq!(greeted.passed(), "To Ada: a sampled answer");
    // Both are asked at the same time.
    greeted.asked.sort();
    assert_eq!(greeted.asked, ["elicitation", "sampling"]);
    assert_eq!(progress, [1.0, 2.0]);
    let arguments = json!({"duration": 0.01, "steps": 5});
    let (ran, progress) = app.call_with_progress("everything__trigger-long-running-operation", arguments, 5).await;
    assert!(ran.passed().contains("Steps: 5"), "{ran:?}");
    assert_eq!(progress, [1.0, 2.0, 3.0, 4.0, 5.0]);
}

async fn new_tools_are_announced(app: &mut App) {
    assert_eq!(app.call("asking__grow", json!({})).await.passed(), "grown");
    loop {
        // Other servers may have announced something too, earlier.
        app.tools_changed().await;
        if app.tools().await.iter().any(|tool| tool["name"] == "asking__grown") {
            break;
        }
    }
    assert_eq!(app.call("asking__grown", json!({})).await.passed(), "new");
}

async fn both_are_in_the_journal(house: &House) {
    let log = house.events_about("git/git_log").await;
    let kinds: Vec<_> = log.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["call.refused", "call.admitted", "call.finished"]);
    assert_eq!(log[0].1["refused"][0]["unlocks"], json!([{"call": "git/git_status"}]));
    assert_eq!(log[2].1["outcome"], "succeeded");
    assert_eq!(log[0].1["session"], log[1].1["session"], "one session");
    assert!(log.iter().all(|(_, body)| body["caller"]["principal"] == "local" || body["caller"] == Value::Null));
    assert_eq!(house.kinds_about("files/write_file").await, ["call.refused"]);
    house.assert_whole().await;
}

#[tokio::test]
async fn pythons_client_is_at_home_on_stdio() {
    at_home(Make::Python, Era::Legacy, false).await;
    at_home(Make::Python, Era::Modern, false).await;
}

#[tokio::test]
async fn pythons_client_is_at_home_on_http() {
    at_home(Make::Python, Era::Legacy, true).await;
    at_home(Make::Python, Era::Modern, true).await;
}

#[tokio::test]
async fn typescripts_client_is_at_home_on_stdio_and_http() {
    at_home(Make::TypeScript, Era::Legacy, false).await;
    at_home(Make::TypeScript, Era::Legacy, true).await;
}

#[tokio::test]
async fn rmcps_client_is_at_home_on_stdio() {
    at_home(Make::Rmcp, Era::Legacy, false).await;
    at_home(Make::Rmcp, Era::Modern, false).await;
}

#[tokio::test]
async fn rmcps_client_is_at_home_on_http() {
    at_home(Make::Rmcp, Era::Legacy, true).await;
    at_home(Make::Rmcp, Era::Modern, true).await;
}

/// The program tells the same beforehand as it does afterwards, and by telling changes nothing.
#[tokio::test]
async fn what_will_happen_is_told_beforehand_and_nothing_is_sent() {
    let repository = repository();
    let mut config = servers_of_both_eras(repository.path());
    config["mcpServers"].as_object_mut().unwrap().retain(|name, _| name == "git");
    config["policies"].as_array_mut().unwrap().retain(|policy| policy["name"] == "status-first");
    let house = House::with(&config);
    let arguments = json!({"repo_path": repository.path()}).to_string();
    let run = async |verb, tool| house.json(&[verb, tool, "--session", "told", "--args", &arguments]).await;

    let (told, code) = run("explain", "git/git_log").await;
    assert_eq!((told["decision"].as_str(), code), (Some("refuse"), 3));
    assert_eq!(told["policies"][0]["refusal"]["unlocks"], json!([{"call": "git/git_status"}]));
    assert_eq!(house.kinds_about("git/git_log").await, [""; 0]);
    let (refused, code) = run("call", "git/git_log").await;
    assert_eq!((refused["refused"][0]["code"].as_str(), code), (Some("sequence_unmet"), 3));
    assert_eq!(refused["refused"][0], told["policies"][0]["refusal"]);

    let (status, code) = run("call", "git/git_status").await;
    assert_eq!(code, 0, "{status}");
    let (told, _) = run("explain", "git/git_log").await;
    assert_eq!(told["decision"], "allow", "{told}");
    assert_eq!(house.kinds_about("git/git_log").await, ["call.refused"], "explaining leaves no trace");
    let (log, code) = run("call", "git/git_log").await;
    assert_eq!(code, 0, "{log}");
    assert_eq!(house.kinds_about("git/git_log").await, ["call.refused", "call.admitted", "call.finished"]);
}
