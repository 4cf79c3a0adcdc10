//! The draft of generation 0.2.0: as 0.1.0, whose words it shares, but for what is new in it.
//!
//! Policies see the parameters beside the arguments.

use std::sync::Arc;

use wasmtime::{Result, Store, component::Instance};

use super::{
    Fault, History, Manifest, Problem,
    engine::{POLICY_OUTPUT_BYTES, Place},
    guest::{Facts, Guest},
    running::{Linked, Run, Runner},
    since_v0_1_0::{convert, reported},
};
use crate::{
    call::Call,
    verdict::{Grant, Verdict},
};

pub(super) mod imports;

use policy::exports::interlock::plugin::{judge, lifecycle};

/// The version in the names of this generation's interfaces.
pub(super) const VERSION: &str = "0.2.0-draft";

/// World `policy`.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from wit/, where every item is documented")]
mod policy {
    wasmtime::component::bindgen!({
        path: "../wit/0.2.0-draft",
        world: "interlock:plugin/policy",
        imports: { "interlock:plugin/history": async | trappable, default: trappable },
        exports: { default: async },
        with: { "interlock:plugin/types": crate::sandbox::since_v0_1_0::types },
    });
}

/// Asks a component what it is. The inner error: what it answered means nothing.
pub(super) async fn describe(
    store: &mut Store<Guest>,
    instance: &Instance,
) -> Result<std::result::Result<Manifest, String>> {
    let guest = lifecycle::GuestIndices::new(&instance.instance_pre(&*store))?.load(&mut *store, instance)?;
    Ok(convert::manifest(guest.call_describe(store).await?))
}

/// Gives a component its settings. The inner error: what it finds wrong with them.
pub(super) async fn configure(
    store: &mut Store<Guest>,
    instance: &Instance,
    settings: &str,
) -> Result<std::result::Result<(), Vec<Problem>>> {
    let guest = lifecycle::GuestIndices::new(&instance.instance_pre(&*store))?.load(&mut *store, instance)?;
    let answer = guest.call_configure(store, &settings.to_owned()).await?;
    Ok(answer.map_err(convert::problems))
}

/// A linked policy, and where its exports are.
pub(super) struct Guests {
    linked: Linked,
    judge: judge::GuestIndices,
}

impl Guests {
    /// Looks the exports up and checks their types.
    pub(super) fn new(linked: Linked) -> Result<Self> {
        Ok(Self { judge: judge::GuestIndices::new(&linked.pre)?, linked })
    }

    pub(super) fn linked(&self) -> &Linked {
        &self.linked
    }

    pub(super) async fn judge(
        &self,
        runner: Runner<'_>,
        call: &Call,
        grant: Option<&Grant>,
        history: Arc<dyn History>,
    ) -> std::result::Result<Verdict, Fault> {
        let facts = Facts { arguments: call.arguments.clone(), history: Some(history), store: None };
        let run = Run { place: Place::Policy, output_bytes: POLICY_OUTPUT_BYTES, facts };
        let (beside, call) = (convert::json_object(&call.beside), convert::call(call, grant));
        let answer = self
            .linked
            .run(runner, run, async |store, instance| {
                self.judge.load(&mut *store, instance)?.call_judge(store, &call, &beside).await
            })
            .await?;
        convert::verdict(answer.map_err(reported)?).map_err(Fault::nonsense)
    }

    pub(super) async fn rules(&self, runner: Runner<'_>, tool: &str) -> std::result::Result<Vec<String>, Fault> {
        let run = Run { place: Place::Policy, output_bytes: POLICY_OUTPUT_BYTES, facts: Facts::default() };
        let rules = self
            .linked
            .run(runner, run, async |store, instance| {
                self.judge.load(&mut *store, instance)?.call_rules(store, tool).await
            })
            .await?;
        Ok(convert::rules(rules))
    }
}
