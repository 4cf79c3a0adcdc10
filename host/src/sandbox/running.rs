//! One call in a fresh instance, whatever the generation: a store, an instance, the time that it may take, and its end.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use wasmtime::{
    Result, Store,
    component::{Instance, InstancePre},
};

use super::{
    Fault, Limits, Sandbox,
    engine::{POLICY_OUTPUT_BYTES, Place},
    generation::Generation,
    guest::{Facts, Guest},
};

/// Whose calls, and within what.
#[derive(Clone, Copy)]
pub(super) struct Runner<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) name: &'a Arc<str>,
    pub(super) limits: Limits,
}

/// What one call takes beside: its place, how much it may answer, what its imports may see.
pub(super) struct Run {
    pub(super) place: Place,
    pub(super) output_bytes: usize,
    pub(super) facts: Facts,
}

/// A linked component.
pub(super) struct Linked {
    pub(super) pre: InstancePre<Guest>,
    pub(super) generation: Generation,
    /// Settings to be given to each instance, where no snapshot holds them.
    pub(super) settings: Option<String>,
    /// Most linear memory that an instance had, in bytes.
    peak_memory: AtomicUsize,
}

impl Linked {
    pub(super) fn new(pre: InstancePre<Guest>, generation: Generation, settings: Option<String>) -> Self {
        Self { pre, generation, settings, peak_memory: AtomicUsize::new(0) }
    }

    /// Size of the compiled component, in bytes.
    pub(super) fn image_bytes(&self) -> usize {
        let image = self.pre.component().image_range();
        image.end.addr().saturating_sub(image.start.addr())
    }

    /// Most linear memory that an instance had, in bytes.
    pub(super) fn peak_memory_bytes(&self) -> usize {
        self.peak_memory.load(Ordering::Relaxed)
    }

    /// Makes an instance, within the limits of calls, and has it do nothing.
    pub(super) async fn start(&self, runner: Runner<'_>) -> std::result::Result<(), Fault> {
        let run = Run { place: Place::Loading, output_bytes: POLICY_OUTPUT_BYTES, facts: Facts::default() };
        self.run(runner, run, async |_, _| Ok(())).await
    }

    /// Makes an instance, runs one call in it within its time, and drops it.
    pub(super) async fn run<T>(
        &self,
        Runner { sandbox, name, limits }: Runner<'_>,
        Run { place, output_bytes, facts }: Run,
        call: impl AsyncFnOnce(&mut Store<Guest>, &Instance) -> Result<T>,
    ) -> std::result::Result<T, Fault> {
        let component = self.pre.component();
        let (_place, mut store) = sandbox.store(component, place, name, limits, output_bytes, facts).await?;
        let whole = async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            if let Some(settings) = &self.settings
                && self.generation.configure(&mut store, &instance, settings).await?.is_err()
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
