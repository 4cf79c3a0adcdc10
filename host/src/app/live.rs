//! What is in force, and how something else comes to be: loaded beside, put on record, then switched to in one step.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use serde_json::json;
use tokio::sync::{Mutex, watch};

use super::{
    assembly::{Assembly, Ground, Kept},
    pulls, record,
};
use crate::{
    config::{self, Config, Problems},
    journal::{Draft, Event, JournalError, Sequence, kind},
    mediation::Mediator,
    policy::Standings,
    registry::{Credentials, Pinned, Store},
    sandbox::standard_plugins,
    tasks,
};

/// The configuration in force. Replaced as a whole, or not at all.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) ground: Ground,
    /// What some things are by until the end, whatever comes after.
    begun_with: Config,
    in_force: Mutex<InForce>,
    mediators: watch::Sender<Mediator>,
    /// What the configuration that was found last names in registries, and was not to be had.
    pub(super) missing: watch::Sender<Vec<Pinned>>,
}

#[derive(Debug)]
struct InForce {
    assembly: Assembly,
    /// What was read last. Where it cannot be used, a file that it names may be what is to be mended.
    found: Config,
    /// What is wrong with the configuration that was found last, if it could not be used.
    rejected: Option<Problems>,
}

/// Of which policies people, or another process, have said which component is to count.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// Of these.
    Of(BTreeSet<String>),
    /// That is not known any more: perhaps of any.
    OfAny,
}

impl Said {
    fn is_of(&self, policy: &str) -> bool {
        match self {
            Self::Of(policies) => policies.contains(policy),
            Self::OfAny => true,
        }
    }
}

/// What came of a look at the configuration and its components.
#[derive(Clone, Debug, PartialEq)]
pub enum Reload {
    /// All is as it was.
    Same,
    /// Another configuration, or other components, are in force.
    Applied {
        /// What stayed as it was nevertheless, because the component in its place cannot be used.
        kept: Vec<Kept>,
    },
    /// What was in force stays so.
    Rejected(Problems),
    /// There was something more urgent before anything was decided. It is to be tried again.
    Abandoned,
}

impl Live {
    pub(super) fn new(ground: Ground, assembly: Assembly) -> Self {
        let mediators = watch::Sender::new(assembly.mediator.clone());
        let (found, begun_with) = (assembly.config.clone(), assembly.config.clone());
        let in_force = Mutex::new(InForce { assembly, found, rejected: None });
        Self { ground, begun_with, in_force, mediators, missing: watch::Sender::default() }
    }

    /// The line that calls take, and each that comes to stand in its place.
    pub(super) fn mediators(&self) -> watch::Receiver<Mediator> {
        self.mediators.subscribe()
    }

    /// Where what is missing is to be kept, and who one is to registries.
    pub(super) async fn supplies(&self) -> (Store, Credentials) {
        let in_force = self.in_force.lock().await;
        (in_force.found.store(), in_force.found.credentials.clone())
    }

    /// The configuration file, and every file of components, signatures and keys that it named when it was last read.
    pub(super) async fn files(&self) -> Vec<PathBuf> {
        let in_force = self.in_force.lock().await;
        std::iter::once(in_force.found.path.clone()).chain(in_force.found.files()).collect()
    }

    /// Of which policies people, or another process, have said since which component is to count; none: of none.
    pub(super) fn was_told(&self, since: &mut Sequence) -> Option<Said> {
        let journal = &self.ground.journal;
        let head = journal.head();
        let events = if head == *since { Some(Vec::new()) } else { journal.since(*since) };
        *since = head;
        let Some(events) = events else { return Some(Said::OfAny) };
        let tells =
            |event: &&Arc<Event>| [kind::PLUGIN_PROMOTED, kind::PLUGIN_ROLLED_BACK].contains(&event.kind.as_str());
        let told: BTreeSet<String> = events.iter().filter(tells).map(|event| event.subject.clone()).collect();
        (!told.is_empty()).then_some(Said::Of(told))
    }

