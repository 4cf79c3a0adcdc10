//! Runs cases against a component in the sandbox, each in fresh instances as the gateway would.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde_json::{Map, Value};

use super::{
    KitError, Target,
    case::Case,
    cases::Cases,
    past::{Past, Shelf},
    words,
};
use crate::{
    config::Position,
    sandbox::{Exports, Fault, Limits, LoadError, Manifest, Plugin, Problem, Sandbox, ToolAnswer},
    scope::canonical,
};

/// What a component may use of time and memory here: enough for a language runtime, and for a machine that is busy.
/// What it did use is told, so that `limits` can be set.
pub const LIMITS: Limits = Limits { time: Duration::from_secs(2), memory_bytes: 256 << 20 };

/// What became of the cases of one component.
#[derive(Clone, Debug)]
pub struct Report {
    /// What the component says of itself; none if no case could load it.
    pub manifest: Option<Manifest>,
    /// Of each case, in the file's order.
    pub results: Vec<CaseResult>,
    /// How often each verdict, or finding, was given; empty for a toolset.
    pub verdicts: BTreeMap<&'static str, usize>,
    /// How often each code was given.
    pub codes: BTreeMap<String, usize>,
    /// Codes that the manifest declares and no case shows.
    pub unseen: Vec<String>,
    /// Codes that were given and that neither the manifest declares nor the case's settings: a mistake of the plugin's.
    pub undeclared: Vec<String>,
    /// Most memory that an instance had, in bytes.
    pub memory_bytes: usize,
}

/// What became of one case.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// Its name.
    pub name: String,
    /// Where it stands in its file.
    pub at: Position,
    /// What was to come of it; none: nothing is written down yet.
    pub expected: Option<Map<String, Value>>,
    /// What came of it.
    pub got: Got,
    /// Which of what was expected came otherwise; empty if all is as it should be.
    pub wrong: Vec<String>,
}

/// What came of a case.
#[derive(Clone, Debug)]
pub enum Got {
    /// A verdict, or a tool's answer.
    Answer(Map<String, Value>),
    /// The plugin does not accept the case's settings.
    Settings(Vec<Problem>),
    /// The plugin failed.
    Fault(Fault),
}

impl Report {
    /// Whether all is as it should be.
    pub fn is_ok(&self) -> bool {
        self.undeclared.is_empty() && self.results.iter().all(CaseResult::is_ok)
    }
}

impl CaseResult {
    /// Whether it came out as it should.
    pub fn is_ok(&self) -> bool {
        self.wrong.is_empty()
    }
}

/// Runs every case. Those with the same settings share one configured component, as calls do.
///
/// # Errors
/// If the component cannot be loaded, for other reasons than its settings.
pub async fn run(sandbox: &Sandbox, target: &Target, cases: &Cases) -> Result<Report, KitError> {
    let mut loaded: BTreeMap<String, Result<Plugin, Vec<Problem>>> = BTreeMap::new();
    let mut results = Vec::new();
    let mut of_settings = BTreeSet::new();
    for case in &cases.cases {
        let key = canonical(&case.settings);
        if !loaded.contains_key(&key) {
            let plugin = match load(sandbox, target, &case.settings).await {
                Ok(plugin) => Ok(plugin),
                Err(LoadError::Settings(problems)) => Err(problems),
                Err(error) => return Err(error.into()),
            };
            loaded.insert(key.clone(), plugin);
        }
        let got = match loaded.get(&key) {
            Some(Ok(plugin)) => answer(plugin, case).await,
            Some(Err(problems)) => Got::Settings(problems.clone()),
            None => continue,
        };
        if let Got::Answer(given) = &got
            && let Some(code) = given.get("code").and_then(Value::as_str)
            && says(&case.settings, code)
        {
            of_settings.insert(code.to_owned());
        }
        let wrong = differences(case.expect.as_ref(), &got);
        results.push(CaseResult { name: case.name.clone(), at: case.at, expected: case.expect.clone(), got, wrong });
    }
    let plugins = || loaded.values().filter_map(|plugin| plugin.as_ref().ok());
    let memory_bytes = plugins().map(Plugin::peak_memory_bytes).max().unwrap_or_default();
    Ok(summed(plugins().next().map(|plugin| plugin.manifest().clone()), results, &of_settings, memory_bytes))
}

