//! The resources, and a template of more.

use rmcp::{
    ErrorData,
    model::{ListResourceTemplatesResult, ListResourcesResult, ReadResourceResponse, ReadResourceResult},
};
use serde_json::{Value, json};

use crate::{definitions::result, plain::PNG};

/// What is listed.
pub(crate) fn list() -> Result<ListResourcesResult, ErrorData> {
    let resource = |uri: &str, name: &str, mime_type: &str| json!({"uri": uri, "name": name, "description": "For testing.", "mimeType": mime_type});
    result(json!({"resources": [
        resource("test://static-text", "Static text", "text/plain"),
        resource("test://static-binary", "Static image", "image/png"),
        resource("test://watched-resource", "Watched text", "text/plain"),
    ]}))
}

/// What stands for the rest.
pub(crate) fn templates() -> Result<ListResourceTemplatesResult, ErrorData> {
    result(json!({"resourceTemplates": [{
        "uriTemplate": "test://template/{id}/data",
        "name": "Data by id",
        "description": "For testing.",
        "mimeType": "application/json",
    }]}))
}

/// What a resource holds.
///
/// # Errors
/// Not found, if there is no such resource.
pub(crate) fn read(uri: &str) -> Result<ReadResourceResponse, ErrorData> {
    let text = |text: &str| json!({"uri": uri, "mimeType": "text/plain", "text": text});
    let contents: Value = match uri {
        "test://static-text" => text("This is the content of the static text resource."),
        "test://static-binary" => json!({"uri": uri, "mimeType": "image/png", "blob": PNG}),
        "test://watched-resource" => text("This one may be watched."),
        _ => {
            let id = uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data"));
            let Some(id) = id.filter(|id| !id.is_empty() && !id.contains('/')) else {
                return Err(ErrorData::resource_not_found("resource not found", Some(json!({"uri": uri}))));
            };
            let data = json!({"id": id, "templateTest": true, "data": format!("Data for ID: {id}")});
            json!({"uri": uri, "mimeType": "application/json", "text": data.to_string()})
        }
    };
    let read: ReadResourceResult = result(json!({"contents": [contents]}))?;
    Ok(read.into())
}
