//! Walks a value along its schema and collects what does not fit.

use serde_json::{Map, Value};

use super::{formats, nearest::nearest};
use crate::json::{self, type_of};
use crate::{Problem, pointer};

/// One schema document, to resolve references in.
pub(super) struct Walk<'a> {
    root: &'a Value,
}

impl<'a> Walk<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root }
    }

    pub(super) fn check(&self, value: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.visit(self.root, value, "", &mut problems);
        problems
    }

    fn visit(&self, schema: &'a Value, value: &Value, at: &str, problems: &mut Vec<Problem>) {
        let Value::Object(schema) = schema else {
            if *schema == Value::Bool(false) {
                problems.push(Problem::new(at, "must not be here"));
            }
            return;
        };
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            self.visit(self.resolve(target), value, at, problems);
        }
        for part in list(schema, "allOf") {
            self.visit(part, value, at, problems);
        }
        let choices = list(schema, "anyOf").chain(list(schema, "oneOf")).collect::<Vec<_>>();
        if !choices.is_empty() {
            self.choose(&choices, value, at, problems);
        }
        if let Some(allowed) = allowed(schema) {
            return one_of(&allowed, &[], value, at, problems);
        }
        if !types(schema).is_empty() && !types(schema).iter().any(|name| has_type(value, name)) {
            let names = types(schema).into_iter().filter(|name| *name != "null").map(article);
            let expected = names.collect::<Vec<_>>().join(" or ");
            return problems.push(Problem::new(at, format!("must be {expected}, but is {}", type_of(value))));
        }
        match value {
            Value::Object(members) => self.object(schema, members, at, problems),
            Value::Array(items) => self.array(schema, items, at, problems),
            Value::String(text) => string(schema, text, at, problems),
            Value::Number(_) => number(schema, value, at, problems),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn resolve(&self, target: &str) -> &'a Value {
        // schemars writes references into the document only: `#` and a JSON Pointer.
        self.root.pointer(target.trim_start_matches('#')).unwrap_or(&Value::Bool(true))
    }

    fn object(
        &self,
        schema: &'a Map<String, Value>,
        members: &Map<String, Value>,
        at: &str,
        problems: &mut Vec<Problem>,
    ) {
        let properties = schema.get("properties").and_then(Value::as_object);
        let keys = || properties.into_iter().flat_map(Map::keys).map(String::as_str);
        let mut meant = Vec::new();
        for (key, value) in members {
            let here = pointer::join(at, key);
            match (properties.and_then(|known| known.get(key)), schema.get("additionalProperties")) {
                (Some(property), _) => self.visit(property, value, &here, problems),
                (None, Some(Value::Bool(false))) => {
                    let unused = keys().filter(|known| !members.contains_key(*known));
                    let hint = match nearest(key, unused) {
                        Some(near) => {
                            meant.push(near);
                            format!("did you mean `{near}`?")
                        }
                        None => format!("known keys are {}", quoted(keys())),
                    };
                    problems.push(Problem::new(here, format!("unknown key `{key}`: {hint}")));
                }
                (None, Some(rest)) => self.visit(rest, value, &here, problems),
                (None, None) => {}
            }
        }
        for key in list(schema, "required").filter_map(Value::as_str) {
            if !members.contains_key(key) && !meant.contains(&key) {
                problems.push(Problem::new(at, format!("the key `{key}` is missing")));
            }
        }
    }

    fn array(&self, schema: &'a Map<String, Value>, items: &[Value], at: &str, problems: &mut Vec<Problem>) {
        bounds(schema, "minItems", "maxItems", items.len(), "entries", at, problems);
        if let Some(each) = schema.get("items") {
            for (index, item) in items.iter().enumerate() {
                self.visit(each, item, &format!("{at}/{index}"), problems);
            }
        }
    }

    /// Reports against the alternative that was most likely meant: right type, most known keys, fewest problems.
    fn choose(&self, choices: &[&'a Value], value: &Value, at: &str, problems: &mut Vec<Problem>) {
        let mut resolved = Vec::new();
        choices.iter().for_each(|choice| self.alternatives(choice, &mut resolved));
        let schemas = || resolved.iter().filter_map(|choice| choice.as_object());
        let words = schemas().filter_map(allowed).flatten().collect::<Vec<_>>();
        let forms = schemas().filter(|schema| allowed(schema).is_none()).map(form).collect::<Option<Vec<_>>>();
        // Where it can be one of some words or an object, a text is taken for a word.
        if let Some(forms) = forms
            && (forms.is_empty() || value.is_string())
            && !words.is_empty()
        {
            return one_of(&words, &forms, value, at, problems);
        }
        let mut best: Option<(usize, Vec<Problem>)> = None;
        let (mut forms, mut keys) = (Vec::new(), Vec::new());
        for choice in &resolved {
            let mut found = Vec::new();
            self.visit(choice, value, at, &mut found);
            if found.is_empty() {
                return;
            }
            let Value::Object(schema) = choice else { continue };
            forms.extend(types(schema).into_iter().filter(|name| *name != "null"));
            if !types(schema).iter().any(|name| has_type(value, name)) {
                continue;
            }
            keys.extend(list(schema, "required").filter_map(Value::as_str).take(1));
            let known = value.as_object().map_or(1, |members| {
                let properties = schema.get("properties").and_then(Value::as_object);
                members.keys().filter(|key| properties.is_some_and(|known| known.contains_key(*key))).count()
            });
            let better = best
                .as_ref()
                .is_none_or(|(most, least)| known > *most || (known == *most && found.len() < least.len()));
            if better {
                best = Some((known, found));
            }
        }
        match best {
            Some((0, _)) if keys.len() > 1 => {
                let given = value.as_object().into_iter().flat_map(Map::keys);
                let near = given.into_iter().find_map(|key| nearest(key, keys.iter().copied()));
                let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                let keys = quoted(keys.iter().copied());
                problems.push(Problem::new(at, format!("must have one of the keys {keys}{hint}")));
            }
            Some((_, found)) => problems.extend(found),
            None => {
                forms.dedup();
                let expected = forms.into_iter().map(article).collect::<Vec<_>>().join(" or ");
                problems.push(Problem::new(at, format!("must be {expected}, but is {}", type_of(value))));
            }
        }
    }

    /// A choice without references; one that is itself a choice (an optional enum) gives its own.
    fn alternatives(&self, schema: &'a Value, found: &mut Vec<&'a Value>) {
        let target = schema.get("$ref").and_then(Value::as_str);
        let schema = target.map_or(schema, |target| self.resolve(target));
        match schema.get("anyOf").or(schema.get("oneOf")).and_then(Value::as_array) {
            Some(choices) => choices.iter().for_each(|choice| self.alternatives(choice, found)),
            None => found.push(schema),
        }
    }
}

