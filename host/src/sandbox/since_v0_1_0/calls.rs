//! Calling what a component of generation 0.1.0 exports, each time in a fresh instance.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Map, Value};
use wasmtime::{
    Result, Store,
    component::{Instance, InstancePre},
};

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
        Exports, Fault, FaultKind, Finding, GuestTool, History, KeyValue, Limits, Manifest, Problem, Sandbox,
        ToolAnswer,
        engine::{BODY_OUTPUT_BYTES, POLICY_OUTPUT_BYTES, Place},
        guest::{Facts, Guest},
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
    pre: InstancePre<Guest>,
    judge: Option<judge::GuestIndices>,
    transform: Option<transform::GuestIndices>,
    review: Option<review::GuestIndices>,
    toolset: Option<toolset::GuestIndices>,
    /// Settings to be given to each instance, where no snapshot holds them.
    settings: Option<String>,
    /// Most linear memory that an instance had, in bytes.
    peak_memory: AtomicUsize,
}

/// What runs one call: whose, within what, with a view of what.
struct Run<'a> {
    sandbox: &'a Sandbox,
    name: &'a Arc<str>,
    limits: Limits,
    place: Place,
    output_bytes: usize,
    facts: Facts,
}

impl Guests {
    /// Looks the exports up and checks their types.
    pub(in crate::sandbox) fn new(pre: InstancePre<Guest>, exports: Exports, settings: Option<String>) -> Result<Self> {
        Ok(Self {
            judge: exports.judge.then(|| judge::GuestIndices::new(&pre)).transpose()?,
            transform: exports.transform.then(|| transform::GuestIndices::new(&pre)).transpose()?,
            review: exports.review.then(|| review::GuestIndices::new(&pre)).transpose()?,
            toolset: exports.toolset.then(|| toolset::GuestIndices::new(&pre)).transpose()?,
            pre,
            settings,
            peak_memory: AtomicUsize::new(0),
        })
    }

    /// Size of the compiled component, in bytes.
    pub(in crate::sandbox) fn image_bytes(&self) -> usize {
        let image = self.pre.component().image_range();
        image.end.addr().saturating_sub(image.start.addr())
    }

    /// Most linear memory that an instance had, in bytes.
    pub(in crate::sandbox) fn peak_memory_bytes(&self) -> usize {
        self.peak_memory.load(Ordering::Relaxed)
    }

    /// Makes an instance, within the limits of calls, and has it do nothing.
    pub(in crate::sandbox) async fn start(
        &self,
        sandbox: &Sandbox,
        name: &Arc<str>,
        limits: Limits,
    ) -> std::result::Result<(), Fault> {
        let facts = Facts::default();
        let run = Run { sandbox, name, limits, place: Place::Loading, output_bytes: POLICY_OUTPUT_BYTES, facts };
        self.run(run, async |_, _| Ok(())).await
    }

    pub(in crate::sandbox) async fn judge(
        &self,
        sandbox: &Sandbox,
        name: &Arc<str>,
        limits: Limits,
        call: &Call,
        grant: Option<&Grant>,
        history: Arc<dyn History>,
    ) -> std::result::Result<Verdict, Fault> {
        let indices = exported(&self.judge)?;
        let facts = Facts { arguments: call.arguments.clone(), history: Some(history), store: None };
        let run = Run { sandbox, name, limits, place: Place::Policy, output_bytes: POLICY_OUTPUT_BYTES, facts };
        let call = convert::call(call, grant);
        let answer = self
            .run(run, async move |store, instance| indices.load(&mut *store, instance)?.call_judge(store, &call).await)
            .await?;
        convert::verdict(answer.map_err(reported)?).map_err(Fault::nonsense)
    }

    pub(in crate::sandbox) async fn rules(
        &self,
        sandbox: &Sandbox,
        name: &Arc<str>,
        limits: Limits,
        tool: &str,
    ) -> std::result::Result<Vec<String>, Fault> {
        let indices = exported(&self.judge)?;
        let facts = Facts::default();
        let run = Run { sandbox, name, limits, place: Place::Policy, output_bytes: POLICY_OUTPUT_BYTES, facts };
        let rules = self
            .run(run, async move |store, instance| indices.load(&mut *store, instance)?.call_rules(store, tool).await)
            .await?;
        Ok(convert::rules(rules))
    }

