//! Configures a component once and makes a new component of the memory that this leaves behind.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use futures::FutureExt as _;
use tokio::sync::SemaphorePermit;
use wasmtime::{
    AsContextMut, Engine, Store,
    component::{Component, ComponentNamedList, Instance, Lift, WasmList},
};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use super::{
    Limits, Problem, Sandbox,
    engine::Place,
    fault::{Fault, FaultKind, LoadError},
    guest::{Facts, Guest},
    plugin::Manifest,
    shape::Shape,
};
use crate::tasks;

/// Longest time that `describe` and `configure` may take together.
const TIME: std::time::Duration = std::time::Duration::from_secs(5);
/// Memory that a component gets while it is configured: language runtimes need more to start than to judge.
const MEMORY_BYTES: usize = 256 << 20;
/// The whole memory goes over the interface when it is read out.
const OUTPUT_BYTES: usize = 1 << 30;

/// A component that has said what it is and taken its settings.
pub(super) struct Configured {
    pub(super) manifest: Manifest,
    /// The component with its memory as `configure` left it. None: it could not be made, so `configure` runs in each
    /// fresh instance.
    pub(super) snapshot: Option<Vec<u8>>,
}

/// What is left of the two calls that come before everything else: the manifest, and whether the settings are taken.
pub(super) type Introduced = (Manifest, Result<(), Vec<Problem>>);

/// Describes, configures and, where it can be, snapshots.
pub(super) async fn configure(
    sandbox: &Sandbox,
    bytes: &Arc<[u8]>,
    shape: Shape,
    settings: &str,
) -> Result<Configured, LoadError> {
    let (manifest, answer, snapshot) = match instrumented(sandbox, bytes, shape, settings).await? {
        Some(all) => all,
        None => {
            let component = compile(sandbox.configuring_engine(), bytes.to_vec()).await?;
            let (_place, mut store, instance) = instance(sandbox, &component, shape).await?;
            let (manifest, answer) = introduce(&mut store, &instance, shape, settings).await?;
            (manifest, answer, None)
        }
    };
    answer.map_err(LoadError::Settings)?;
    Ok(Configured { manifest, snapshot })
}

/// Asks a component what it is, without settings; and how long compiling it for calls takes.
pub(super) async fn describe(
    sandbox: &Sandbox,
    bytes: &[u8],
    shape: Shape,
) -> Result<(Manifest, std::time::Duration), LoadError> {
    let began = std::time::Instant::now();
    compile(sandbox.engine(), bytes.to_vec()).await?;
    let took = began.elapsed();
    let component = compile(sandbox.configuring_engine(), bytes.to_vec()).await?;
    let (_place, mut store, instance) = instance(sandbox, &component, shape).await?;
    let failed = |fault| LoadError::Failed { during: "describe", fault };
    match tokio::time::timeout(TIME, shape.generation.describe(&mut store, &instance)).await {
        Ok(Ok(manifest)) => Ok((manifest.map_err(|detail| failed(Fault::nonsense(detail)))?, took)),
        Ok(Err(error)) => Err(failed(Fault::of(&error, store.data()))),
        Err(_) => Err(failed(Fault::timeout(TIME))),
    }
}

type Instrumented = (Manifest, Result<(), Vec<Problem>>, Option<Vec<u8>>);

/// The same in a copy of the component that lets its memory be read. `None`: this component does not lend itself to it.
async fn instrumented(
    sandbox: &Sandbox,
    bytes: &Arc<[u8]>,
    shape: Shape,
    settings: &str,
) -> Result<Option<Instrumented>, LoadError> {
    let original = bytes.clone();
    let mut wizer = Wizer::new();
    wizer.keep_init_func(true);
    // Wizer panics at some components that it has not foreseen. They are run without it.
    let looked_at = catch_unwind(AssertUnwindSafe(|| wizer.instrument_component(&original)));
    let Ok(Ok((context, instrumented))) = looked_at else { return Ok(None) };
    let component = compile(sandbox.configuring_engine(), instrumented).await?;
    let (_place, mut store, instance) = match self::instance(sandbox, &component, shape).await {
        Ok(made) => made,
        Err(error) => return if hopeless(&error) { Err(error) } else { Ok(None) },
    };
    let (manifest, answer) = match introduce(&mut store, &instance, shape, settings).await {
        Ok(introduced) => introduced,
        Err(error) if hopeless(&error) => return Err(error),
        // It may have called an import, which has nothing behind it here; without a snapshot it will show.
        Err(_) => return Ok(None),
    };
    if answer.is_err() {
        return Ok(Some((manifest, answer, None)));
    }
    // `describe` has left its traces in this memory too, but a plugin that answers by them would answer so always.
    store.data_mut().renew_time();
    let mut memory = Memory { store, instance };
    let snapshot = AssertUnwindSafe(wizer.snapshot_component(&context, &mut memory)).catch_unwind().await;
    Ok(Some((manifest, answer, snapshot.ok().and_then(Result::ok))))
}

