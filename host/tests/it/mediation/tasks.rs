//! Calls that became tasks: they are under way until the task ends, they belong to who made them, and they end once.

use std::time::Duration;

use interlock::{
    call::Caller,
    downstream::{RpcError, ServerError},
    journal::kind,
    mediation::Answer,
};
use serde_json::{Map, Value, json};

use super::world::{House, TASK, World, id, line, policy, request, told};

/// A call that became a task: the task's id, as its client knows it.
async fn job(house: &House) -> String {
    let answer = house.send(request("job", json!({}))).await;
    let Answer::Result { call, result, .. } = answer else { panic!("{answer:?}") };
    assert_eq!((&result["resultType"], &result["status"]), (&json!("task"), &json!("working")));
    assert_eq!(result["taskId"], call.as_str());
    assert_eq!(result.get("result"), None, "a task that has not ended has no result");
    call.as_str().to_owned()
}

async fn ask(house: &House, method: &str, task: &str, principal: &str) -> Result<Value, i64> {
    let caller = Caller { principal: principal.to_owned(), roles: Vec::new(), client: None };
    let params = Map::from_iter([("taskId".to_owned(), task.into())]);
    match house.mediator.task(method, params, &caller, line().0).await {
        Ok(answer) => Ok(answer),
        Err(ServerError::Rpc(RpcError { code, .. })) => Err(code),
        Err(other) => panic!("{other}"),
    }
}

async fn get(house: &House, task: &str) -> Value {
    ask(house, "tasks/get", task, "alice").await.unwrap()
}

fn completed(result: Value) -> Option<Value> {
    Some(json!({ "status": "completed", "result": result, "unheardOf": 1 }))
}

#[tokio::test]
async fn a_call_that_became_a_task_is_under_way_until_the_task_ends() {
    let one = json!({"groups": [{"tools": ["shop/*"], "at_most": 1}]});
    let world = World::with(json!([policy("one", "exclusive", one, json!({}))]));
    let house = world.house().await;
    let task = job(&house).await;
    assert_eq!(house.call("look", json!({})).await, ["exclusive_busy"]);
    let state = get(&house, &task).await;
    assert_eq!((&state["taskId"], &state["status"]), (&json!(task), &json!("working")));
    assert_eq!(house.call("look", json!({})).await, ["exclusive_busy"]);

    world.shop.task.send_replace(completed(json!({"content": []})));
    let state = get(&house, &task).await;
    assert_eq!((&state["taskId"], &state["status"]), (&json!(task), &json!("completed")));
    assert_eq!((&state["result"], &state["unheardOf"]), (&json!({"content": []}), &json!(1)));
    assert_eq!(house.call("look", json!({})).await, ["ok"]);
    assert_eq!(house.outcomes().await, ["succeeded", "succeeded"]);
}

#[tokio::test]
async fn a_call_ends_as_its_task_did_and_stays_so() {
    for (state, outcome) in [
        (completed(json!({"content": [], "isError": true})), "failed"),
        (completed(json!("not a result")), "failed"),
        // What asks for input is looked at by no policy, and cannot be how a task ends.
        (completed(json!({"content": [], "resultType": "input_required"})), "failed"),
        (completed(json!({"content": [], "resultType": "task"})), "failed"),
        (Some(json!({"status": "failed", "error": {"code": -1, "message": "no"}})), "failed"),
        (Some(json!({"status": "cancelled"})), "cancelled"),
    ] {
        let world = World::with(json!([]));
        let house = world.house().await;
        let task = job(&house).await;
        world.shop.task.send_replace(state.clone());
        let last = get(&house, &task).await;
        assert_eq!(house.outcomes().await, [outcome], "{state:?}");
        // Whatever the server says now, this is what is in the journal.
        world.shop.task.send_replace(completed(json!({"content": [{"type": "text", "text": "another"}]})));
        assert_eq!(get(&house, &task).await, last);
    }
}

#[tokio::test]
async fn a_task_is_known_to_its_own_principal_only_and_its_server_sees_its_own_id() {
    let world = World::with(json!([]));
    let house = world.house().await;
    let task = job(&house).await;
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        assert_eq!(ask(&house, method, &task, "bob").await, Err(-32602));
        assert_eq!(ask(&house, method, TASK, "alice").await, Err(-32602));
    }
    assert_eq!(world.shop.asked(), []);
    for method in ["tasks/update", "tasks/cancel"] {
        assert_eq!(ask(&house, method, &task, "alice").await, Ok(json!({"resultType": "complete"})));
    }
    let seen = |method: &str| (method.to_owned(), json!({"taskId": TASK}));
    assert_eq!(world.shop.asked(), [seen("tasks/update"), seen("tasks/cancel")]);
}

