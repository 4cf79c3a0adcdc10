//! The generations of the plugin interface, and which of them a component was made for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;
use wasmtime::{
    Result, Store,
    component::{Instance, InstancePre, Linker},
};

use super::{
    Exports, Fault, Finding, GuestTool, History, KeyValue, Manifest, Problem, ToolAnswer,
    guest::Guest,
    running::{Linked, Runner},
    since_v0_1_0, since_v0_2_0_draft,
};
use crate::{
    call::{Call, Outcome},
    verdict::{Grant, Verdict},
};

/// A generation of the interface. Each is a folder in `wit/`, and a module here that turns it into our words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Generation {
    #[serde(rename = "0.1.0")]
    V0_1_0,
    /// Not released: it may change any day, so that only tests serve it.
    #[serde(rename = "0.2.0-draft")]
    V0_2_0Draft,
}

impl Generation {
    /// What a host serves, the newest first.
    pub(super) const RELEASED: &[Self] = &[Self::V0_1_0];
    /// With drafts.
    pub(super) const ALL: &[Self] = &[Self::V0_2_0Draft, Self::V0_1_0];

    /// The version in the names of its interfaces.
    pub(super) fn version(self) -> &'static str {
        match self {
            Self::V0_1_0 => since_v0_1_0::VERSION,
            Self::V0_2_0Draft => since_v0_2_0_draft::VERSION,
        }
    }

    /// The interfaces that a component of it can export to be of use.
    pub(super) fn interfaces(self) -> &'static [&'static str] {
        match self {
            Self::V0_1_0 => &["judge", "transform", "review", "toolset"],
            Self::V0_2_0Draft => &["judge"],
        }
    }

    /// Asks a component what it is. The inner error: what it answered means nothing.
    pub(super) async fn describe(
        self,
        store: &mut Store<Guest>,
        instance: &Instance,
    ) -> Result<std::result::Result<Manifest, String>> {
        match self {
            Self::V0_1_0 => since_v0_1_0::describe(store, instance).await,
            Self::V0_2_0Draft => since_v0_2_0_draft::describe(store, instance).await,
        }
    }

    /// Gives a component its settings. The inner error: what it finds wrong with them.
    pub(super) async fn configure(
        self,
        store: &mut Store<Guest>,
        instance: &Instance,
        settings: &str,
    ) -> Result<std::result::Result<(), Vec<Problem>>> {
        match self {
            Self::V0_1_0 => since_v0_1_0::configure(store, instance, settings).await,
            Self::V0_2_0Draft => since_v0_2_0_draft::configure(store, instance, settings).await,
        }
    }
}

/// Puts what policies of every generation import behind their names.
pub(super) fn link_policies(linker: &mut Linker<Guest>) -> Result<()> {
    since_v0_1_0::imports::for_policies(linker)?;
    since_v0_2_0_draft::imports::for_policies(linker)
}

/// The same for toolsets.
pub(super) fn link_toolsets(linker: &mut Linker<Guest>) -> Result<()> {
    since_v0_1_0::imports::for_toolsets(linker)
}

/// A component, ready to be called in the words of its generation.
pub(super) enum Guests {
    V0_1_0(since_v0_1_0::Guests),
    V0_2_0Draft(since_v0_2_0_draft::Guests),
}

impl Guests {
    /// Looks the exports up and checks their types. `settings` are given to each instance, where no snapshot holds them.
    pub(super) fn new(
        generation: Generation,
        pre: InstancePre<Guest>,
        exports: Exports,
        settings: Option<String>,
    ) -> Result<Self> {
        let linked = Linked::new(pre, generation, settings);
        Ok(match generation {
            Generation::V0_1_0 => Self::V0_1_0(since_v0_1_0::Guests::new(linked, exports)?),
            Generation::V0_2_0Draft => Self::V0_2_0Draft(since_v0_2_0_draft::Guests::new(linked)?),
        })
    }

    /// The component, whatever its generation.
    pub(super) fn linked(&self) -> &Linked {
        match self {
            Self::V0_1_0(guests) => guests.linked(),
            Self::V0_2_0Draft(guests) => guests.linked(),
        }
    }

    pub(super) async fn judge(
        &self,
        runner: Runner<'_>,
        call: &Call,
        grant: Option<&Grant>,
        history: Arc<dyn History>,
    ) -> std::result::Result<Verdict, Fault> {
        match self {
            Self::V0_1_0(guests) => guests.judge(runner, call, grant, history).await,
            Self::V0_2_0Draft(guests) => guests.judge(runner, call, grant, history).await,
        }
    }

    pub(super) async fn rules(&self, runner: Runner<'_>, tool: &str) -> std::result::Result<Vec<String>, Fault> {
        match self {
            Self::V0_1_0(guests) => guests.rules(runner, tool).await,
            Self::V0_2_0Draft(guests) => guests.rules(runner, tool).await,
        }
    }

    pub(super) async fn rewrite(
        &self,
        runner: Runner<'_>,
        call: &Call,
        history: Arc<dyn History>,
    ) -> std::result::Result<Option<Map<String, Value>>, Fault> {
        match self {
            Self::V0_1_0(guests) => guests.rewrite(runner, call, history).await,
            Self::V0_2_0Draft(_) => Err(not_exported()),
        }
    }

    pub(super) async fn review(
        &self,
        runner: Runner<'_>,
        call: &Call,
        outcome: Outcome,
        result: &Value,
    ) -> std::result::Result<Finding, Fault> {
        match self {
            Self::V0_1_0(guests) => guests.review(runner, call, outcome, result).await,
            Self::V0_2_0Draft(_) => Err(not_exported()),
        }
    }

    pub(super) async fn tools(&self, runner: Runner<'_>) -> std::result::Result<Vec<GuestTool>, Fault> {
        match self {
            Self::V0_1_0(guests) => guests.tools(runner).await,
            Self::V0_2_0Draft(_) => Err(not_exported()),
        }
    }

    pub(super) async fn call_tool(
        &self,
        runner: Runner<'_>,
        call: &Call,
        store: Arc<dyn KeyValue>,
    ) -> std::result::Result<ToolAnswer, Fault> {
        match self {
            Self::V0_1_0(guests) => guests.call_tool(runner, call, store).await,
            Self::V0_2_0Draft(_) => Err(not_exported()),
        }
    }
}

/// It was asked for something that it does not export.
pub(super) fn not_exported() -> Fault {
    Fault::nonsense("it does not export this interface")
}