    /// Puts in force what people, or another process, have said is to count, in the configuration that is in force: whatever
    /// the file holds by now, and whatever else is to be loaded.
    ///
    /// # Errors
    /// If it cannot be put on record. Nothing has changed then.
    pub(super) async fn obey(&self, said: &Said) -> Result<(), JournalError> {
        let mut in_force = self.in_force.lock().await;
        let mut standings = self.ground.standings(&in_force.assembly.config).await?;
        // Another policy may have another component here than elsewhere, and nobody has said anything of that.
        standings.policies.retain(|policy, _| said.is_of(policy));
        let next = self.ground.as_told(&in_force.assembly, &standings).await;
        let now = &in_force.assembly;
        if next.mediator.policies().digest() == now.mediator.policies().digest() && next.kept == now.kept {
            return Ok(());
        }
        let journal = &self.ground.journal;
        let mut drafts = record::rejections(&now.kept, &next.kept)?;
        drafts.push(record::applied(&next, journal, &next.config.needs_restart(&self.begun_with))?);
        journal.append(drafts).await?;
        self.mediators.send_replace(next.mediator.clone());
        tracing::info!(set = &**next.mediator.policies().digest(), "other components count, as was said");
        in_force.assembly = next;
        Ok(())
    }

    /// Reads the configuration anew and puts it in force, with the components that its files hold now; where it cannot be
    /// used, what was in force stays so. Calls that are under way end by the rules they began under.
    ///
    /// # Errors
    /// If it cannot be put on record. Nothing has changed then.
    pub(super) async fn reload(&self) -> Result<Reload, JournalError> {
        self.reload_unless(std::future::pending()).await
    }

    /// The same, given up if something `more_urgent` happens while it is being loaded.
    ///
    /// # Errors
    /// As of [`Live::reload`].
    pub(super) async fn reload_unless(&self, more_urgent: impl Future<Output = ()>) -> Result<Reload, JournalError> {
        let mut in_force = self.in_force.lock().await;
        let reloaded = self.reload_into(&mut in_force, more_urgent).await;
        let missing = pulls::missing(&in_force.found).await;
        self.missing.send_if_modified(|before| std::mem::replace(before, missing.clone()) != missing);
        reloaded
    }

    async fn reload_into(
        &self,
        in_force: &mut InForce,
        more_urgent: impl Future<Output = ()>,
    ) -> Result<Reload, JournalError> {
        let path = in_force.found.path.clone();
        let read = move || config::load(&path, &|name| std::env::var(name).ok(), &standard_plugins());
        let mut standings = Standings::default();
        let assembled = match tasks::blocking(read).await.map_err(|_| JournalError::Closed)? {
            Ok(config) => {
                in_force.found = config.clone();
                standings = self.ground.standings(&config).await?;
                // Until here nothing has been decided: what was begun ends when it is dropped.
                tokio::select! {
                    assembled = self.ground.assemble(config, Some(&in_force.assembly), &standings) => assembled,
                    () = more_urgent => return Ok(Reload::Abandoned),
                }
            }
            Err(problems) => Err(problems),
        };
        let journal = &self.ground.journal;
        let next = match assembled {
            Ok(next) => next,
            Err(problems) if in_force.rejected.as_ref() == Some(&problems) => return Ok(Reload::Rejected(problems)),
            Err(problems) => {
                tracing::error!(%problems, "the configuration cannot be used; the one before stays in force");
                let body = json!({ "problems": problems });
                journal.append(vec![Draft::new("interlock", kind::CONFIG_REJECTED, journal.process(), &body)?]).await?;
                in_force.rejected = Some(problems.clone());
                return Ok(Reload::Rejected(problems));
            }
        };
        let now = &in_force.assembly;
        let same = next.config.digest == now.config.digest
            && next.mediator.policies().digest() == now.mediator.policies().digest()
            && next.has_the_servers_of(now)
            && next.kept == now.kept;
        if same && in_force.rejected.is_none() {
            return Ok(Reload::Same);
        }
        // On record first: whatever call names this set comes after the event that lists it.
        let mut drafts = record::arrivals(Some(now.mediator.policies()), next.mediator.policies(), &standings)?;
        drafts.extend(record::rejections(&now.kept, &next.kept)?);
        let waiting = next.config.needs_restart(&self.begun_with);
        if waiting != now.config.needs_restart(&self.begun_with) {
            tracing::warn!(keys = ?waiting, "these parts of the configuration are taken over at the next start");
        }
        drafts.push(record::applied(&next, journal, &waiting)?);
        journal.append(drafts).await?;
        let other_servers = !next.has_the_servers_of(now);
        self.mediators.send_replace(next.mediator.clone());
        tracing::info!(set = &**next.mediator.policies().digest(), "another configuration is in force");
        // A server that is no longer named ends when the last call to it has: its calls hold it.
        let kept = next.kept.clone();
        in_force.assembly = next;
        in_force.rejected = None;
        if other_servers {
            self.ground.announce_everything();
        }
        Ok(Reload::Applied { kept })
    }
}
