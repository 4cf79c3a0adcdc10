//! What there is to know of a component before it is used.

use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    KitError, Target,
    bench::{Cost, measure, settings_of, trivial},
    trial::load,
};
use crate::sandbox::{Interfaces, Isolation, LoadError, Manifest, Problem, Sandbox, interfaces};

/// Everything about one component.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// As it was asked for.
    pub name: String,
    /// SHA-256 of its bytes, as hexadecimal digits.
    pub digest: String,
    /// Its size.
    pub bytes: usize,
    /// What it exports and imports, and of which generation.
    pub interfaces: Interfaces,
    /// What it says of itself.
    pub manifest: Manifest,
    /// How long compiling it takes.
    pub compile: Duration,
    /// What shows only with settings; or what it finds wrong with those that were tried.
    pub running: Result<Running, Vec<Problem>>,
}

/// What a component with settings is like.
#[derive(Clone, Debug)]
pub struct Running {
    /// How its calls are kept apart.
    pub isolation: Isolation,
    /// From bytes to ready: compiled, configured, and compiled again where it is snapshotted.
    pub load: Duration,
    /// Machine code and memory image, which all instances share, in bytes.
    pub image_bytes: usize,
    /// Linear memory of an instance, in bytes.
    pub memory_bytes: usize,
    /// What a call costs.
    pub cost: Cost,
}

/// Looks at a component from all sides. Nothing is taken from a cache, so that what loading costs can be told. Its cost
/// is measured for about so long, on its cases.
///
/// # Errors
/// If it is no component that can be used.
pub async fn inspect(target: &Target, settings: Option<Value>, time: Duration) -> Result<Inspection, KitError> {
    let sandbox = Sandbox::start(None)?;
    let interfaces = interfaces(&target.bytes)?;
    let (manifest, compile) = sandbox.describe(&target.bytes).await?;
    let cases = target.cases().ok().flatten().map(|cases| cases.cases).unwrap_or_default();
    let settings = settings_of(settings, &cases);
    let began = Instant::now();
    let running = match load(&sandbox, target, &settings).await {
        Ok(plugin) => {
            let load = began.elapsed();
            let mut fitting: Vec<_> = cases.into_iter().filter(|case| case.settings == settings).collect();
            if fitting.is_empty() {
                fitting.push(trivial(&plugin, settings).await);
            }
            let cost = measure(&plugin, &fitting, time).await;
            let (image_bytes, memory_bytes) = (plugin.image_bytes(), plugin.peak_memory_bytes());
            Ok(Running { isolation: plugin.isolation(), load, image_bytes, memory_bytes, cost })
        }
        Err(LoadError::Settings(problems)) => Err(problems),
        Err(error) => return Err(error.into()),
    };
    Ok(Inspection {
        name: target.name.clone(),
        digest: Sha256::digest(&target.bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
        bytes: target.bytes.len(),
        interfaces,
        manifest,
        compile,
        running,
    })
}
