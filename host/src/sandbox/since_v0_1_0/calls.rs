//! Calling what a component of generation 0.1.0 exports, each time in a fresh instance.

use std::sync::Arc;

use serde_json::{Map, Value};
use wasmtime::{Result, Store, component::Instance};

use super::{
    convert,
    policy::exports::interlock::plugin::{judge, lifecycle},
    policy::interlock::plugin::types,
    reviewer::exports::interlock::plugin::review,
    tools::exports::interlock::plugin::toolset,
    transformer::exports::interlock::plugin::transform,
};
use crate::{
    call::{Call, Outcome},
    sandbox::{
        Exports, Fault, FaultKind, Finding, GuestTool, History, KeyValue, Manifest, Problem, ToolAnswer,
        engine::{BODY_OUTPUT_BYTES, POLICY_OUTPUT_BYTES, Place},
        generation::not_exported,
        guest::{Facts, Guest},
        running::{Linked, Run, Runner},
    },
    verdict::{Grant, Verdict},
};

/// Most tools of one toolset.
const MAX_TOOLS: usize = 256;

/// Asks a component what it is. The inner error: what it answered means nothing.
pub(in crate::sandbox) async fn describe(
    store: &mut Store<Guest>,
    instance: &Instance,
) -> Result<std::result::Result<Manifest, String>> {
    let guest = lifecycle::GuestIndices::new(&instance.instance_pre(&*store))?.load(&mut *store, instance)?;
    Ok(convert::manifest(guest.call_describe(store).await?))
}

/// Gives a component its settings. The inner error: what it finds wrong with them.
pub(in crate::sandbox) async fn configure(
    store: &mut Store<Guest>,
    instance: &Instance,
    settings: &str,
) -> Result<std::result::Result<(), Vec<Problem>>> {
    let guest = lifecycle::GuestIndices::new(&instance.instance_pre(&*store))?.load(&mut *store, instance)?;
    let answer = guest.call_configure(store, &settings.to_owned()).await?;
    Ok(answer.map_err(convert::problems))
}

/// A linked component, and where its exports are.
pub(in crate::sandbox) struct Guests {
    linked: Linked,
    judge: Option<judge::GuestIndices>,
    transform: Option<transform::GuestIndices>,
    review: Option<review::GuestIndices>,
    toolset: Option<toolset::GuestIndices>,
}

impl Guests {
    /// Looks the exports up and checks their types.
    pub(in crate::sandbox) fn new(linked: Linked, exports: Exports) -> Result<Self> {
        let pre = &linked.pre;
        Ok(Self {
            judge: exports.judge.then(|| judge::GuestIndices::new(pre)).transpose()?,
            transform: exports.transform.then(|| transform::GuestIndices::new(pre)).transpose()?,
            review: exports.review.then(|| review::GuestIndices::new(pre)).transpose()?,
            toolset: exports.toolset.then(|| toolset::GuestIndices::new(pre)).transpose()?,
            linked,
        })
    }

    pub(in crate::sandbox) fn linked(&self) -> &Linked {
        &self.linked
    }

    pub(in crate::sandbox) async fn judge(
        &self,
        runner: Runner<'_>,
        call: &Call,
        grant: Option<&Grant>,
        history: Arc<dyn History>,
    ) -> std::result::Result<Verdict, Fault> {
        let indices = exported(&self.judge)?;
        let facts = Facts { arguments: call.arguments.clone(), history: Some(history), store: None };
        let run = Run { place: Place::Policy, output_bytes: POLICY_OUTPUT_BYTES, facts };
        let call = convert::call(call, grant);
        let answer = self
            .linked
            .run(runner, run, async move |store, instance| {
                indices.load(&mut *store, instance)?.call_judge(store, &call).await
            })
            .await?;
        convert::verdict(answer.map_err(reported)?).map_err(Fault::nonsense)
    }

