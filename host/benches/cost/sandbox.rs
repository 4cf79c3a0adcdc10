//! What isolating a policy costs: a call in a fresh, configured instance, beside wasmtime itself doing the same.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Result, bail, ensure};
use async_trait::async_trait;
use interlock::{
    call::{Call, Outcome, PastCall},
    clock::Timestamp,
    policy::{Match, Mode, OnFault, Policies, PolicyConfig},
    sandbox::{ComponentSource, FactsError, History, Isolation, Limits, Sandbox, Supply},
    scope::Scope,
    verdict::{Decision, Verdict},
};
use serde_json::{Value, json};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, StoreLimits,
    StoreLimitsBuilder,
    component::{Component, HasSelf, InstancePre, Linker},
};

use crate::{
    ledger::{World, call},
    measure::{Samples, batch},
    table::Table,
};

mod wit {
    wasmtime::component::bindgen!({
        path: "../wit/since_v0.1.0",
        world: "interlock:plugin/policy",
        imports: { default: trappable },
        exports: { default: async },
    });
}

use wit::{
    exports::interlock::plugin::judge,
    interlock::plugin::{arguments, history, log, types},
};

/// Runs of one batch: about 10 ms.
const RUNS: u32 = 500;

/// Measures, in turns: wasmtime alone, one plugin, the pipeline with one policy and with five.
pub(crate) async fn measure(full: bool) -> Result<Table> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let sandbox = Sandbox::start(Some(folder.path()))?;
    let bytes = ComponentSource::Standard("sequence".to_owned()).read(&Supply::of_anyone()).await?;
    let plugin = sandbox.load("sequence", &bytes, &settings(), Limits::POLICY).await?;
    ensure!(plugin.isolation() == Isolation::Snapshot, "`sequence` is not snapshotted");
    let bare = Bare::new(folder.path()).map_err(told)?;
    let (one, five) = (load(&sandbox, 1).await?, load(&sandbox, 5).await?);

    let world = World::filled(10).await?;
    let ledger = world.ledger();
    let past: Arc<dyn History> = Arc::new(OnePast);
    let call = call("bench/act");
    let theirs = bare.call(&call);
    let [mut alone, mut ours, mut piped, mut chained] = <[Samples; 4]>::default();
    for _ in 0..if full { 300 } else { 60 } {
        alone.push(
            batch(RUNS, async || match bare.judge(&theirs).await.map_err(told)? {
                Ok(types::Verdict::Allow) => Ok(()),
                _ => bail!("wasmtime alone refuses"),
            })
            .await?,
        );
        ours.push(
            batch(RUNS, async || match plugin.judge(&call, None, past.clone()).await? {
                Verdict::Allow => Ok(()),
                Verdict::Hold(_) | Verdict::Ask(_) | Verdict::Refuse(_) => bail!("the plugin refuses"),
            })
            .await?,
        );
        for (policies, samples) in [(&one, &mut piped), (&five, &mut chained)] {
            let judging = batch(RUNS / 5, async || {
                let judgement = policies.judge(&call, &Default::default(), &ledger.view().await?).await;
                ensure!(judgement.decision == Decision::Allow, "the pipeline refuses");
                Ok(())
            });
            samples.push(judging.await?);
        }
    }
    world.close().await?;

    let [alone, ours, piped, chained] = [alone, ours, piped, chained].map(|mut samples| samples.median());
    let mut table = Table::new("Sandbox: one call judged", &["What", "µs", "beside", "ratio", "aim"]);
    table.row([json!("wasmtime alone: instantiate the same snapshot, call it, drop it"), json!(alone)]);
    table.row([
        json!("one policy (`Plugin::judge`)"),
        json!(ours),
        json!("wasmtime"),
        json!(ours / alone),
        json!("≤ 2"),
    ]);
    table.row([
        json!("one policy with its ledger (`Policies::judge`)"),
        json!(piped),
        json!("wasmtime"),
        json!(piped / alone),
    ]);
    let aim = json!("≤ 6");
    table.row([json!("five policies with theirs"), json!(chained), json!("one with its"), json!(chained / piped), aim]);
    Ok(table)
}

