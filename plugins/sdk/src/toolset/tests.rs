//! What toolsets can rely on, as sentences.

use serde_json::{Value, json};

use crate::prelude::*;
use crate::testing::Shelf;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    latency_ms: u32,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Note {
    #[schemars(length(min = 1))]
    name: String,
    text: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Kept {
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    keys: Vec<String>,
}

struct Notes(Settings);

impl Notes {
    fn keep(&self, note: Note, context: &Context<'_>) -> Result<Answer<Kept>, ToolError> {
        let key = format!("note/{}", note.name);
        let before = context.get(&key)?;
        match note.text {
            Some(text) => context.set(&key, &text)?,
            None if !context.delete(&key) => return Err(ToolError::failed(format!("name: no note `{}`", note.name))),
            None => {}
        }
        Ok(Answer::new(format!("kept by {}", context.id()), Kept { before, keys: context.list("note/", 10) }))
    }
}

impl Toolset for Notes {
    type Settings = Settings;
    const NAME: &'static str = "notes";
    const VERSION: &'static str = "1.2.3";
    const SUMMARY: &'static str = "Keeps notes.";

    fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self(settings))
    }

    fn tools(&self) -> Vec<Tool<Self>> {
        vec![Tool::new("keep", Self::keep).title("Keep").description("Keeps a note.").hints(&["idempotent"])]
    }

    fn before(&self, _: &str, context: &Context<'_>) -> Result<(), ToolError> {
        context.delay(self.0.latency_ms);
        Ok(())
    }
}

fn notes() -> Notes {
    Shelf::configure(&json!({"latency_ms": 7})).unwrap_or_else(|problems| panic!("{problems:?}"))
}

#[test]
fn what_a_tool_stores_is_there_in_the_next_call() {
    let (shelf, notes) = (Shelf::default(), notes());
    let keep = |arguments: Value| shelf.call(&notes, "keep", &arguments).unwrap();
    let first = keep(json!({"name": "a", "text": "one"}));
    assert_eq!((first.text.as_str(), first.is_error), ("kept by call-1", false));
    assert_eq!(first.structured.as_deref(), Some(r#"{"keys":["note/a"]}"#));
    let second = keep(json!({"name": "a", "text": "two"}));
    assert_eq!(second.structured.as_deref(), Some(r#"{"before":"one","keys":["note/a"]}"#));
    assert_eq!(keep(json!({"name": "a"})).structured.as_deref(), Some(r#"{"before":"two","keys":[]}"#));
    let gone = keep(json!({"name": "a"}));
    assert!(gone.is_error && gone.text == "name: no note `a`" && gone.structured.is_none());
    assert_eq!(shelf.delayed_ms(), 28, "`before` runs before each");
}

#[test]
fn bad_arguments_never_reach_the_handler_and_each_field_is_named() {
    let bad = Shelf::default().call(&notes(), "keep", &json!({"name": "", "text": 5, "txt": ""})).unwrap();
    assert!(bad.is_error);
    assert_eq!(
        bad.text,
        "Bad arguments. /name: must not be empty; /text: must be a string, but is a number; \
         /txt: unknown key `txt`: known keys are `name`, `text`"
    );
}

#[test]
fn a_definition_carries_the_schemas_of_the_handlers_types() {
    let definition = notes().tools()[0].definition();
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let input = parse(&definition.input_schema);
    assert_eq!((input["type"].as_str(), &input["required"]), (Some("object"), &json!(["name"])));
    assert_eq!(parse(&definition.output_schema.unwrap())["required"], json!(["keys"]), "what may be left out is not");
    assert_eq!(definition.hints, ["idempotent"]);
}

#[test]
fn a_tool_that_is_not_there_is_a_fault() {
    assert_eq!(Shelf::default().call(&notes(), "drop", &json!({})).unwrap_err().code, "unknown_tool");
}

#[test]
fn a_counter_is_a_number_and_stays_one() {
    use crate::ToolHost;
    let shelf = Shelf::default();
    assert_eq!((shelf.increment("n", 2), shelf.increment("n", -5)), (Ok(2), Ok(-3)));
    shelf.set("text", "x").unwrap();
    assert_eq!(shelf.increment("text", 1).unwrap_err().code, "not_a_counter");
    assert_eq!(shelf.set("big", &"x".repeat(65_537)).unwrap_err().code, "store_full");
}
