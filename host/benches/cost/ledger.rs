//! What a decision costs as history grows, warm and cold, and its admission: with 10² to 10⁶ past calls in the scope.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use interlock::{
    call::{Call, CallId, Caller, Outcome, ToolName},
    clock::{ManualClock, Timestamp},
    journal::{Admission, Config, Draft, Durability, Journal, Sequence, body, kind},
    ledger::Ledger,
    policy::{Match, Mode, OnFault, Policies, PolicyConfig},
    sandbox::{ComponentSource, Limits, Sandbox, Supply},
    scope::Scope,
    tasks::Tasks,
    verdict::Decision,
};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::{
    measure::{Disk, Samples, micros},
    table::Table,
};

/// Over how long the past calls are spread.
const PAST: Duration = Duration::from_secs(30 * 24 * 3600);
/// Past calls that are written in one transaction.
const AT_ONCE: u64 = 500;
const CLOSE: Duration = Duration::from_secs(60);

/// Measures with each length of history.
pub(crate) async fn measure(full: bool) -> Result<Table> {
    let columns = ["Past calls in the scope", "first decision, ms", "decision, µs", "beside 10²", "aim"];
    let more = ["admission, µs", "on disk, µs", "one disk write, µs"];
    let mut table = Table::new(
        "Ledger: a decision by four policies (`sequence`, `condition`, `rate-limit`, `exclusive`), and its admission",
        &[columns.as_slice(), &more].concat(),
    );
    let cache = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let policies = policies(&Sandbox::start(Some(cache.path()))?).await?;
    let lengths = [(100, "10²"), (10_000, "10⁴"), (1_000_000, "10⁶")];
    let mut worlds = Vec::new();
    for (past, _) in lengths {
        worlds.push(World::filled(past).await?);
    }
    let rounds = if full { 5000 } else { 1500 };
    let mut batched = decided(&worlds, &policies, rounds).await?;
    for world in &mut worlds {
        world.reopen(Durability::BeforeCall).await?;
    }
    let mut durable = decided(&worlds, &policies, rounds / 5).await?;
    let mut first = <[Samples; 3]>::default();
    for _ in 0..5 {
        for (world, first) in worlds.iter_mut().zip(&mut first) {
            world.reopen(Durability::Batched).await?;
            let start = Instant::now();
            world.judge(&world.ledger(), &policies, &call("bench/act")).await?;
            first.push(micros(start.elapsed()) / 1000.0);
        }
    }
    for world in &worlds {
        world.close().await?;
    }
    let least = batched.first_mut().map(|costs| costs.decision.median()).unwrap_or_default();
    for (((past, name), first), (batched, durable)) in
        lengths.into_iter().zip(&mut first).zip(batched.iter_mut().zip(&mut durable))
    {
        let decision = batched.decision.median();
        let aim = if past == 1_000_000 { json!("≤ 1.2") } else { Value::Null };
        table.row([
            json!(name),
            json!(first.median()),
            json!(decision),
            json!(decision / least),
            aim,
            json!(batched.admission.median()),
            json!(durable.admission.median()),
            json!(durable.disk.median()),
        ]);
    }
    Ok(table)
}

/// Calls that one world decides before it is the next one's turn.
const IN_TURN: u32 = 50;

/// What so many calls cost in each world: in turns, so that what else the machine does falls on all of them alike.
async fn decided(worlds: &[World], policies: &Policies, rounds: u32) -> Result<Vec<Costs>> {
    let mut all = Vec::new();
    for world in worlds {
        let mut costs = Costs::default();
        // The first ones load what the others have at hand.
        let ledger = world.ledger();
        world.decide(&ledger, policies, rounds / 10, &mut costs).await?;
        all.push((ledger, Costs::default()));
    }
    for _ in 0..rounds / IN_TURN {
        for (world, (ledger, costs)) in worlds.iter().zip(&mut all) {
            world.decide(ledger, policies, IN_TURN, costs).await?;
        }
    }
    Ok(all.into_iter().map(|(_, costs)| costs).collect())
}

/// What one call costs, in microseconds.
#[derive(Default)]
struct Costs {
    decision: Samples,
    admission: Samples,
    /// One write to the same disk, at the same time.
    disk: Samples,
}

async fn policies(sandbox: &Sandbox) -> Result<Policies> {
    let all = [
        ("sequence", json!({"rules": [{"tools": ["bench/act"], "after": ["bench/check"]}]})),
        (
            "condition",
            json!({"rules": [{"tools": ["bench/act"], "reason": "Check first.",
            "require": {"outcome_of": "bench/check", "is": "succeeded"}}]}),
        ),
        (
            "rate-limit",
            json!({"limits": [{"tools": ["bench/*"], "max_calls": 1_000_000_000_u64, "per_seconds": 3600}]}),
        ),
        ("exclusive", json!({"groups": [{"tools": ["bench/*"], "at_most": 1000}]})),
    ];
    let policy = |(name, settings): (&str, Value)| PolicyConfig {
        name: name.to_owned(),
        component: ComponentSource::Standard(name.to_owned()),
        matches: Match::default(),
        scope: Scope::Session,
        mode: Mode::Enforce,
        on_fault: OnFault::Refuse,
        limits: Limits { time: Duration::from_secs(60), ..Limits::POLICY },
        rollout: None,
        settings: Arc::new(settings),
    };
    let loaded = Policies::load(sandbox, &Supply::of_anyone(), all.into_iter().map(policy).collect()).await;
    loaded.map_err(|errors| anyhow::anyhow!("{errors:?}"))
}

