//! The engine: one per process, with its pools, its ticker and its caches.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::{
    Config, Enabled, Engine, EngineWeak, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    RegallocAlgorithm, Store, UpdateDeadline,
    component::{Component, Linker},
};

use super::{
    cache::Kept,
    fault::{Fault, FaultKind, LoadError, OutOfTime},
    generation::{self, Generation},
    guest::{Facts, Guest, MAX_TABLE_ELEMENTS},
};
use crate::sandbox::Limits;

/// How often a running guest gives its thread back. Also the precision of time limits.
pub(super) const TICK: Duration = Duration::from_millis(5);
/// Instances of policies at once; further calls wait.
const POLICY_INSTANCES: u32 = 64;
/// Instances of toolsets at once. They may sleep, so they have places of their own.
const TOOLSET_INSTANCES: u32 = 128;
/// Instances of components that are being loaded. No fewer than the places that the largest component takes up.
const LOADING_INSTANCES: u32 = CORE_PER_COMPONENT / MEMORIES_PER_PLACE;
/// All of these.
const EVERYWHERE: u32 = POLICY_INSTANCES + TOOLSET_INSTANCES + LOADING_INSTANCES;
/// Memories and tables within one component, adapters included.
const CORE_PER_COMPONENT: u32 = 12;
/// Core instances within one component, each import's adapters included: one with QuickJS in it has 13, one with Python 39.
/// They are counted, not set aside.
const CORE_INSTANCES_PER_COMPONENT: u32 = 64;
/// Memories that there are for each instance. A component with more takes up the places of several.
const MEMORIES_PER_PLACE: u32 = 2;
/// Largest linear memory that any configuration may allow.
pub(super) const MAX_MEMORY_BYTES: usize = 1 << 30;
/// Stack of a guest. Its overflow is a trap.
const STACK_BYTES: usize = 512 << 10;
/// Bytes of strings and lists that a policy may hand over in one host call or answer.
pub(super) const POLICY_OUTPUT_BYTES: usize = 1 << 20;
/// The same for arguments, results and whole toolset answers.
pub(super) const BODY_OUTPUT_BYTES: usize = 8 << 20;

/// Runs Wasm components. Clones share everything; the last one's end stops the ticker.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    engine: Engine,
    linkers: Linkers,
    /// Compiles quickly what runs once: a component that says what it is and takes its settings.
    configuring_engine: Engine,
    configuring_linkers: Linkers,
    policies: Semaphore,
    toolsets: Semaphore,
    loading: Semaphore,
    configuring: Semaphore,
    snapshots: Option<PathBuf>,
    generations: &'static [Generation],
    /// Dropped with the sandbox; the ticker ends when it is gone.
    _alive: Arc<()>,
}

/// What stands behind the imports of one engine's components.
struct Linkers {
    policy: Linker<Guest>,
    toolset: Linker<Guest>,
}

impl Linkers {
    fn new(engine: &Engine) -> wasmtime::Result<Self> {
        let mut linkers = Self { policy: Linker::new(engine), toolset: Linker::new(engine) };
        generation::link_policies(&mut linkers.policy)?;
        generation::link_toolsets(&mut linkers.toolset)?;
        Ok(linkers)
    }

    fn of(&self, toolset: bool) -> &Linker<Guest> {
        if toolset { &self.toolset } else { &self.policy }
    }
}

/// Which of the pools an instance takes its place from.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Policy,
    Toolset,
    /// Of a component that is tried before its first call.
    Loading,
    /// Of one that is configured, in the engine for that.
    Configuring,
}

impl Place {
    /// How long a call may wait for the host beyond its own time: for the ledger, or for a thread on a busy machine.
    pub(super) fn host_time(self) -> Duration {
        match self {
            Self::Policy | Self::Loading | Self::Configuring => Duration::from_secs(2),
            // What a toolset waits for is of its own making.
            Self::Toolset => Duration::ZERO,
        }
    }
}

impl Sandbox {
    /// Starts an engine. With `cache`, compiled and configured components are kept in that folder (made if need be,
    /// readable by its owner only) and found again by the SHA-256 of component, settings and engine. A folder that
    /// cannot be written, or that others can write, is not used: starting takes longer then.
    ///
    /// # Errors
    /// If the machine refuses the pools' address space.
    pub fn start(cache: Option<&Path>) -> Result<Self, LoadError> {
        Self::serving(Generation::RELEASED, cache)
    }

    /// As [`start`](Self::start), and takes components of drafts too. For tests: a draft may change any day.
    ///
    /// # Errors
    /// As of [`start`](Self::start).
    pub fn start_with_drafts(cache: Option<&Path>) -> Result<Self, LoadError> {
        Self::serving(Generation::ALL, cache)
    }

