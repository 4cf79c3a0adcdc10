//! MCP tasks (an extension of 2026-07-28): what a server answers a call with that it is not done with. Pure.

use serde_json::Value;

use super::RpcError;

/// Name of the extension, among the capabilities of clients and servers.
pub const TASKS: &str = "io.modelcontextprotocol/tasks";

/// How a task ended.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskEnd {
    /// The call has been answered, by a `CallToolResult` or an error.
    Answered(Result<Value, RpcError>),
    /// The server gave the task up.
    Cancelled,
}

/// Whether capabilities, a client's or a server's, have the extension.
pub fn declares_tasks(capabilities: &Value) -> bool {
    capabilities.get("extensions").and_then(|all| all.get(TASKS)).is_some_and(Value::is_object)
}

/// Takes the extension out of capabilities.
pub fn without_tasks(capabilities: &mut Value) {
    if let Some(extensions) = capabilities.get_mut("extensions").and_then(Value::as_object_mut) {
        extensions.shift_remove(TASKS);
    }
}

/// The server's own id of the task that it answered a call with; none if it answered with something else.
pub fn task_id(result: &Value) -> Option<&str> {
    if !is_task(result) {
        return None;
    }
    result.get("taskId").and_then(Value::as_str).filter(|id| !id.is_empty())
}

/// Whether a server answered with a task.
pub(super) fn is_task(result: &Value) -> bool {
    result.get("resultType").and_then(Value::as_str) == Some("task")
}

/// How the task ended that a server told the state of (`tasks/get`); none while it has not.
pub fn task_end(state: &Value) -> Option<TaskEnd> {
    match state.get("status").and_then(Value::as_str) {
        Some("completed") => {
            let result = state.get("result").filter(|result| is_tool_result(result) && !goes_on(result));
            Some(TaskEnd::Answered(result.cloned().ok_or_else(RpcError::not_a_result)))
        }
        Some("failed") => {
            let error = state.get("error");
            let field = |key: &str| error.and_then(|error| error.get(key));
            Some(TaskEnd::Answered(Err(RpcError {
                code: field("code").and_then(Value::as_i64).unwrap_or(-32603),
                message: field("message").and_then(Value::as_str).unwrap_or("the task failed").to_owned(),
                data: field("data").cloned(),
            })))
        }
        Some("cancelled") => Some(TaskEnd::Cancelled),
        Some(_) | None => None,
    }
}

/// Whether an answer is not the last one: of a task that has ended, it would be a result that no policy looks at.
fn goes_on(result: &Value) -> bool {
    is_task(result) || result.get("resultType").and_then(Value::as_str) == Some("input_required")
}

/// Whether a server's answer says how the call ended. What says nothing must not pass for success.
pub(super) fn is_tool_result(result: &Value) -> bool {
    let is_other = match result.get("resultType") {
        None => false,
        Some(Value::String(kind)) => kind != "complete",
        Some(_) => return false,
    };
    let has_content = result.get("content").is_some_and(Value::is_array)
        || result.get("structuredContent").is_some_and(Value::is_object);
    result.get("isError").is_none_or(Value::is_boolean) && (is_other || has_content)
}
