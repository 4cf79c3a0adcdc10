//! Tools and a prompt that need input from the client, and are called again with it: 2026-07-28's way of asking.

use rmcp::{
    ErrorData,
    model::{
        CallToolResponse, ClientCapabilities, InputRequiredResult, InputResponses, RequestStateCodec,
        TASKS_EXTENSION_ID,
    },
};
use serde_json::{Value, json};

use crate::{definitions::from_json, plain::text};

/// What a client came back with.
pub(crate) struct Round<'a> {
    pub(crate) responses: Option<InputResponses>,
    pub(crate) state: Option<String>,
    pub(crate) codec: &'a RequestStateCodec,
}

impl Round<'_> {
    /// The client's answer to one question; none if there is none, or it is no answer.
    pub(crate) fn answer(&self, key: &str) -> Option<&Value> {
        self.responses.as_ref()?.get(key).filter(|answer| answer.is_object())
    }

    /// Where in its conversation with the client a tool is.
    ///
    /// # Errors
    /// The state is not one of ours.
    fn step(&self) -> Result<Option<String>, ErrorData> {
        let Some(sealed) = &self.state else { return Ok(None) };
        let opened =
            self.codec.open(sealed).map_err(|_| ErrorData::invalid_params("not a state of this server", None))?;
        Ok(Some(String::from_utf8_lossy(&opened).into_owned()))
    }

    /// Asks, and gives the client the step to come back with.
    fn ask(&self, requests: Value, step: Option<&str>) -> Result<CallToolResponse, ErrorData> {
        let state = step.map(|step| self.codec.seal(step.as_bytes()));
        Ok(InputRequiredResult::new(Some(from_json(requests)?), state).into())
    }
}

/// A request for a form with one text, or one yes.
pub(crate) fn form(message: &str, field: &str, kind: &str) -> Value {
    json!({
        "method": "elicitation/create",
        "params": {
            "mode": "form",
            "message": message,
            "requestedSchema": {"type": "object", "properties": {field: {"type": kind}}, "required": [field]},
        },
    })
}

fn sample(prompt: &str, max_tokens: u32) -> Value {
    let message = json!({"role": "user", "content": {"type": "text", "text": prompt}});
    json!({"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": max_tokens}})
}

fn roots() -> Value {
    json!({"method": "roots/list"})
}

fn done(line: &str) -> Result<CallToolResponse, ErrorData> {
    text(line).map(Into::into)
}

fn said<'a>(answer: &'a Value, field: &str) -> &'a str {
    answer.pointer(&format!("/content/{field}")).and_then(Value::as_str).unwrap_or_default()
}

/// The next round of a tool; none if there is no such tool here.
pub(crate) fn next(
    name: &str,
    round: &Round<'_>,
    client: &ClientCapabilities,
) -> Option<Result<CallToolResponse, ErrorData>> {
    Some(match name {
        "test_input_required_result_elicitation" => match round.answer("user_name") {
            Some(answer) => done(&format!("Hello, {}!", said(answer, "name"))),
            None => round.ask(json!({"user_name": form("What is your name?", "name", "string")}), None),
        },
        "test_streaming_elicitation" => match round.answer("user_name") {
            Some(answer) => done(&format!("Hello, {}!", said(answer, "name"))),
            None => round.ask(json!({"user_name": form("What is your name?", "name", "string")}), None),
        },
        "test_input_required_result_sampling" => match round.answer("capital_question") {
            Some(answer) => done(&format!("The model says: {}", said(answer, "text"))),
            None => round.ask(json!({"capital_question": sample("What is the capital of France?", 100)}), None),
        },
        "test_input_required_result_list_roots" => match round.answer("client_roots") {
            Some(answer) => done(&format!("The roots are {answer}")),
            None => round.ask(json!({"client_roots": roots()}), None),
        },
        "test_input_required_result_request_state" | "test_input_required_result_tampered_state" => confirmed(round),
        "test_input_required_result_multiple_inputs" => several(round),
        "test_input_required_result_multi_round" => twice(round),
        "test_input_required_result_capabilities" => whatever_it_can(round, client),
        _ => return None,
    })
}

fn confirmed(round: &Round<'_>) -> Result<CallToolResponse, ErrorData> {
    match (round.step()?, round.answer("confirm")) {
        (Some(_), Some(_)) => done("state-ok"),
        (_, _) => round.ask(json!({"confirm": form("Please confirm", "ok", "boolean")}), Some("confirm")),
    }
}

fn several(round: &Round<'_>) -> Result<CallToolResponse, ErrorData> {
    let step = round.step()?;
    let answers = ["user_name", "greeting", "client_roots"].map(|key| round.answer(key));
    if let (Some(_), [Some(name), Some(greeting), Some(_)]) = (step, answers) {
        return done(&format!("{} {}", said(greeting, "text"), said(name, "name")));
    }
    let requests = json!({
        "user_name": form("What is your name?", "name", "string"),
        "greeting": sample("Generate a greeting", 50),
        "client_roots": roots(),
    });
    round.ask(requests, Some("several"))
}

fn twice(round: &Round<'_>) -> Result<CallToolResponse, ErrorData> {
    let step = round.step()?;
    match (step.as_deref(), round.answer("step1"), round.answer("step2")) {
        (Some("1"), Some(_), _) => {
            let colour = form("Step 2: What is your favorite color?", "color", "string");
            round.ask(json!({"step2": colour}), Some("2"))
        }
        (Some("2"), _, Some(answer)) => done(&format!("{} it is.", said(answer, "color"))),
        (_, _, _) => round.ask(json!({"step1": form("Step 1: What is your name?", "name", "string")}), Some("1")),
    }
}

fn whatever_it_can(round: &Round<'_>, client: &ClientCapabilities) -> Result<CallToolResponse, ErrorData> {
    if round.responses.is_some() {
        return done("Thank you.");
    }
    let mut requests = serde_json::Map::new();
    if client.sampling.is_some() {
        requests.insert("model".to_owned(), sample("Say something", 20));
    }
    if client.elicitation.is_some() {
        requests.insert("user".to_owned(), form("Say something", "word", "string"));
    }
    if requests.is_empty() { done("The client cannot give anything.") } else { round.ask(requests.into(), None) }
}

/// The first round of `test_tool_with_task`, or the name that the user gave.
pub(crate) fn before_task(round: &Round<'_>) -> Result<Result<String, CallToolResponse>, ErrorData> {
    match round.answer("user_name") {
        Some(answer) => Ok(Ok(said(answer, "name").to_owned())),
        None => {
            let question = json!({"user_name": form("What is your name?", "name", "string")});
            round.ask(question, Some(TASKS_EXTENSION_ID)).map(Err)
        }
    }
}