/// A journal in a folder of its own.
pub(crate) struct World {
    folder: TempDir,
    clock: Arc<ManualClock>,
    journal: Journal,
}

impl World {
    /// A journal with so many past calls of one session: every tenth a check, spread over a month.
    pub(crate) async fn filled(past: u64) -> Result<Self> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let clock = Arc::new(ManualClock::new(Timestamp(1_767_603_600_000)));
        let journal = open(&folder, &clock, Durability::Batched).await?;
        let pause = PAST.checked_div(u32::try_from(past.div_ceil(AT_ONCE))?).unwrap_or_default();
        for first in (0..past).step_by(usize::try_from(AT_ONCE)?) {
            let mut drafts = Vec::new();
            for at in first..past.min(first + AT_ONCE) {
                let call = call(if at % 10 == 0 { "bench/check" } else { "bench/act" });
                drafts.push(admitted(&call, journal.process())?);
                drafts.push(finished(&call, journal.process())?);
            }
            clock.advance(pause);
            journal.append(drafts).await?;
        }
        Ok(Self { folder, clock, journal })
    }

    /// A ledger that has not been asked anything.
    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::new(self.journal.clone())
    }

    pub(crate) async fn close(&self) -> Result<()> {
        ensure!(self.journal.close(CLOSE).await, "the journal did not end");
        Ok(())
    }

    async fn reopen(&mut self, durability: Durability) -> Result<()> {
        self.close().await?;
        self.journal = open(&self.folder, &self.clock, durability).await?;
        Ok(())
    }

    async fn judge(&self, ledger: &Ledger, policies: &Policies, call: &Call) -> Result<interlock::ledger::View> {
        let view = ledger.view().await?;
        let judgement = policies.judge(call, &BTreeMap::new(), &view).await;
        ensure!(judgement.decision == Decision::Allow, "{:?}", judgement.decision);
        Ok(view)
    }

    /// Decides, admits and ends so many calls, one after the other.
    async fn decide(&self, ledger: &Ledger, policies: &Policies, calls: u32, costs: &mut Costs) -> Result<()> {
        let mut disk = Disk::new(self.folder.path())?;
        for _ in 0..calls {
            let call = call("bench/act");
            let start = Instant::now();
            let view = self.judge(ledger, policies, &call).await?;
            let decided = Instant::now();
            let drafts = vec![admitted(&call, self.journal.process())?];
            let Admission::Admitted(permit) = self.journal.admit(call.clone(), drafts, view.guard()).await? else {
                bail!("there is nobody to conflict with");
            };
            let admitted = Instant::now();
            drop(permit);
            self.journal.append(vec![finished(&call, self.journal.process())?]).await?;
            costs.decision.push(micros(decided - start));
            costs.admission.push(micros(admitted - decided));
            costs.disk.push(disk.write()?);
        }
        Ok(())
    }
}

async fn open(folder: &TempDir, clock: &Arc<ManualClock>, durability: Durability) -> Result<Journal> {
    let config = Config {
        path: folder.path().join("interlock.db"),
        mirror_dir: None,
        redact: Vec::new(),
        max_body_bytes: 64 << 10,
        durability,
    };
    Journal::open(config, clock.clone(), Tasks::new()).await.context("the journal")
}

/// A call with 200 B of arguments.
pub(crate) fn call(tool: &str) -> Call {
    let (server, tool) = tool.split_once('/').unwrap_or(("bench", tool));
    Call {
        id: CallId::new(),
        tool: ToolName::new(server, tool),
        arguments: Arc::new(Map::from_iter([("text".to_owned(), json!("x".repeat(189)))])),
        beside: Arc::default(),
        caller: Caller { principal: "bench".to_owned(), roles: Vec::new(), client: None },
        session: "bench".to_owned(),
        received: Timestamp(1_770_195_600_000),
        hints: Arc::new([]),
        definition: "d".into(),
        continues: None,
        idempotency: None,
        batch: None,
    }
}

fn admitted(call: &Call, process: &str) -> Result<Draft> {
    let body = body::Admitted {
        tool: call.tool.clone(),
        arguments: Value::Object(call.arguments.as_ref().clone()),
        arguments_before: None,
        beside: Map::new(),
        definition: call.definition.to_string(),
        caller: call.caller.clone(),
        session: call.session.clone(),
        hints: Vec::new(),
        received: call.received,
        policies: Vec::new(),
        set: String::new(),
        scopes: Vec::new(),
        view: Sequence(0),
        approvals: Vec::new(),
        continues: None,
        idempotency: None,
        process: process.to_owned(),
    };
    Ok(Draft::new(&call.caller.principal, kind::CALL_ADMITTED, call.id.as_str(), &body)?)
}

fn finished(call: &Call, process: &str) -> Result<Draft> {
    let body = body::Finished {
        tool: call.tool.clone(),
        outcome: Outcome::Succeeded,
        result: Some(json!({"content": [{"type": "text", "text": "done"}]})),
        duration_ms: 1,
        process: process.to_owned(),
        reason: None,
    };
    Ok(Draft::new("interlock", kind::CALL_FINISHED, call.id.as_str(), &body)?)
}
