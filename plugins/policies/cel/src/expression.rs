//! A CEL expression of the settings: parsed, its names looked up, its variables put in.

use std::collections::BTreeMap;

use cel::common::ast::{EntryExpr, Expr, LiteralValue};
use cel::objects::ValueType;
use cel::parser::Expression as Tree;
use cel::{Context, Env, ExecutionError, Program, Value as Cel};
use interlock_language::{CALL, CALLER, Facts, Text};
use interlock_plugin::prelude::*;

/// What every expression may name, and the keys of it that are fixed.
const ROOTS: [(&str, &[&str]); 4] = [("call", &CALL), ("caller", &CALLER), ("history", &[]), ("variables", &[])];

/// Names of types, and namespaces of functions, that stand where a variable could.
const WORDS: [&str; 13] = [
    "bool",
    "bytes",
    "double",
    "dyn",
    "int",
    "list",
    "map",
    "null_type",
    "optional",
    "string",
    "strings",
    "type",
    "uint",
];

/// An expression that is ready to be evaluated.
#[derive(Debug)]
pub(crate) struct Expression {
    tree: Tree,
    text: Text,
}

/// Where expressions are compiled: what they may name.
pub(crate) struct Scope<'a> {
    env: &'a Env,
    probe: Context<'a, 'a>,
    facts: Vec<&'a str>,
    variables: BTreeMap<String, Tree>,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(env: &'a std::sync::Arc<Env>, facts: &'a Facts) -> Self {
        let probe = Context::with_env(env.clone());
        Self { env, probe, facts: facts.names().collect(), variables: BTreeMap::new() }
    }

    /// Compiles an expression; `at` is its JSON Pointer in the settings.
    ///
    /// # Errors
    /// Everything that is wrong with it, by line and column.
    pub(crate) fn compile(&self, text: &Text, at: &str) -> Result<Expression, Vec<Problem>> {
        let program = self.env.compile(text.as_str()).map_err(|errors| {
            let told = errors.errors.iter().map(|error| {
                let place = |number: isize| usize::try_from(number).unwrap_or(1).max(1);
                text.problem(at, place(error.pos.0), place(error.pos.1), error.msg.trim())
            });
            told.collect::<Vec<_>>()
        })?;
        let mut tree = program.expression().clone();
        let mut look = Look { scope: self, program: &program, bound: Vec::new(), mistakes: Vec::new() };
        look.visit(&mut tree);
        if look.mistakes.is_empty() {
            return Ok(Expression { tree, text: text.clone() });
        }
        Err(look.mistakes.iter().map(|(offset, message)| text.problem_at(at, *offset, message)).collect())
    }

    /// Gives what is compiled from here on a variable.
    pub(crate) fn define(&mut self, name: &str, expression: Expression) {
        self.variables.insert(name.to_owned(), expression.tree);
    }

    fn keys(&self, root: &str) -> Vec<&str> {
        match root {
            "history" => self.facts.clone(),
            "variables" => self.variables.keys().map(String::as_str).collect(),
            root => ROOTS.iter().find(|(name, _)| *name == root).map(|(_, keys)| keys.to_vec()).unwrap_or_default(),
        }
    }

    /// Whether there is such a function, told by calling it with nothing: with the wrong arguments is another error.
    fn knows(&self, name: &str, target: Option<&Tree>) -> bool {
        let nothing = || Tree { id: 0, expr: Expr::Literal(LiteralValue::Null) };
        // `optional.of(x)` is a function of a namespace; on anything else it is a method.
        let namespace = |tree: &&Tree| matches!(&tree.expr, Expr::Ident(word) if WORDS.contains(&word.as_str()));
        let target = target.map(|tree| Some(tree).filter(namespace).cloned().unwrap_or_else(nothing));
        let call =
            cel::common::ast::CallExpr { func_name: name.to_owned(), target: target.map(Box::new), args: Vec::new() };
        let called = Cel::resolve(&Tree { id: 0, expr: Expr::Call(call) }, &self.probe);
        !matches!(called, Err(ExecutionError::UndeclaredReference(_)))
    }
}

/// Walks an expression once.
struct Look<'a> {
    scope: &'a Scope<'a>,
    program: &'a Program,
    /// Names that comprehensions around the place have made.
    bound: Vec<String>,
    /// Each with its place in the text.
    mistakes: Vec<(usize, String)>,
}