/// Whether it would come to the same without the instrumentation, only later.
fn hopeless(error: &LoadError) -> bool {
    matches!(error, LoadError::Failed { fault, .. } if matches!(fault.kind, FaultKind::Timeout | FaultKind::Memory))
}

/// Compiles on a thread of its own.
pub(super) async fn compile(engine: &Engine, bytes: Vec<u8>) -> Result<Component, LoadError> {
    let engine = engine.clone();
    tasks::blocking(move || Component::new(&engine, bytes))
        .await
        .map_err(|panicked| LoadError::Compile(panicked.to_string()))?
        .map_err(|error| LoadError::Compile(format!("{error:#}")))
}

/// An instance to be configured, and the place that it takes up until it is dropped.
async fn instance<'a>(
    sandbox: &'a Sandbox,
    component: &Component,
    shape: Shape,
) -> Result<(SemaphorePermit<'a>, Store<Guest>, Instance), LoadError> {
    let limits = Limits { time: TIME, memory_bytes: MEMORY_BYTES };
    let failed = |fault| LoadError::Failed { during: "start", fault };
    let linked = sandbox
        .configuring_linker(shape.exports.toolset)
        .instantiate_pre(component)
        .map_err(|error| LoadError::Compile(format!("{error:#}")))?;
    let (place, mut store) = sandbox
        .store(component, Place::Configuring, &"loading".into(), limits, OUTPUT_BYTES, Facts::default())
        .await
        .map_err(failed)?;
    // What a component does of its own accord when it is instantiated is its own time too.
    let made = tokio::time::timeout(TIME, linked.instantiate_async(&mut store)).await;
    let instance = match made {
        Ok(made) => made.map_err(|error| failed(Fault::of(&error, store.data())))?,
        Err(_) => return Err(failed(Fault::timeout(TIME))),
    };
    Ok((place, store, instance))
}

async fn introduce(
    store: &mut Store<Guest>,
    instance: &Instance,
    shape: Shape,
    settings: &str,
) -> Result<Introduced, LoadError> {
    let mut during = "describe";
    let calls = async {
        let manifest = shape.generation.describe(&mut *store, instance).await?;
        during = "configure";
        let answer = shape.generation.configure(&mut *store, instance, settings).await?;
        Ok::<_, wasmtime::Error>((manifest, answer))
    };
    let outcome = tokio::time::timeout(TIME, calls).await;
    match outcome {
        Ok(Ok((manifest, answer))) => {
            let manifest =
                manifest.map_err(|detail| LoadError::Failed { during: "describe", fault: Fault::nonsense(detail) })?;
            Ok((manifest, answer))
        }
        Ok(Err(error)) => Err(LoadError::Failed { during, fault: Fault::of(&error, store.data()) }),
        Err(_) => Err(LoadError::Failed { during, fault: Fault::timeout(TIME) }),
    }
}

/// Reads the memory and globals of an instrumented instance through the exports that the instrumentation added.
struct Memory {
    store: Store<Guest>,
    instance: Instance,
}

impl Memory {
    #[expect(clippy::expect_used, reason = "the trait has no way to fail, and the exports were added a moment ago")]
    async fn read<R>(&mut self, instance: &str, function: &str) -> R
    where
        R: Lift + Send + Sync + 'static,
        (R,): ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let outer = self.instance.get_export_index(&mut self.store, None, instance);
        let index = self.instance.get_export_index(&mut self.store, outer.as_ref(), function);
        let index = index.expect("an accessor of the instrumented component");
        let accessor = self.instance.get_typed_func::<(), (R,)>(&mut self.store, index).expect("an accessor's type");
        let (value,) = accessor.call_async(self.store.as_context_mut(), ()).await.expect("an accessor only reads");
        value
    }
}

impl ComponentInstanceState for Memory {
    async fn call_func_ret_list_u8(&mut self, instance: &str, function: &str, contents: impl FnOnce(&[u8]) + Send) {
        let list: WasmList<u8> = self.read(instance, function).await;
        contents(list.as_le_slice(&self.store));
    }

    async fn call_func_ret_s32(&mut self, instance: &str, function: &str) -> i32 {
        self.read(instance, function).await
    }

    async fn call_func_ret_s64(&mut self, instance: &str, function: &str) -> i64 {
        self.read(instance, function).await
    }

    async fn call_func_ret_f32(&mut self, instance: &str, function: &str) -> u32 {
        f32::to_bits(self.read(instance, function).await)
    }

    async fn call_func_ret_f64(&mut self, instance: &str, function: &str) -> u64 {
        f64::to_bits(self.read(instance, function).await)
    }
}
