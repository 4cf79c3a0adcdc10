//! The prompts.

use rmcp::{
    ErrorData,
    model::{GetPromptResponse, GetPromptResult, InputRequiredResult, ListPromptsResult},
};
use serde_json::{Value, json};

use crate::{
    definitions::{from_json, result},
    plain::PNG,
    rounds::{Round, form},
};

/// All of them; with the one that comes and goes, or without.
pub(crate) fn list(changed: bool) -> Result<ListPromptsResult, ErrorData> {
    let argument = |name: &str| json!({"name": name, "description": "Stands in the prompt.", "required": true});
    let mut prompts = vec![
        json!({"name": "test_simple_prompt", "description": "A prompt without arguments."}),
        json!({
            "name": "test_prompt_with_arguments",
            "description": "A prompt with two arguments.",
            "arguments": [argument("arg1"), argument("arg2")],
        }),
        json!({
            "name": "test_prompt_with_embedded_resource",
            "description": "A prompt with a resource in it.",
            "arguments": [argument("resourceUri")],
        }),
        json!({"name": "test_prompt_with_image", "description": "A prompt with an image in it."}),
        json!({"name": "test_input_required_result_prompt", "description": "A prompt that needs to know more."}),
    ];
    if changed {
        prompts.push(json!({"name": "test_temporary_prompt", "description": "Comes and goes."}));
    }
    result(json!({"prompts": prompts}))
}

/// One of them.
///
/// # Errors
/// `-32602` if there is no such prompt.
pub(crate) fn get(name: &str, arguments: &Value, round: &Round<'_>) -> Result<GetPromptResponse, ErrorData> {
    let argument = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    let text = |text: &str| json!({"role": "user", "content": {"type": "text", "text": text}});
    let messages = match name {
        "test_simple_prompt" | "test_temporary_prompt" => vec![text("This is a simple prompt for testing.")],
        "test_prompt_with_arguments" => {
            let (one, two) = (argument("arg1"), argument("arg2"));
            vec![text(&format!("Prompt with arguments: arg1='{one}', arg2='{two}'"))]
        }
        "test_prompt_with_embedded_resource" => {
            let resource = json!({
                "uri": argument("resourceUri"),
                "mimeType": "text/plain",
                "text": "Embedded resource content for testing.",
            });
            vec![
                json!({"role": "user", "content": {"type": "resource", "resource": resource}}),
                text("Please process the embedded resource above."),
            ]
        }
        "test_prompt_with_image" => {
            let image = json!({"type": "image", "data": PNG, "mimeType": "image/png"});
            vec![json!({"role": "user", "content": image}), text("Please analyze the image above.")]
        }
        "test_input_required_result_prompt" => match round.answer("user_context") {
            Some(answer) => vec![text(&format!("This is the context: {answer}"))],
            None => {
                let question = form("What context should the prompt use?", "context", "string");
                let questions = from_json(json!({"user_context": question}))?;
                return Ok(InputRequiredResult::from_input_requests(questions).into());
            }
        },
        _ => return Err(ErrorData::invalid_params(format!("there is no prompt `{name}`"), None)),
    };
    let prompt: GetPromptResult = result(json!({"messages": messages}))?;
    Ok(prompt.into())
}
