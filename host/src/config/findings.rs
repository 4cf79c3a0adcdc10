//! Where problems are put together while a file is read, so that all are reported at once.

use super::{
    document::{Document, Node},
    expand::Fault,
    nearest, pointer,
    problem::{Position, Problem, ProblemKind, Problems},
};

/// What has been found so far in one document.
pub(super) struct Findings<'d> {
    document: &'d Document,
    problems: Vec<Problem>,
    notes: Vec<Problem>,
}

impl<'d> Findings<'d> {
    /// Nothing yet.
    pub(super) fn of(document: &'d Document) -> Self {
        Self { document, problems: Vec::new(), notes: Vec::new() }
    }

    /// A problem with a value; `what` goes on from the key's name: "must be …".
    pub(super) fn value(&mut self, node: &Node, kind: ProblemKind, what: &str) -> &mut Problem {
        let (subject, key) = self.name(&node.pointer);
        self.push(node, node.at, kind, format!("{subject}{key} {what}"))
    }

    /// A problem with a key or with a whole object; `what` stands for itself.
    pub(super) fn key(&mut self, node: &Node, kind: ProblemKind, what: &str) -> &mut Problem {
        let (subject, _) = self.name(&node.pointer);
        self.push(node, node.key_at, kind, format!("{subject}{what}"))
    }

    /// An unknown key of `owner`, with the nearest known one.
    pub(super) fn unknown(&mut self, owner: &Node, key: &str, node: &Node, known: &[&str]) {
        let within = match pointer::keys(&owner.pointer).as_slice() {
            [] => String::new(),
            [section, _] if section == "policies" || section == "mcpServers" => String::new(),
            _ => format!(" in {}", self.name(&owner.pointer).1),
        };
        self.key(node, ProblemKind::UnknownKey, &format!("unknown key `{key}`{within}"))
            .hint(nearest::hint(key, known));
    }

    /// What kept a string's variables from being filled in.
    pub(super) fn faults(&mut self, node: &Node, faults: &[Fault]) {
        for fault in faults {
            match fault {
                Fault::Unset(name) => self
                    .value(
                        node,
                        ProblemKind::Environment,
                        &format!("needs the environment variable `{name}`, which is not set"),
                    )
                    .hint(format!("set `{name}` where Interlock starts, or write `$${{{name}}}` for the text itself.")),
                Fault::NoName(name) => self
                    .value(
                        node,
                        ProblemKind::Environment,
                        &format!("has `${{{name}}}`, which names no environment variable"),
                    )
                    .hint("a name has letters, digits and `_`; write `$${` for the text `${` itself."),
                Fault::Open => self
                    .value(node, ProblemKind::Environment, "has `${` without `}`")
                    .hint("write `${NAME}`, or `$${` for the text `${` itself."),
            }
        }
    }

    /// Something that is read over, and why.
    pub(super) fn note(&mut self, node: &Node, what: &str) {
        let (subject, _) = self.name(&node.pointer);
        self.notes.push(self.problem(node, node.key_at, ProblemKind::Note, format!("{subject}{what}")));
    }

    /// All notes, or all problems if there are any.
    ///
    /// # Errors
    /// The problems, in the order of the file.
    pub(super) fn end(mut self) -> Result<Vec<Problem>, Problems> {
        if self.problems.is_empty() {
            return Ok(self.notes);
        }
        self.problems.sort_by_key(|problem| problem.position);
        Err(Problems(self.problems))
    }

    fn push(&mut self, node: &Node, at: Position, kind: ProblemKind, message: String) -> &mut Problem {
        let problem = self.problem(node, at, kind, message);
        let last = self.problems.len();
        self.problems.push(problem);
        #[expect(clippy::indexing_slicing, reason = "pushed just now")]
        &mut self.problems[last]
    }

    fn problem(&self, node: &Node, at: Position, kind: ProblemKind, message: String) -> Problem {
        let path = self.document.path.clone();
        Problem { path, position: Some(at), pointer: node.pointer.clone(), kind, message, hint: None }
    }

    /// What a pointer is about, and the key within that: (policy `pay`: , `limits/time_ms`).
    fn name(&self, to: &str) -> (String, String) {
        let keys = pointer::keys(to);
        let root = &self.document.root;
        match keys.as_slice() {
            [] => (String::new(), "the file".to_owned()),
            [section, index, rest @ ..] if section == "policies" => {
                let policy = root.get(section).and_then(|all| all.items().get(index.parse::<usize>().ok()?));
                let name =
                    policy.and_then(|policy| policy.get("name")).and_then(Node::text).filter(|name| !name.is_empty());
                let subject = name.map_or_else(|| number(index), |name| format!("`{name}`"));
                (format!("policy {subject}: "), key(rest))
            }
            [section, name, rest @ ..] if section == "mcpServers" => (format!("server `{name}`: "), key(rest)),
            all => (String::new(), key(all)),
        }
    }
}

fn key(keys: &[String]) -> String {
    if keys.is_empty() { "it".to_owned() } else { format!("`{}`", keys.join("/")) }
}

/// People count policies from 1.
fn number(index: &str) -> String {
    format!("number {}", index.parse::<usize>().unwrap_or_default() + 1)
}
