//! Tools that answer without asking anyone.
#![expect(deprecated, reason = "the suites test what MCP has deprecated")]

use std::time::Duration;

use rmcp::{
    ErrorData, RoleServer,
    model::{
        CallToolResult, ClientCapabilities, LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam,
        ProgressToken, SamplingCapability,
    },
    service::RequestContext,
};
use serde_json::{Value, json};

use crate::definitions::result;

/// A red pixel, as PNG.
pub(crate) const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
/// Silence, as WAV.
const WAV: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";

/// How long a tool pauses between two notifications.
const PAUSE: Duration = Duration::from_millis(50);

/// How long `test_reconnection` takes.
const LONG: Duration = Duration::from_millis(200);

/// One line of text as a tool's result.
pub(crate) fn text(text: &str) -> Result<CallToolResult, ErrorData> {
    content(json!([{"type": "text", "text": text}]))
}

fn content(content: Value) -> Result<CallToolResult, ErrorData> {
    result(json!({"content": content}))
}

/// What a tool answers whose answer is always the same; none for any other.
pub(crate) fn fixed(name: &str) -> Option<Result<CallToolResult, ErrorData>> {
    let image = json!({"type": "image", "data": PNG, "mimeType": "image/png"});
    Some(match name {
        "test_simple_text" => text("This is a simple text response for testing."),
        "test_image_content" => content(json!([image])),
        "test_audio_content" => content(json!([{"type": "audio", "data": WAV, "mimeType": "audio/wav"}])),
        "test_embedded_resource" => content(json!([{"type": "resource", "resource": {
            "uri": "test://embedded-resource",
            "mimeType": "text/plain",
            "text": "This is an embedded resource content.",
        }}])),
        "test_multiple_content_types" => content(json!([
            {"type": "text", "text": "Multiple content types test:"},
            image,
            {"type": "resource", "resource": {
                "uri": "test://mixed-content-resource",
                "mimeType": "application/json",
                "text": r#"{"test":"data","value":123}"#,
            }},
        ])),
        "test_error_handling" => result(json!({
            "content": [{"type": "text", "text": "This tool intentionally returns an error for testing"}],
            "isError": true,
        })),
        "test_routed_by_header" | "json_schema_2020_12_tool" | crate::definitions::TEMPORARY => text("Done."),
        _ => return None,
    })
}

/// `test_tool_with_logging`.
pub(crate) async fn logging(context: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
    for line in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
        log(context, line).await?;
        tokio::time::sleep(PAUSE).await;
    }
    text("Logged three times.")
}

/// `test_logging_tool`: since 2026-07-28 nothing is logged unless the request names a level.
pub(crate) async fn logging_if_wanted(context: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
    if context.meta.log_level().is_some() {
        log(context, "This call wants to know").await?;
    }
    text("Done.")
}

async fn log(context: &RequestContext<RoleServer>, line: &str) -> Result<(), ErrorData> {
    let message = LoggingMessageNotificationParam::new(LoggingLevel::Info, line.into());
    context.peer.notify_logging_message(message).await.map_err(lost)
}

/// `test_tool_with_progress`.
pub(crate) async fn progress(context: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
    let token: Option<ProgressToken> = context.meta.get_progress_token();
    for progress in [0.0, 50.0, 100.0] {
        if let Some(token) = token.clone() {
            let note = ProgressNotificationParam::new(token, progress).with_total(100.0);
            context.peer.notify_progress(note).await.map_err(lost)?;
        }
        tokio::time::sleep(PAUSE).await;
    }
    text("Told its progress three times.")
}

/// `test_reconnection`.
pub(crate) async fn slow() -> Result<CallToolResult, ErrorData> {
    tokio::time::sleep(LONG).await;
    text("Here is the answer, whichever stream it comes by.")
}

/// `test_missing_capability`.
pub(crate) fn needs_sampling(context: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
    if context.client_capabilities().is_some_and(|can| can.sampling.is_some()) {
        return text("The client samples.");
    }
    let mut needed = ClientCapabilities::default();
    needed.sampling = Some(SamplingCapability::default());
    Err(ErrorData::missing_required_client_capability(needed))
}

/// The client is gone.
pub(crate) fn lost(error: rmcp::ServiceError) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}
