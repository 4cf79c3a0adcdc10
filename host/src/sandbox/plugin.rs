//! A component that is loaded and configured, ready to be called.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use wasmtime::component::Component;

use super::{
    Limits, Sandbox,
    facts::{History, KeyValue},
    fault::{Fault, LoadError},
    generation::Guests,
    running::Runner,
    shape::{self, Exports, Shape},
    snapshot::{self, Configured},
    stored::{self, Stored},
};
use crate::{
    call::{Call, Outcome},
    scope::canonical,
    verdict::{Grant, Refusal, Verdict},
};

/// What a component says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its name.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// JSON Schema of its settings.
    pub settings_schema: Value,
    /// Every code that its refusals can have.
    pub codes: Vec<String>,
}

/// How one call is kept apart from the next. The promise is the same: nothing a call leaves behind is seen by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// A fresh instance of the configured memory for each call.
    Snapshot,
    /// A fresh instance for each call, configured anew: this component's memory cannot be snapshotted.
    ConfigureEach,
}

/// One tool of a toolset.
#[derive(Clone, Debug, PartialEq)]
pub struct GuestTool {
    /// Unique within the set.
    pub name: String,
    /// The MCP `Tool` object.
    pub definition: Value,
}

/// What a toolset's tool gave back.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolAnswer {
    /// For the model.
    pub text: String,
    /// Structured content.
    pub structured: Option<Value>,
    /// Whether the tool failed.
    pub is_error: bool,
}

/// What a reviewer makes of a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// It may go on as it is.
    Pass,
    /// This goes on instead.
    Redact(Value),
    /// Nothing goes on.
    Withhold(Refusal),
}

/// A configured component. Clones share everything.
#[derive(Clone)]
pub struct Plugin(Arc<Inner>);

struct Inner {
    sandbox: Sandbox,
    name: Arc<str>,
    digest: Arc<str>,
    settings_digest: Arc<str>,
    manifest: Manifest,
    exports: Exports,
    isolation: Isolation,
    limits: Limits,
    guest: Guests,
}

/// What a plugin is made of.
struct Source<'a> {
    name: Arc<str>,
    bytes: &'a [u8],
    digest: Arc<str>,
    settings: &'a str,
    limits: Limits,
}

impl Sandbox {
    /// Makes a component ready: checks what it imports and exports, asks what it is, gives it its settings, snapshots
    /// and compiles it. `name` stands for it in log lines.
    ///
    /// A component that was made ready with the same settings before is found in the cache. Takes at most 5 s of the
    /// component's own time, and as long as compiling takes.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub async fn load(&self, name: &str, bytes: &[u8], settings: &Value, limits: Limits) -> Result<Plugin, LoadError> {
        let settings = canonical(settings);
        let digest = stored::sha256(bytes);
        let key = stored::key(&digest, &settings);
        let kept = self.snapshots().and_then(|folder| stored::find(folder, &key));
        let source = Source { name: name.into(), bytes, digest: digest.into(), settings: &settings, limits };
        if let Some((stored, wasm)) = kept
            && self.generations().contains(&stored.generation)
            && let Ok(plugin) = self.finish(&source, stored, wasm).await
        {
            return Ok(plugin);
        }
        let (stored, wasm) = self.make_ready(bytes, &settings, key).await?;
        self.finish(&source, stored, wasm).await
    }

    /// What a component says of itself, whatever its settings; and how long compiling it took, unless it was found in the
    /// cache.
    ///
    /// # Errors
    /// As for [`Sandbox::load`], but for its settings.
    pub async fn describe(&self, bytes: &[u8]) -> Result<(Manifest, Duration), LoadError> {
        snapshot::describe(self, bytes, shape::read(bytes, self.generations())?).await
    }

    /// Compiles what was made ready, and sees that it starts.
    async fn finish(&self, source: &Source<'_>, stored: Stored, wasm: Option<Vec<u8>>) -> Result<Plugin, LoadError> {
        let Source { name, bytes, digest, settings, limits } = source;
        let component = snapshot::compile(self.engine(), wasm.unwrap_or_else(|| bytes.to_vec())).await?;
        let isolation = if stored.snapshot.is_some() { Isolation::Snapshot } else { Isolation::ConfigureEach };
        let linked = self.link(&component, stored.exports)?;
        let each = (isolation == Isolation::ConfigureEach).then(|| (*settings).to_owned());
        let guest = Guests::new(stored.generation, linked, stored.exports, each)
            .map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        // What no call could start, because its memory is too small for it, shows now.
        guest
            .linked()
            .start(Runner { sandbox: self, name, limits: *limits })
            .await
            .map_err(|fault| LoadError::Failed { during: "start", fault })?;
        Ok(Plugin(Arc::new(Inner {
            sandbox: self.clone(),
            name: name.clone(),
            digest: digest.clone(),
            settings_digest: stored::sha256(settings.as_bytes()).into(),
            manifest: stored.manifest,
            exports: stored.exports,
            isolation,
            limits: *limits,
            guest,
        })))
    }

    async fn make_ready(
        &self,
        bytes: &[u8],
        settings: &str,
        key: String,
    ) -> Result<(Stored, Option<Vec<u8>>), LoadError> {
        let shape = shape::read(bytes, self.generations())?;
        let Configured { manifest, snapshot } = snapshot::configure(self, &bytes.into(), shape, settings).await?;
        let Shape { generation, exports } = shape;
        let stored = Stored { key, generation, manifest, exports, snapshot: snapshot.as_deref().map(stored::sha256) };
        if let Some(folder) = self.snapshots()
            && let Err(error) = stored::keep(folder, &stored, snapshot.as_deref())
        {
            tracing::warn!(%error, "a configured component could not be kept; it will be configured again next time");
        }
        Ok((stored, snapshot))
    }

    fn link(
        &self,
        component: &Component,
        exports: Exports,
    ) -> Result<wasmtime::component::InstancePre<super::guest::Guest>, LoadError> {
        self.linker(exports.toolset)
            .instantiate_pre(component)
            .map_err(|error| LoadError::Compile(format!("{error:#}")))
    }
}

