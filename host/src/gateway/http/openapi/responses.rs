//! The answers that can come, beside those that can come everywhere.

use serde_json::{Map, Value, json};

/// The answers to one operation.
#[derive(Clone, Debug)]
pub(super) struct Responses {
    problem: Value,
    all: Map<String, Value>,
}

impl Responses {
    /// Those that every operation has.
    pub(super) fn new(problem: Value, keys: bool) -> Self {
        let all = Self { problem, all: Map::new() };
        let all = all
            .problem("400", "The request cannot be understood.")
            .problem("403", "You, or what you ask for, is refused; or you call by a name that is not served.")
            .later("429", "Too often. The header says when to come back.");
        match keys {
            true => all
                .problem("401", "There is no valid API key.")
                .later("503", "It cannot be told at the moment whose key that is."),
            false => all,
        }
    }

    /// An answer in JSON.
    pub(super) fn json(mut self, status: &str, about: &str, schema: Value) -> Self {
        let content = json!({ "application/json": { "schema": schema } });
        self.all.insert(status.to_owned(), json!({ "description": about, "content": content }));
        self
    }

    /// An answer for people.
    pub(super) fn page(mut self, status: &str, about: &str) -> Self {
        let content = json!({ "text/html": { "schema": { "type": "string" } } });
        self.all.insert(status.to_owned(), json!({ "description": about, "content": content }));
        self
    }

    /// A problem document.
    pub(super) fn problem(self, status: &str, about: &str) -> Self {
        let schema = self.problem.clone();
        self.problem_of(status, about, schema)
    }

    /// A problem document with a schema of its own.
    pub(super) fn problem_of(mut self, status: &str, about: &str, schema: Value) -> Self {
        let content = json!({ "application/problem+json": { "schema": schema } });
        self.all.insert(status.to_owned(), json!({ "description": about, "content": content }));
        self
    }

    /// A problem document that says when to come back.
    pub(super) fn later(self, status: &str, about: &str) -> Self {
        let seconds = json!({ "type": "integer", "minimum": 0 });
        self.problem(status, about).header(status, "Retry-After", "Seconds to wait.", seconds)
    }

    /// A header of an answer.
    pub(super) fn header(mut self, status: &str, name: &str, about: &str, schema: Value) -> Self {
        if let Some(response) = self.all.get_mut(status).and_then(Value::as_object_mut) {
            response.insert("headers".to_owned(), json!({ name: { "description": about, "schema": schema } }));
        }
        self
    }

    /// Where an answer leads: to this operation, with a parameter that stands in the answer under this key.
    pub(super) fn leading_to(mut self, status: &str, operation: &str, parameter: &str, key: &str) -> Self {
        let link = json!({ "operationId": operation, "parameters": { parameter: format!("$response.body#/{key}") } });
        if let Some(response) = self.all.get_mut(status).and_then(Value::as_object_mut) {
            let links = response.entry("links").or_insert_with(|| json!({}));
            if let Some(links) = links.as_object_mut() {
                links.insert(operation.to_owned(), link);
            }
        }
        self
    }

    /// What is asked for may not be there.
    pub(super) fn not_found(self) -> Self {
        self.problem("404", "There is no such thing, or it is not yours to see.")
    }

    /// The journal may be away.
    pub(super) fn unavailable(self) -> Self {
        self.later("503", "What is needed for it is not available at the moment.")
    }

    /// The body may be wrong.
    pub(super) fn with_body(self) -> Self {
        self.problem("408", "The body did not come to its end in time.")
            .problem("413", "The body is too large.")
            .problem("415", "The body claims to be something else than JSON.")
    }

    /// All of them, by status.
    pub(super) fn end(self) -> Value {
        let mut all: Vec<_> = self.all.into_iter().collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        Value::Object(all.into_iter().collect())
    }
}
