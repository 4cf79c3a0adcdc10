//! What may stand where: one description of each section, from which both the check of a file and the JSON Schema for
//! editors are made, so that the two cannot differ.

use super::{
    document::{Node, Value},
    findings::Findings,
    nearest,
    problem::ProblemKind,
};

/// What a value has to be.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// A string.
    Text,
    /// One of these strings.
    Word(&'static [&'static str]),
    /// A boolean.
    Flag,
    /// A whole number within these bounds, both included.
    Whole(u64, u64),
    /// A list.
    List(&'static Shape),
    /// An object from any name to values of one shape.
    Names(&'static Shape),
    /// An object with these keys.
    Table(&'static [Key]),
    /// An object with these keys, exactly one of the named ones among them.
    OneOf(&'static [&'static str], &'static [Key]),
    /// An object that is not looked at if this key is true; else of the given shape.
    Unless(&'static str, &'static Shape),
    /// Either: which one, the JSON type tells.
    Either(&'static Shape, &'static Shape),
    /// That or null.
    OrNull(&'static Shape),
    /// Any object: what is in it is for a plugin to judge.
    Object,
    /// Anything: it is for AI apps, not for Interlock, and read over for this reason.
    Ignored(&'static str),
    /// Nothing but null or something empty: Interlock does not do that, for this reason.
    Absent(&'static str),
}

/// A key of an object.
#[derive(Clone, Copy)]
pub(super) struct Key {
    /// Its name.
    pub(super) name: &'static str,
    /// What it is for, for people who write one.
    pub(super) about: &'static str,
    /// Whether it has to be there.
    pub(super) required: bool,
    /// What its value has to be.
    pub(super) shape: Shape,
}

impl Key {
    /// A key that may be left out.
    pub(super) const fn new(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, about, required: false, shape }
    }

    /// A key that has to be there.
    pub(super) const fn required(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, about, required: true, shape }
    }
}

/// Reports everything about `node`, and below it, that does not have this shape.
pub(super) fn check(shape: &Shape, node: &Node, findings: &mut Findings<'_>) {
    match (shape, &node.value) {
        (Shape::Text, Value::Text(_, faults)) => findings.faults(node, faults),
        (Shape::Word(words), Value::Text(word, faults)) => {
            findings.faults(node, faults);
            if faults.is_empty() && !words.contains(&word.as_str()) {
                let what = format!("must be {}, not `{word}`", nearest::list(words, "or"));
                let problem = findings.value(node, ProblemKind::BadValue, &what);
                if let Some(near) = nearest::nearest(word, words) {
                    problem.hint(format!("did you mean `{near}`?"));
                }
            }
        }
        (Shape::Whole(least, most), Value::Number(_)) => {
            if !node.whole().is_some_and(|number| (*least..=*most).contains(&number)) {
                findings.value(
                    node,
                    ProblemKind::OutOfRange,
                    &format!("must be a whole number from {least} to {most}"),
                );
            }
        }
        (Shape::List(inner), Value::List(items)) => items.iter().for_each(|item| check(inner, item, findings)),
        (Shape::Names(inner), Value::Table(entries)) => {
            duplicates(entries, findings);
            entries.iter().for_each(|(_, entry)| check(inner, entry, findings));
        }
        (Shape::Table(keys), Value::Table(entries)) => table(keys, node, entries, findings),
        (Shape::OneOf(choice, keys), Value::Table(entries)) => {
            table(keys, node, entries, findings);
            one_of(choice, node, findings);
        }
        (Shape::Unless(key, inner), _) => {
            if node.get(key).and_then(Node::flag) != Some(true) {
                check(inner, node, findings);
            }
        }
        (Shape::Either(first, second), _) => {
            if let Some(fitting) = [first, second].into_iter().find(|shape| shape.takes(node)) {
                check(fitting, node, findings);
            } else {
                let what = format!("must be {} or {}, not {}", first.type_name(), second.type_name(), node.type_name());
                findings.value(node, ProblemKind::WrongType, &what);
            }
        }
        (Shape::OrNull(_), Value::Null) | (Shape::Flag, Value::Flag(_)) => {}
        (Shape::OrNull(inner), _) => check(inner, node, findings),
        (Shape::Object, Value::Table(_)) => anything(node, findings),
        (Shape::Ignored(reason), _) => {
            let name = node.pointer.rsplit('/').next().unwrap_or_default();
            findings.note(node, &format!("`{name}` is read over: {reason}"));
        }
        (Shape::Absent(reason), _) if !node.is_empty() => {
            findings.value(node, ProblemKind::Unsupported, &format!("is not supported: {reason}"));
        }
        (Shape::Absent(_), _) => {}
        (shape, value) => {
            let what = format!("must be {}, not {}", shape.type_name(), node.type_name());
            let problem = findings.value(node, ProblemKind::WrongType, &what);
            if let (Shape::Text, Value::Number(_) | Value::Flag(_)) = (shape, value) {
                problem.hint("put it in quotes.");
            }
        }
    }
}

impl Shape {
    /// The JSON type's name, with its article.
    fn type_name(&self) -> &'static str {
        match self {
            Self::Text | Self::Word(_) => "a string",
            Self::Flag => "true or false",
            Self::Whole(..) => "a number",
            Self::List(_) => "a list",
            Self::Names(_) | Self::Table(_) | Self::OneOf(..) | Self::Object => "an object",
            Self::Unless(_, inner) | Self::OrNull(inner) => inner.type_name(),
            Self::Either(first, _) => first.type_name(),
            Self::Ignored(_) | Self::Absent(_) => "anything",
        }
    }

    /// Whether the value has the JSON type for it.
    fn takes(&self, node: &Node) -> bool {
        self.type_name() == node.type_name()
    }
}

fn table(keys: &[Key], node: &Node, entries: &[(String, Node)], findings: &mut Findings<'_>) {
    duplicates(entries, findings);
    let known: Vec<&str> = keys.iter().filter(|key| key.is_offered()).map(|key| key.name).collect();
    for (name, entry) in entries {
        match keys.iter().find(|key| key.name == name) {
            Some(key) => check(&key.shape, entry, findings),
            None => findings.unknown(node, name, entry, &known),
        }
    }
    for key in keys.iter().filter(|key| key.required && node.get(key.name).is_none()) {
        findings
            .key(node, ProblemKind::Keys, &format!("the key `{}` is missing", key.name))
            .hint(format!("`{}`: {}", key.name, key.about));
    }
}

impl Key {
    /// Whether a file should have it: not if it would only be read over or refused.
    pub(super) fn is_offered(&self) -> bool {
        !matches!(self.shape, Shape::Ignored(_) | Shape::Absent(_))
    }
}

fn one_of(choice: &[&str], node: &Node, findings: &mut Findings<'_>) {
    let present: Vec<&str> = choice.iter().copied().filter(|key| node.get(key).is_some()).collect();
    let what = match present.as_slice() {
        [_] => return,
        [] => format!("needs {}", nearest::list(choice, "or")),
        several => format!("has {}, of which there can be only one", nearest::list(several, "and")),
    };
    findings.key(node, ProblemKind::Keys, &what);
}

fn duplicates(entries: &[(String, Node)], findings: &mut Findings<'_>) {
    for (index, (name, entry)) in entries.iter().enumerate() {
        if let Some((_, first)) = entries.iter().take(index).find(|(earlier, _)| earlier == name) {
            let what =
                format!("the key `{name}` stands here a second time; the first is in line {}", first.key_at.line);
            findings.key(entry, ProblemKind::DuplicateKey, &what);
        }
    }
}

/// What can be wrong with any value.
fn anything(node: &Node, findings: &mut Findings<'_>) {
    match &node.value {
        Value::Null | Value::Flag(_) | Value::Number(Some(_)) => {}
        Value::Number(None) => {
            findings.value(node, ProblemKind::OutOfRange, "is too large a number");
        }
        Value::Text(_, faults) => findings.faults(node, faults),
        Value::List(items) => items.iter().for_each(|item| anything(item, findings)),
        Value::Table(entries) => {
            duplicates(entries, findings);
            entries.iter().for_each(|(_, entry)| anything(entry, findings));
        }
    }
}