/// Makes a component ready for trials.
pub(super) async fn load(sandbox: &Sandbox, target: &Target, settings: &Value) -> Result<Plugin, LoadError> {
    sandbox.load(&target.name, &target.bytes, settings, LIMITS).await
}

/// Whether settings have a code: as a value, or in quotes in a text such as a policy in another language. It is then the
/// operator's own, who need not look it up in the manifest.
fn says(settings: &Value, code: &str) -> bool {
    match settings {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text == code || text.contains(&format!("\"{code}\"")),
        Value::Array(items) => items.iter().any(|item| says(item, code)),
        Value::Object(fields) => fields.values().any(|value| says(value, code)),
    }
}

fn summed(
    manifest: Option<Manifest>,
    results: Vec<CaseResult>,
    of_settings: &BTreeSet<String>,
    memory_bytes: usize,
) -> Report {
    let (mut verdicts, mut codes) = (BTreeMap::new(), BTreeMap::new());
    for result in &results {
        let Got::Answer(given) = &result.got else { continue };
        let word = given.get("verdict").or_else(|| given.get("finding")).and_then(Value::as_str);
        if let Some(known) = word.and_then(|word| words::KNOWN.into_iter().find(|known| *known == word)) {
            *verdicts.entry(known).or_insert(0) += 1;
        }
        if let Some(code) = given.get("code").and_then(Value::as_str) {
            *codes.entry(code.to_owned()).or_insert(0) += 1;
        }
    }
    let declared: BTreeSet<String> = manifest.iter().flat_map(|manifest| manifest.codes.iter().cloned()).collect();
    let unseen = declared.iter().filter(|code| !codes.contains_key(*code)).cloned().collect();
    let known = |code: &String| declared.contains(code) || of_settings.contains(code);
    let undeclared = codes.keys().filter(|code| !known(code)).cloned().collect();
    Report { manifest, results, verdicts, codes, unseen, undeclared, memory_bytes }
}

/// What comes of one case. A component that is of several kinds is asked for what the case expects; a verdict first.
pub(super) async fn answer(plugin: &Plugin, case: &Case) -> Got {
    let Exports { judge, transform, review, toolset } = plugin.exports();
    let expects = |key: &str| case.expect.as_ref().is_some_and(|expect| expect.contains_key(key));
    let past = || Arc::new(Past(case.history.clone()));
    let answer = if review && (expects("finding") || !(judge || transform)) {
        plugin.review(&case.call, case.outcome, &case.result).await.map(|finding| words::finding(&finding))
    } else if transform && (expects("arguments") || !judge) {
        let rewritten = plugin.rewrite(&case.call, past()).await;
        rewritten.map(|rewritten| words::arguments(rewritten.as_ref().unwrap_or(&case.call.arguments)))
    } else if toolset {
        tool_answer(plugin, case).await.map(words::answer)
    } else {
        plugin.judge(&case.call, case.grant.as_ref(), past()).await.map(|verdict| words::verdict(&verdict))
    };
    answer.map_or_else(Got::Fault, Got::Answer)
}

/// The answer of a tool, after the calls that came before in the same store.
async fn tool_answer(plugin: &Plugin, case: &Case) -> Result<ToolAnswer, Fault> {
    let shelf = Arc::new(Shelf::default());
    for past in &case.history {
        let mut call = case.call.clone();
        (call.id, call.tool, call.arguments) = (past.id.clone(), past.tool.clone(), past.arguments.clone());
        (call.caller, call.received) = (past.caller.clone(), past.admitted);
        plugin.call_tool(&call, shelf.clone()).await?;
    }
    plugin.call_tool(&case.call, shelf).await
}

/// What came otherwise than expected, by key. What is not named is not looked at.
fn differences(expected: Option<&Map<String, Value>>, got: &Got) -> Vec<String> {
    let Some(expected) = expected else { return vec!["nothing is expected yet: `--update` writes it".to_owned()] };
    let given = match got {
        Got::Answer(given) => given,
        Got::Settings(problems) => {
            return problems.iter().map(|at| format!("settings{}: {}", at.pointer, at.message)).collect();
        }
        Got::Fault(fault) => return vec![fault.to_string()],
    };
    interlock_cases::differences(expected, given)
}