    fn serving(generations: &'static [Generation], cache: Option<&Path>) -> Result<Self, LoadError> {
        let host = |error: wasmtime::Error| LoadError::Host(format!("{error:#}"));
        let mut config = Config::new();
        config
            .concurrency_support(false)
            .epoch_interruption(true)
            .memory_init_cow(true)
            // A decision must come out the same when it is made again, on whatever machine.
            .cranelift_nan_canonicalization(true)
            .relaxed_simd_deterministic(true)
            .wasm_memory64(false)
            .max_wasm_stack(STACK_BYTES)
            .async_stack_size(2 * STACK_BYTES)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pools(EVERYWHERE)));
        // The same in all that a guest could notice. Nothing is kept: no component is configured twice.
        let mut quick = config.clone();
        quick
            .cranelift_opt_level(OptLevel::None)
            .cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pools(LOADING_INSTANCES)));
        let (compiled, snapshots) = match cache.map(Kept::in_folder) {
            Some(Ok(Kept { compiled, snapshots })) => (Some(compiled), Some(snapshots)),
            Some(Err(error)) => {
                tracing::warn!(%error, "compiled components cannot be kept; they will be compiled at every start");
                (None, None)
            }
            None => (None, None),
        };
        config.cache(compiled);
        let engine = Engine::new(&config).map_err(host)?;
        let configuring_engine = Engine::new(&quick).map_err(host)?;
        let (linkers, configuring_linkers) =
            (Linkers::new(&engine).map_err(host)?, Linkers::new(&configuring_engine).map_err(host)?);
        let alive = Arc::new(());
        start_ticker([&engine, &configuring_engine], Arc::downgrade(&alive))
            .map_err(|error| LoadError::Host(error.to_string()))?;
        Ok(Self(Arc::new(Inner {
            engine,
            linkers,
            configuring_engine,
            configuring_linkers,
            policies: Semaphore::new(POLICY_INSTANCES as usize),
            toolsets: Semaphore::new(TOOLSET_INSTANCES as usize),
            loading: Semaphore::new(LOADING_INSTANCES as usize),
            configuring: Semaphore::new(LOADING_INSTANCES as usize),
            snapshots,
            generations,
            _alive: alive,
        })))
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Where configured components are kept, if anywhere.
    pub(super) fn snapshots(&self) -> Option<&Path> {
        self.0.snapshots.as_deref()
    }

    /// What it serves, the newest first.
    pub(super) fn generations(&self) -> &'static [Generation] {
        self.0.generations
    }

    pub(super) fn linker(&self, toolset: bool) -> &Linker<Guest> {
        self.0.linkers.of(toolset)
    }

    /// The engine in which components are configured.
    pub(super) fn configuring_engine(&self) -> &Engine {
        &self.0.configuring_engine
    }

    pub(super) fn configuring_linker(&self, toolset: bool) -> &Linker<Guest> {
        self.0.configuring_linkers.of(toolset)
    }

    /// A fresh store for one call of a component, and the places that it takes up for as long.
    pub(super) async fn store(
        &self,
        component: &Component,
        place: Place,
        name: &Arc<str>,
        limits: Limits,
        output_bytes: usize,
        facts: Facts,
    ) -> Result<(SemaphorePermit<'_>, Store<Guest>), Fault> {
        let places = match place {
            Place::Policy => &self.0.policies,
            Place::Toolset => &self.0.toolsets,
            Place::Loading => &self.0.loading,
            Place::Configuring => &self.0.configuring,
        };
        let engine = if matches!(place, Place::Configuring) { &self.0.configuring_engine } else { &self.0.engine };
        let taken = places
            .acquire_many(places_of(component))
            .await
            .map_err(|_| Fault { kind: FaultKind::Host, detail: "the sandbox has been stopped".to_owned() })?;
        let guest = Guest::new(name.clone(), limits, facts);
        let mut store = Store::new(engine, guest);
        store.limiter(|guest| guest);
        store.set_hostcall_fuel(output_bytes);
        store.set_epoch_deadline(1);
        // Counts the ticks that find the guest running, so that a busy machine does not use its time up for it.
        store.epoch_deadline_callback(|mut store| match store.data_mut().tick() {
            true => Ok(UpdateDeadline::Yield(1)),
            false => Err(OutOfTime.into()),
        });
        Ok((taken, store))
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("snapshots", &self.0.snapshots).finish_non_exhaustive()
    }
}

fn pools(components: u32) -> PoolingAllocationConfig {
    let mut pools = PoolingAllocationConfig::new();
    pools
        .total_component_instances(components)
        .total_core_instances(components * CORE_INSTANCES_PER_COMPONENT)
        .total_memories(components * MEMORIES_PER_PLACE)
        .total_tables(components * CORE_PER_COMPONENT)
        .total_stacks(components)
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT)
        .max_memories_per_component(CORE_PER_COMPONENT)
        .max_tables_per_component(CORE_PER_COMPONENT)
        .table_elements(MAX_TABLE_ELEMENTS)
        .max_memory_size(MAX_MEMORY_BYTES)
        .linear_memory_keep_resident(64 << 10)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    pools
}

/// How many places an instance of a component takes up, so that the pools never run out of memories.
fn places_of(component: &Component) -> u32 {
    let memories = component.resources_required().map_or(CORE_PER_COMPONENT, |needed| needed.num_memories);
    memories.div_ceil(MEMORIES_PER_PLACE).max(1)
}

/// Starts the thread that makes running guests yield. A thread, not a task: it must tick while every worker is busy.
fn start_ticker(engines: [&Engine; 2], alive: Weak<()>) -> std::io::Result<()> {
    let engines = engines.map(Engine::weak);
    thread::Builder::new().name("interlock-ticker".to_owned()).spawn(move || {
        while alive.strong_count() > 0 {
            thread::sleep(TICK);
            for engine in engines.iter().filter_map(EngineWeak::upgrade) {
                engine.increment_epoch();
            }
        }
    })?;
    Ok(())
}