    pub(in crate::sandbox) async fn rules(
        &self,
        runner: Runner<'_>,
        tool: &str,
    ) -> std::result::Result<Vec<String>, Fault> {
        let indices = exported(&self.judge)?;
        let facts = Facts::default();
        let run = Run { place: Place::Policy, output_bytes: POLICY_OUTPUT_BYTES, facts };
        let rules = self
            .linked
            .run(runner, run, async move |store, instance| {
                indices.load(&mut *store, instance)?.call_rules(store, tool).await
            })
            .await?;
        Ok(convert::rules(rules))
    }

    pub(in crate::sandbox) async fn rewrite(
        &self,
        runner: Runner<'_>,
        call: &Call,
        history: Arc<dyn History>,
    ) -> std::result::Result<Option<Map<String, Value>>, Fault> {
        let indices = exported(&self.transform)?;
        let facts = Facts { arguments: call.arguments.clone(), history: Some(history), store: None };
        let run = Run { place: Place::Policy, output_bytes: BODY_OUTPUT_BYTES, facts };
        let call = convert::call(call, None);
        let answer = self
            .linked
            .run(runner, run, async move |store, instance| {
                indices.load(&mut *store, instance)?.call_rewrite(store, &call).await
            })
            .await?;
        match answer.map_err(reported)? {
            Some(text) => convert::object("the new arguments", &text).map(Some).map_err(Fault::nonsense),
            None => Ok(None),
        }
    }

    pub(in crate::sandbox) async fn review(
        &self,
        runner: Runner<'_>,
        call: &Call,
        outcome: Outcome,
        result: &Value,
    ) -> std::result::Result<Finding, Fault> {
        let indices = exported(&self.review)?;
        let facts = Facts { arguments: call.arguments.clone(), history: None, store: None };
        let run = Run { place: Place::Policy, output_bytes: BODY_OUTPUT_BYTES, facts };
        let (call, result) = (convert::call(call, None), result.to_string());
        let answer = self
            .linked
            .run(runner, run, async move |store, instance| {
                indices.load(&mut *store, instance)?.call_review(store, &call, outcome.as_str(), &result).await
            })
            .await?;
        convert::finding(answer.map_err(reported)?).map_err(Fault::nonsense)
    }

    pub(in crate::sandbox) async fn tools(&self, runner: Runner<'_>) -> std::result::Result<Vec<GuestTool>, Fault> {
        let indices = exported(&self.toolset)?;
        let facts = Facts::default();
        let run = Run { place: Place::Toolset, output_bytes: BODY_OUTPUT_BYTES, facts };
        let tools = self
            .linked
            .run(runner, run, async move |store, instance| indices.load(&mut *store, instance)?.call_tools(store).await)
            .await?;
        if tools.len() > MAX_TOOLS {
            return Err(Fault::nonsense(format!("{} tools; at most {MAX_TOOLS} are taken", tools.len())));
        }
        tools.into_iter().map(|tool| convert::tool(tool).map_err(Fault::nonsense)).collect()
    }

    pub(in crate::sandbox) async fn call_tool(
        &self,
        runner: Runner<'_>,
        call: &Call,
        store: Arc<dyn KeyValue>,
    ) -> std::result::Result<ToolAnswer, Fault> {
        let indices = exported(&self.toolset)?;
        let facts = Facts { arguments: call.arguments.clone(), history: None, store: Some(store) };
        let run = Run { place: Place::Toolset, output_bytes: BODY_OUTPUT_BYTES, facts };
        let (arguments, context) = (convert::json_object(&call.arguments), convert::context(call));
        let tool = call.tool.tool();
        let answer = self
            .linked
            .run(runner, run, async move |store, instance| {
                indices.load(&mut *store, instance)?.call_call_tool(store, tool, &arguments, &context).await
            })
            .await?;
        convert::answer(answer.map_err(reported)?).map_err(Fault::nonsense)
    }
}

fn exported<T>(indices: &Option<T>) -> std::result::Result<&T, Fault> {
    indices.as_ref().ok_or_else(not_exported)
}

/// The fault that a guest says it has.
pub(in crate::sandbox) fn reported(types::Fault { code, message }: types::Fault) -> Fault {
    Fault::new(FaultKind::Reported, &format!("{code}: {message}"))
}
