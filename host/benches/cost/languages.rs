//! What a policy costs in each language: the examples that are one rule, with their settings.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use interlock::{
    call::Call,
    config,
    policy::PolicyConfig,
    sandbox::{ComponentSource, History, Limits, Plugin, Sandbox, standard_plugins},
    verdict::Verdict,
};
use serde_json::{Map, json};

use crate::{
    ledger::call,
    measure::{Samples, batch, micros},
    sandbox::OnePast,
    table::Table,
};

/// Runs of one batch.
const RUNS: u32 = 50;

/// One language.
struct Language {
    name: String,
    bytes: Vec<u8>,
    first_ms: f64,
    again_ms: f64,
    plugin: Plugin,
    samples: Samples,
}

/// Measures a refund above the limit, of a customer with a ticket: every language has to look at everything.
pub(crate) async fn measure(full: bool) -> Result<Table> {
    let mut languages = Vec::new();
    for folder in folders()? {
        languages.push(Language::load(&folder).await?);
    }
    let arguments = json!({"customer_id": "c1", "amount": 500});
    let arguments = arguments.as_object().cloned().unwrap_or_else(Map::new);
    let refund = Call { arguments: Arc::new(arguments), ..call("support/refund") };
    let past: Arc<dyn History> = Arc::new(OnePast);
    for _ in 0..if full { 300 } else { 40 } {
        for language in &mut languages {
            let judging = batch(RUNS, async || match language.plugin.judge(&refund, None, past.clone()).await? {
                Verdict::Allow => Ok(()),
                other => bail!("{other:?}"),
            });
            language.samples.push(judging.await?);
        }
    }
    let columns =
        ["Language", "component, KiB", "first load, ms", "load from the cache, ms", "one call, µs", "beside Rust"];
    let mut table = Table::new("Languages: the same rule, a refund that needs a ticket, judged", &columns);
    let rust = languages.iter_mut().find(|language| language.name == "rust").map(|rust| rust.samples.median());
    for mut language in languages {
        let one = language.samples.median();
        table.row([
            json!(language.name),
            json!(language.bytes.len().div_ceil(1024)),
            json!(language.first_ms),
            json!(language.again_ms),
            json!(one),
            rust.map_or(json!(null), |rust| json!(one / rust)),
        ]);
    }
    Ok(table)
}

/// Those whose component is there: in a folder of its own a language may need tools that this machine lacks.
fn folders() -> Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/refund-limit");
    let mut folders = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let folder = entry?.path();
        if folder.join("interlock.json").is_file() && component(&configured(&folder)?, &folder).is_some() {
            folders.push(folder);
        }
    }
    folders.sort();
    Ok(folders)
}

fn configured(folder: &Path) -> Result<PolicyConfig> {
    let read = config::load(&folder.join("interlock.json"), &|_| None, &standard_plugins());
    let read = read.map_err(|problems| anyhow::anyhow!("{}: {problems:?}", folder.display()))?;
    read.policies.into_iter().next().context("no policy")
}

/// Where the component is: Interlock's own, beside the configuration, or what `cargo xtask plugins` made.
fn component(policy: &PolicyConfig, folder: &Path) -> Option<ComponentSource> {
    let ComponentSource::File(file) = &policy.component else { return Some(policy.component.clone()) };
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../plugins/examples").join(file.file_name()?);
    let made = folder.join("Cargo.toml").is_file() && built.is_file();
    let there = if made { Some(built) } else { Some(file.clone()).filter(|file| file.is_file()) };
    there.map(ComponentSource::File)
}

impl Language {
    async fn load(folder: &Path) -> Result<Self> {
        let policy = configured(folder)?;
        let source = component(&policy, folder).context("no component")?;
        let bytes = source.read(&interlock::sandbox::Supply::of_anyone()).await?.to_vec();
        let cache = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let mut took = [0.0; 2];
        let mut plugin = None;
        for milliseconds in &mut took {
            let sandbox = Sandbox::start(Some(cache.path()))?;
            let start = Instant::now();
            plugin = Some(sandbox.load(&policy.name, &bytes, &policy.settings, Limits::POLICY).await?);
            *milliseconds = micros(start.elapsed()) / 1000.0;
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let plugin = plugin.context("not loaded")?;
        Ok(Self { name, bytes, first_ms: took[0], again_ms: took[1], plugin, samples: Samples::default() })
    }
}