impl Plugin {
    /// SHA-256 of the component's bytes, as hexadecimal digits.
    pub fn digest(&self) -> &Arc<str> {
        &self.0.digest
    }

    /// SHA-256 of its settings' canonical JSON, as hexadecimal digits.
    pub fn settings_digest(&self) -> &Arc<str> {
        &self.0.settings_digest
    }

    /// Whether it is made of this component, with these settings and limits.
    pub fn is_of(&self, bytes: &[u8], settings: &Value, limits: Limits) -> bool {
        self.0.limits == limits
            && *self.0.settings_digest == stored::sha256(canonical(settings).as_bytes())
            && *self.0.digest == stored::sha256(bytes)
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// What it can be used for.
    pub fn exports(&self) -> Exports {
        self.0.exports
    }

    /// How its calls are kept apart.
    pub fn isolation(&self) -> Isolation {
        self.0.isolation
    }

    /// Asks for a verdict. Takes at most the plugin's time limit.
    ///
    /// # Errors
    /// A [`Fault`] if the guest fails in any way.
    pub async fn judge(&self, call: &Call, grant: Option<&Grant>, history: Arc<dyn History>) -> Result<Verdict, Fault> {
        self.0.guest.judge(self.runner(), call, grant, history).await
    }

    /// Asks what the policy, as configured, demands of callers of a tool; a short sentence each.
    ///
    /// # Errors
    /// A [`Fault`] if the guest fails in any way.
    pub async fn rules(&self, tool: &str) -> Result<Vec<String>, Fault> {
        self.0.guest.rules(self.runner(), tool).await
    }

    /// Asks for other arguments; none: as they are.
    ///
    /// # Errors
    /// A [`Fault`] if the guest fails in any way.
    pub async fn rewrite(&self, call: &Call, history: Arc<dyn History>) -> Result<Option<Map<String, Value>>, Fault> {
        self.0.guest.rewrite(self.runner(), call, history).await
    }

    /// Shows it what a call gave back.
    ///
    /// # Errors
    /// A [`Fault`] if the guest fails in any way.
    pub async fn review(&self, call: &Call, outcome: Outcome, result: &Value) -> Result<Finding, Fault> {
        self.0.guest.review(self.runner(), call, outcome, result).await
    }

    /// Lists a toolset's tools.
    ///
    /// # Errors
    /// A [`Fault`] if the guest fails in any way.
    pub async fn tools(&self) -> Result<Vec<GuestTool>, Fault> {
        self.0.guest.tools(self.runner()).await
    }

    /// Runs a tool of a toolset.
    ///
    /// # Errors
    /// A [`Fault`] if the guest fails in any way.
    pub async fn call_tool(&self, call: &Call, store: Arc<dyn KeyValue>) -> Result<ToolAnswer, Fault> {
        self.0.guest.call_tool(self.runner(), call, store).await
    }

    fn runner(&self) -> Runner<'_> {
        Runner { sandbox: &self.0.sandbox, name: &self.0.name, limits: self.0.limits }
    }

    /// Size of its machine code and of the memory image that instances start from, in bytes. All instances share them.
    pub fn image_bytes(&self) -> usize {
        self.0.guest.linked().image_bytes()
    }

    /// Most memory that an instance of it had at the end of a call, in bytes; what `memory_mib` limits.
    pub fn peak_memory_bytes(&self) -> usize {
        self.0.guest.linked().peak_memory_bytes()
    }

    /// Longest time that one call of it takes.
    pub fn time_limit(&self) -> Duration {
        self.0.limits.time
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("name", &self.0.name).field("digest", &self.0.digest).finish_non_exhaustive()
    }
}