impl Look<'_> {
    fn visit(&mut self, tree: &mut Tree) {
        let id = tree.id;
        match &mut tree.expr {
            Expr::Unspecified | Expr::Literal(_) => {}
            Expr::Ident(name) => {
                let name = name.clone();
                self.name(id, &name);
            }
            Expr::Select(select) => {
                let root = match &select.operand.expr {
                    Expr::Ident(name) if !self.bound.contains(name) => Some(name.clone()),
                    _ => None,
                };
                let Some(root) = root.filter(|root| ROOTS.iter().any(|(known, _)| known == root)) else {
                    return self.visit(&mut select.operand);
                };
                let (key, test) = (select.field.clone(), select.test);
                if !self.key(id, &root, &key) || root != "variables" {
                    return;
                }
                let variable = self.scope.variables.get(&key).cloned();
                tree.expr = match variable {
                    // A variable that there is: `has` asks whether it has a value, not whether it can be evaluated.
                    Some(_) if test => Expr::Literal(LiteralValue::Boolean(true.into())),
                    Some(variable) => variable.expr,
                    None => return,
                };
            }
            Expr::Call(call) => {
                let operator = !call.func_name.starts_with(|letter: char| letter.is_ascii_alphabetic());
                let name = call.func_name.clone();
                if !operator && !self.scope.knows(&name, call.target.as_deref()) {
                    self.mistake(id, format!("there is no function `{name}`"));
                }
                call.target.iter_mut().for_each(|target| self.visit(target));
                call.args.iter_mut().for_each(|argument| self.visit(argument));
            }
            Expr::List(list) => list.elements.iter_mut().for_each(|element| self.visit(element)),
            Expr::Map(map) => map.entries.iter_mut().for_each(|entry| self.entry(&mut entry.expr)),
            Expr::Struct(made) => {
                let name = made.type_name.clone();
                self.mistake(id, format!("there is no type `{name}` to be made here"));
            }
            Expr::Comprehension(over) => {
                self.visit(&mut over.iter_range);
                self.visit(&mut over.accu_init);
                let names = [Some(over.iter_var.clone()), over.iter_var2.clone(), Some(over.accu_var.clone())];
                let outer = self.bound.len();
                for name in names.into_iter().flatten() {
                    if ROOTS.iter().any(|(root, _)| *root == name) {
                        self.mistake(id, format!("`{name}` is taken: name the element otherwise"));
                    }
                    self.bound.push(name);
                }
                self.visit(&mut over.loop_cond);
                self.visit(&mut over.loop_step);
                self.visit(&mut over.result);
                self.bound.truncate(outer);
            }
        }
    }

    fn entry(&mut self, entry: &mut EntryExpr) {
        match entry {
            EntryExpr::StructField(field) => self.visit(&mut field.value),
            EntryExpr::MapEntry(entry) => {
                self.visit(&mut entry.key);
                self.visit(&mut entry.value);
            }
        }
    }

    fn name(&mut self, id: u64, name: &str) {
        let known = self.bound.iter().any(|bound| bound == name) || WORDS.contains(&name);
        if name == "variables" {
            self.mistake(id, "a variable is named as in `variables.NAME`".to_owned());
        } else if !known && !ROOTS.iter().any(|(root, _)| *root == name) {
            let roots = ROOTS.map(|(root, _)| format!("`{root}`")).join(", ");
            self.mistake(id, format!("there is no `{name}`: an expression has {roots}"));
        }
    }

    fn key(&mut self, id: u64, root: &str, key: &str) -> bool {
        let keys = self.scope.keys(root);
        if keys.contains(&key) {
            return true;
        }
        let there = match keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => "nothing".to_owned(),
            some => some,
        };
        let place = if root == "history" { "; `facts` names more" } else { "" };
        self.mistake(id, format!("there is no `{root}.{key}`: it has {there}{place}"));
        false
    }

    fn mistake(&mut self, id: u64, message: String) {
        let offset = self.program.source_info().offset_for(id).map_or(0, |(start, _)| start as usize);
        self.mistakes.push((offset, message));
    }
}

impl Expression {
    /// Whether it looks at a root.
    pub(crate) fn looks_at(&self, root: &str) -> bool {
        self.tree.references().has_variable(root)
    }

    /// As it is written, on one line.
    pub(crate) fn written(&self) -> String {
        self.text.as_str().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// It cannot be evaluated, or is neither true nor false.
    pub(crate) fn holds(&self, context: &Context<'_, '_>) -> Result<bool, String> {
        match self.value(context)? {
            Cel::Bool(holds) => Ok(holds),
            other => Err(format!("it is {}, neither true nor false", kind(&other))),
        }
    }

    /// The text that it is.
    ///
    /// # Errors
    /// It cannot be evaluated, or is no text.
    pub(crate) fn text(&self, context: &Context<'_, '_>) -> Result<String, String> {
        match self.value(context)? {
            Cel::String(text) => Ok(text.to_string()),
            other => Err(format!("it is {}, not a text", kind(&other))),
        }
    }

    fn value(&self, context: &Context<'_, '_>) -> Result<Cel, String> {
        Cel::resolve(&self.tree, context).map_err(|error| self.told(&error))
    }

    /// What went wrong, without the values: the operator's log must not have a call's arguments in it.
    fn told(&self, error: &ExecutionError) -> String {
        match error {
            ExecutionError::NoSuchKey(key) if self.text.as_str().contains(key.as_str()) => {
                format!("there is no `{key}`")
            }
            ExecutionError::NoSuchKey(_) => "there is no such key".to_owned(),
            ExecutionError::NoSuchOverload(error) => error.to_string(),
            ExecutionError::UndeclaredReference(name) => format!("there is no `{name}`"),
            ExecutionError::UnexpectedType { got, want } => format!("{want} was expected where {got} is"),
            ExecutionError::UnsupportedBinaryOperator(operator, left, right) => {
                format!("`{operator}` does not take {} and {}", kind(left), kind(right))
            }
            ExecutionError::ValuesNotComparable(left, right) => {
                format!("{} does not compare with {}", kind(left), kind(right))
            }
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "a division by zero".to_owned(),
            ExecutionError::Overflow(operator, ..) => format!("`{operator}` leaves the range of the type"),
            ExecutionError::IndexOutOfBounds(_) => "an index is out of bounds".to_owned(),
            ExecutionError::FunctionError { function, .. } => format!("`{function}` failed"),
            _ => "it cannot be evaluated".to_owned(),
        }
    }
}

/// The name that CEL has for what a value is.
fn kind(value: &Cel) -> String {
    match value.type_of() {
        ValueType::Float => "double".to_owned(),
        other => other.to_string(),
    }
}