fn list<'s>(schema: &'s Map<String, Value>, keyword: &str) -> impl Iterator<Item = &'s Value> + use<'s> {
    schema.get(keyword).and_then(Value::as_array).into_iter().flatten()
}

fn types(schema: &Map<String, Value>) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The values that `const` or `enum` leave.
fn allowed(schema: &Map<String, Value>) -> Option<Vec<&Value>> {
    match (schema.get("const"), schema.get("enum").and_then(Value::as_array)) {
        (Some(only), _) => Some(vec![only]),
        (None, Some(several)) => Some(several.iter().collect()),
        (None, None) => None,
    }
}

/// An object as it is written, if that is what a schema asks for: with the keys that it must have.
fn form(schema: &Map<String, Value>) -> Option<String> {
    if types(schema) != ["object"] {
        return None;
    }
    let keys = list(schema, "required").filter_map(Value::as_str).map(|key| {
        let property = schema.get("properties").and_then(|known| known.get(key)).and_then(Value::as_object);
        let number =
            property.is_some_and(|property| types(property).iter().any(|name| *name == "integer" || *name == "number"));
        format!("\"{key}\": {}", if number { "N" } else { "…" })
    });
    Some(format!("{{{}}}", keys.collect::<Vec<_>>().join(", ")))
}

/// Reports a value that is none of those that are allowed. `forms` are what else could be written.
fn one_of(allowed: &[&Value], forms: &[String], value: &Value, at: &str, problems: &mut Vec<Problem>) {
    if allowed.contains(&value) {
        return;
    }
    let texts = allowed.iter().filter_map(|value| value.as_str());
    let hint = match value.as_str().and_then(|text| nearest(text, texts)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let shown = allowed.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            let all = shown.chain(forms.iter().cloned()).collect::<Vec<_>>();
            format!("must be one of {}", quoted(all.iter().map(String::as_str)))
        }
    };
    problems.push(Problem::new(at, format!("{} is not known: {hint}", shown(value))));
}

fn string(schema: &Map<String, Value>, text: &str, at: &str, problems: &mut Vec<Problem>) {
    bounds(schema, "minLength", "maxLength", text.chars().count(), "characters", at, problems);
    if let Some(mistake) = schema.get("format").and_then(Value::as_str).and_then(|name| formats::mistake(name, text)) {
        problems.push(Problem::new(at, mistake));
    }
}

fn bounds(
    schema: &Map<String, Value>,
    least: &str,
    most: &str,
    size: usize,
    what: &str,
    at: &str,
    problems: &mut Vec<Problem>,
) {
    let limit = |keyword| schema.get(keyword).and_then(Value::as_u64);
    match (limit(least), limit(most)) {
        (Some(1), _) if size == 0 => problems.push(Problem::new(at, "must not be empty")),
        (Some(least), _) if (size as u64) < least => {
            problems.push(Problem::new(at, format!("must have at least {least} {what}, but has {size}")));
        }
        (_, Some(most)) if size as u64 > most => {
            problems.push(Problem::new(at, format!("must have at most {most} {what}, but has {size}")));
        }
        _ => {}
    }
}

fn number(schema: &Map<String, Value>, value: &Value, at: &str, problems: &mut Vec<Problem>) {
    // The widest that the Rust type behind an integer holds; schemars tells it as a format.
    let widest = match schema.get("format").and_then(Value::as_str) {
        Some("uint32") => Some(f64::from(u32::MAX)),
        Some("int32") => Some(f64::from(i32::MAX)),
        _ => None,
    };
    let Some(number) = value.as_f64() else { return };
    let limit = |keyword| schema.get(keyword).and_then(Value::as_f64);
    let rules = [
        (limit("minimum").filter(|least| number < *least), "at least"),
        (limit("exclusiveMinimum").filter(|bound| number <= *bound), "more than"),
        (limit("maximum").or(widest).filter(|most| number > *most), "at most"),
        (limit("exclusiveMaximum").filter(|bound| number >= *bound), "less than"),
    ];
    for (broken, words) in rules {
        if let Some(bound) = broken {
            problems.push(Problem::new(at, format!("must be {words} {}, but is {value}", json::number(bound))));
        }
    }
}

fn has_type(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => true,
    }
}

fn article(name: &str) -> &str {
    match name {
        "integer" => "a whole number",
        "array" => "an array",
        "object" => "an object",
        "string" => "a string",
        "number" => "a number",
        "boolean" => "true or false",
        other => other,
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| format!("`{value}`"), |text| format!("`{text}`"))
}

fn quoted<'s>(names: impl Iterator<Item = &'s str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