#[tokio::test]
async fn policies_look_at_a_tasks_result_before_its_client_does() {
    let result = json!({"content": [], "structuredContent": {"secret": "s3cret"}});
    let hide = policy("hide", "reviews", json!({"redact": "/secret"}), json!({}));
    let censor = policy("censor", "reviews", json!({"withhold": "It is not for you."}), json!({}));
    for (reviewer, at, seen) in [
        (hide, "/result/structuredContent/secret", "[redacted]"),
        (censor, "/result/structuredContent/interlock/refused/0/code", "withheld"),
    ] {
        let world = World::with(json!([reviewer]));
        let house = world.house().await;
        let task = job(&house).await;
        // A state that only pretends not to be the last one has no result either.
        world.shop.task.send_replace(Some(json!({"status": "working", "result": result})));
        assert_eq!(get(&house, &task).await.get("result"), None);
        world.shop.task.send_replace(completed(result.clone()));
        for _ in 0..2 {
            let state = get(&house, &task).await;
            assert_eq!(state.pointer(at), Some(&json!(seen)), "{state}");
        }
        assert_eq!(house.events(kind::CALL_REVIEWED).await.len(), 1);
        assert_eq!(house.outcomes().await, ["succeeded"]);
    }
}

#[tokio::test]
async fn a_task_that_no_client_asks_after_is_followed_to_its_end() {
    let world = World::with(json!([]));
    let house = world.house().await;
    let task = job(&house).await;
    world.shop.task.send_replace(completed(json!({"content": []})));
    house.until(kind::CALL_FINISHED, 1).await;
    assert_eq!(house.outcomes().await, ["succeeded"]);
    assert_eq!(get(&house, &task).await["status"], "completed");
}

#[tokio::test]
async fn a_call_whose_task_is_forgotten_by_its_server_is_unknown() {
    let world = World::with(json!([]));
    let house = world.house().await;
    let task = job(&house).await;
    world.shop.task.send_replace(None);
    house.until(kind::CALL_FINISHED, 1).await;
    assert_eq!(house.outcomes().await, ["unknown"]);
    assert_eq!(ask(&house, "tasks/get", &task, "alice").await, Err(-32602));
}

#[tokio::test]
async fn of_large_results_only_so_many_are_kept() {
    let world = World::with(json!([]));
    let house = world.house().await;
    let large = "x".repeat(20 << 20);
    let mut tasks = Vec::new();
    for _ in 0..4 {
        world.shop.task.send_replace(Some(json!({"status": "working", "pollIntervalMs": 1})));
        let task = job(&house).await;
        world.shop.task.send_replace(completed(json!({"content": [{"type": "text", "text": large}]})));
        assert_eq!(get(&house, &task).await["status"], "completed");
        tasks.push(task);
    }
    let known = async |task: &String| ask(&house, "tasks/get", task, "alice").await.is_ok();
    assert!(!known(&tasks[0]).await);
    assert!(known(&tasks[2]).await && known(&tasks[3]).await);
}

#[tokio::test]
async fn so_many_tasks_are_followed_and_other_calls_are_answered_by_their_servers() {
    let world = World::with(json!([]));
    let house = world.house().await;
    world.shop.task.send_replace(Some(json!({"status": "working"})));
    let mut tasks = Vec::new();
    for _ in 0..256 {
        tasks.push(job(&house).await);
    }
    assert_eq!(house.call("job", json!({})).await, ["ok"], "it is no task");
    assert_eq!(house.events(kind::CALL_FINISHED).await.len(), 1);
    for task in &tasks {
        assert_eq!(get(&house, task).await["status"], "working", "none that is open makes room");
    }
    world.shop.task.send_replace(completed(json!({"content": []})));
    assert_eq!(get(&house, &tasks[0]).await["status"], "completed");
    job(&house).await;
}

#[tokio::test]
async fn a_gateway_that_stops_leaves_no_task_open() {
    let world = World::with(json!([]));
    let house = world.house().await;
    job(&house).await;
    assert!(house.tasks.stop(Duration::from_secs(60)).await);
    assert_eq!(house.outcomes().await, ["unknown"]);
}

#[tokio::test]
async fn a_client_that_goes_away_while_its_task_ends_ends_the_call_once() {
    let world = World::with(json!([]));
    let house = world.house().await;
    for nth in 0..40 {
        world.shop.task.send_replace(Some(json!({"status": "working", "pollIntervalMs": 1})));
        let task = job(&house).await;
        world.shop.task.send_replace(completed(json!({"content": []})));
        let asked = get(&house, &task);
        tokio::pin!(asked);
        for _ in 0..nth {
            tokio::select! {
                biased;
                _ = &mut asked => break,
                () = tokio::task::yield_now() => {}
            }
        }
    }
    house.until(kind::CALL_FINISHED, 40).await;
    assert_eq!(house.outcomes().await, ["succeeded"; 40]);
    let answer = house.send(request("look", json!({}))).await;
    assert_eq!(told(&answer), ["ok"], "{}", id(&answer));
}