    pub(in crate::sandbox) async fn rewrite(
        &self,
        sandbox: &Sandbox,
        name: &Arc<str>,
        limits: Limits,
        call: &Call,
        history: Arc<dyn History>,
    ) -> std::result::Result<Option<Map<String, Value>>, Fault> {
        let indices = exported(&self.transform)?;
        let facts = Facts { arguments: call.arguments.clone(), history: Some(history), store: None };
        let run = Run { sandbox, name, limits, place: Place::Policy, output_bytes: BODY_OUTPUT_BYTES, facts };
        let call = convert::call(call, None);
        let answer = self
            .run(run, async move |store, instance| {
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
        sandbox: &Sandbox,
        name: &Arc<str>,
        limits: Limits,
        call: &Call,
        outcome: Outcome,
        result: &Value,
    ) -> std::result::Result<Finding, Fault> {
        let indices = exported(&self.review)?;
        let facts = Facts { arguments: call.arguments.clone(), history: None, store: None };
        let run = Run { sandbox, name, limits, place: Place::Policy, output_bytes: BODY_OUTPUT_BYTES, facts };
        let (call, result) = (convert::call(call, None), result.to_string());
        let answer = self
            .run(run, async move |store, instance| {
                indices.load(&mut *store, instance)?.call_review(store, &call, outcome.as_str(), &result).await
            })
            .await?;
        convert::finding(answer.map_err(reported)?).map_err(Fault::nonsense)
    }

    pub(in crate::sandbox) async fn tools(
        &self,
        sandbox: &Sandbox,
        name: &Arc<str>,
        limits: Limits,
    ) -> std::result::Result<Vec<GuestTool>, Fault> {
        let indices = exported(&self.toolset)?;
        let facts = Facts::default();
        let run = Run { sandbox, name, limits, place: Place::Toolset, output_bytes: BODY_OUTPUT_BYTES, facts };
        let tools = self
            .run(run, async move |store, instance| indices.load(&mut *store, instance)?.call_tools(store).await)
            .await?;
        if tools.len() > MAX_TOOLS {
            return Err(Fault::nonsense(format!("{} tools; at most {MAX_TOOLS} are taken", tools.len())));
        }
        tools.into_iter().map(|tool| convert::tool(tool).map_err(Fault::nonsense)).collect()
    }

    pub(in crate::sandbox) async fn call_tool(
        &self,
        sandbox: &Sandbox,
        name: &Arc<str>,
        limits: Limits,
        call: &Call,
        store: Arc<dyn KeyValue>,
    ) -> std::result::Result<ToolAnswer, Fault> {
        let indices = exported(&self.toolset)?;
        let facts = Facts { arguments: call.arguments.clone(), history: None, store: Some(store) };
        let run = Run { sandbox, name, limits, place: Place::Toolset, output_bytes: BODY_OUTPUT_BYTES, facts };
        let (arguments, context) = (convert::json_object(&call.arguments), convert::context(call));
        let tool = call.tool.tool();
        let answer = self
            .run(run, async move |store, instance| {
                indices.load(&mut *store, instance)?.call_call_tool(store, tool, &arguments, &context).await
            })
            .await?;
        convert::answer(answer.map_err(reported)?).map_err(Fault::nonsense)
    }

    /// Makes an instance, runs one call in it within its time, and drops it.
    async fn run<T>(
        &self,
        run: Run<'_>,
        call: impl AsyncFnOnce(&mut Store<Guest>, &Instance) -> Result<T>,
    ) -> std::result::Result<T, Fault> {
        let Run { sandbox, name, limits, place, output_bytes, facts } = run;
        let component = self.pre.component();
        let (_place, mut store) = sandbox.store(component, place, name, limits, output_bytes, facts).await?;
        let whole = async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            if let Some(settings) = &self.settings
                && configure(&mut store, &instance, settings).await?.is_err()
            {
                wasmtime::bail!("it took its settings when it was loaded, and refuses them now");
            }
            call(&mut store, &instance).await
        };
        // The guest's own time is counted where it runs; this is for what it waits for.
        let longest = limits.time + place.host_time();
        let ended = tokio::time::timeout(longest, whole).await;
        // An instance that needs no more than others before it, as nearly all, writes nothing here.
        let memory = store.data().memory_bytes();
        if memory > self.peak_memory.load(Ordering::Relaxed) {
            self.peak_memory.fetch_max(memory, Ordering::Relaxed);
        }
        match ended {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(Fault::of(&error, store.data())),
            Err(_) => Err(Fault::timeout(limits.time)),
        }
    }
}

fn exported<T>(indices: &Option<T>) -> std::result::Result<&T, Fault> {
    indices.as_ref().ok_or_else(|| Fault::nonsense("it does not export this interface"))
}

fn reported(types::Fault { code, message }: types::Fault) -> Fault {
    Fault::new(FaultKind::Reported, &format!("{code}: {message}"))
}