/// wasmtime has an error type of its own.
fn told(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

fn settings() -> Value {
    json!({"rules": [{"tools": ["bench/act"], "after": ["bench/check"]}]})
}

async fn load(sandbox: &Sandbox, count: usize) -> Result<Policies> {
    let policy = |at: usize| PolicyConfig {
        name: format!("sequence-{at}"),
        component: ComponentSource::Standard("sequence".to_owned()),
        matches: Match::default(),
        scope: Scope::Session,
        mode: Mode::Enforce,
        on_fault: OnFault::Refuse,
        limits: Limits::POLICY,
        rollout: None,
        settings: Arc::new(settings()),
    };
    let loaded = Policies::load(sandbox, &Supply::of_anyone(), (0..count).map(policy).collect()).await;
    loaded.map_err(|errors| anyhow::anyhow!("{errors:?}"))
}

/// wasmtime with the sandbox's settings and nothing around it.
struct Bare {
    engine: Engine,
    pre: InstancePre<Guest>,
    judge: judge::GuestIndices,
}

/// Imports that answer without looking.
struct Guest {
    limits: StoreLimits,
}

impl Bare {
    /// Takes the one snapshot that a sandbox has left in its cache.
    fn new(cache: &Path) -> wasmtime::Result<Self> {
        let mut pools = PoolingAllocationConfig::new();
        pools
            .max_memory_size(1 << 30)
            .table_elements(100_000)
            .total_memories(64)
            .linear_memory_keep_resident(64 << 10)
            .table_keep_resident(64 << 10)
            .pagemap_scan(Enabled::Auto);
        let mut config = Config::new();
        config
            .concurrency_support(false)
            .epoch_interruption(true)
            .memory_init_cow(true)
            .wasm_memory64(false)
            .max_wasm_stack(512 << 10)
            .async_stack_size(1 << 20)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pools));
        let engine = Engine::new(&config)?;
        let files = fs::read_dir(cache.join("configured"))?.filter_map(|entry| Some(entry.ok()?.path()));
        let mut snapshots = files.filter(|path| path.extension().is_some_and(|extension| extension == "wasm"));
        let snapshot = snapshots.next().ok_or_else(|| wasmtime::format_err!("no snapshot in the cache"))?;
        let component = Component::new(&engine, fs::read(snapshot)?)?;
        let mut linker = Linker::<Guest>::new(&engine);
        types::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
        arguments::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
        history::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
        log::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
        let pre = linker.instantiate_pre(&component)?;
        let judge = judge::GuestIndices::new(&pre)?;
        Ok(Self { engine, pre, judge })
    }

    fn call(&self, call: &Call) -> types::Call {
        types::Call {
            id: call.id.to_string(),
            tool: call.tool.to_string(),
            arguments: Value::Object((*call.arguments).clone()).to_string(),
            caller: caller(),
            session: call.session.clone(),
            received: call.received.0,
            hints: Vec::new(),
            approval: None,
        }
    }

    async fn judge(&self, call: &types::Call) -> wasmtime::Result<Result<types::Verdict, types::Fault>> {
        let limits = StoreLimitsBuilder::new().memory_size(16 << 20).build();
        let mut store = Store::new(&self.engine, Guest { limits });
        store.limiter(|guest| &mut guest.limits);
        store.set_epoch_deadline(u64::MAX / 2);
        let instance = self.pre.instantiate_async(&mut store).await?;
        self.judge.load(&mut store, &instance)?.call_judge(&mut store, call).await
    }
}

fn caller() -> types::Caller {
    types::Caller { principal: "bench".to_owned(), roles: Vec::new() }
}

impl types::Host for Guest {}

impl arguments::Host for Guest {
    fn get(&mut self, _: String) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl log::Host for Guest {
    fn write(&mut self, _: log::Level, _: String) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl history::Host for Guest {
    fn latest(&mut self, _: String, _: Option<String>) -> wasmtime::Result<Option<types::PastCall>> {
        Ok(None)
    }

    fn running(&mut self, _: String) -> wasmtime::Result<Vec<types::PastCall>> {
        Ok(Vec::new())
    }

    fn count(&mut self, _: String, _: Option<String>, _: u64) -> wasmtime::Result<u64> {
        Ok(0)
    }

    fn recent(&mut self, _: String, _: u32) -> wasmtime::Result<Vec<types::PastCall>> {
        Ok(Vec::new())
    }

    fn matching(
        &mut self,
        tool: String,
        _: Option<String>,
        _: Vec<history::Equal>,
        _: u32,
    ) -> wasmtime::Result<Vec<types::PastCall>> {
        Ok(vec![types::PastCall {
            id: "019a0000-0000-7000-8000-000000000000".to_owned(),
            tool,
            arguments: "{}".to_owned(),
            outcome: "succeeded".to_owned(),
            result: None,
            admitted: 1,
            finished: Some(2),
            caller: caller(),
        }])
    }

    fn sum(&mut self, _: String, _: String, _: u64) -> wasmtime::Result<f64> {
        Ok(0.0)
    }
}

/// The same history, in the host's words.
struct OnePast;

#[async_trait]
impl History for OnePast {
    async fn latest(&self, _: &str, _: Option<&str>) -> Result<Option<PastCall>, FactsError> {
        Ok(None)
    }

    async fn running(&self, _: &str) -> Result<Vec<PastCall>, FactsError> {
        Ok(Vec::new())
    }

    async fn count(&self, _: &str, _: Option<&str>, _: Timestamp) -> Result<u64, FactsError> {
        Ok(0)
    }

    async fn recent(&self, _: &str, _: u32) -> Result<Vec<PastCall>, FactsError> {
        Ok(Vec::new())
    }

    async fn matching(
        &self,
        tool: &str,
        _: Option<&str>,
        _: &[(String, Value)],
        _: u32,
    ) -> Result<Vec<PastCall>, FactsError> {
        let Call { id, caller, arguments, .. } = call(tool);
        Ok(vec![PastCall {
            tool: tool.parse().map_err(|_| FactsError(format!("`{tool}` is no tool")))?,
            id,
            arguments,
            outcome: Some(Outcome::Succeeded),
            result: None,
            admitted: Timestamp(1),
            finished: Some(Timestamp(2)),
            caller,
        }])
    }

    async fn sum(&self, _: &str, _: &str, _: Timestamp) -> Result<f64, FactsError> {
        Ok(0.0)
    }
}
