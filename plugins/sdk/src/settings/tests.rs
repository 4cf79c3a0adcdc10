//! What an operator is told of settings that are wrong, as sentences.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{TextOr, read};
use crate::Pointer;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[schemars(length(min = 1, max = 3))]
    names: Vec<String>,
    #[schemars(range(min = 1, max = 10))]
    most: Option<u32>,
    #[serde(default)]
    share: Option<f64>,
    kind: Option<Kind>,
    #[serde(default)]
    places: BTreeMap<String, TextOr<Pointer, Place>>,
    next: Option<Box<Settings>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// Documented, so that the schema lists alternatives rather than words.
    Fast,
    /// The other.
    Slow,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Place {
    #[serde(rename = "at")]
    _at: Pointer,
}

fn told(settings: &Value) -> Vec<String> {
    let Err(problems) = read::<Settings>(&settings.to_string()) else { return Vec::new() };
    problems.into_iter().map(|problem| format!("{} {}", problem.pointer, problem.message)).collect()
}

#[test]
fn what_fits_is_read_as_it_stands() {
    let text = json!({
        "names": ["a"], "most": 10, "share": 2, "kind": "slow",
        "places": {"x": "/a", "y": {"at": ""}}, "next": {"names": ["b"], "most": null},
    });
    let settings = read::<Settings>(&text.to_string()).unwrap();
    assert_eq!((settings.names, settings.most, settings.share), (vec!["a".to_owned()], Some(10), Some(2.0)));
    assert!(matches!(settings.kind, Some(Kind::Slow)) && settings.places.len() == 2 && settings.next.is_some());
}

#[test]
fn everything_that_is_wrong_is_told_at_its_place() {
    let wrong = json!({
        "names": ["a", 2, "c", "d"], "most": 11, "share": "half", "kind": "fsat",
        "places": {"a/b": "x", "c": {"ta": "/x"}, "d": 1}, "next": {"most": 0}, "what": 1,
    });
    assert_eq!(
        told(&wrong),
        [
            "/names must have at most 3 entries, but has 4",
            "/names/1 must be a string, but is a number",
            "/most must be at most 10, but is 11",
            "/share must be a number, but is a string",
            "/kind `fsat` is not known: did you mean `fast`?",
            "/places/a~1b `x` is no JSON Pointer: it starts with `/`, as in `/x`",
            "/places/c/ta unknown key `ta`: did you mean `at`?",
            "/places/d must be a string or an object, but is a number",
            "/next/most must be at least 1, but is 0",
            "/next the key `names` is missing",
            "/what unknown key `what`: known keys are `names`, `most`, `share`, `kind`, `places`, `next`",
        ]
    );
}

#[test]
fn text_that_is_no_json_is_one_problem_of_the_whole() {
    let problems = read::<Settings>("{\"names\":").unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].pointer.is_empty() && problems[0].message.starts_with("is not JSON"));
    assert_eq!(told(&json!([])), [" must be an object, but is an array"]);
}

#[test]
fn what_only_the_type_itself_refuses_is_still_a_problem() {
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(try_from = "u32")]
    struct Even;
    impl TryFrom<u32> for Even {
        type Error = String;

        fn try_from(number: u32) -> Result<Self, String> {
            if number.is_multiple_of(2) { Ok(Self) } else { Err(format!("{number} is odd")) }
        }
    }
    assert!(read::<Even>("2").is_ok());
    assert_eq!(read::<Even>("3").unwrap_err()[0].message, "3 is odd");
}
