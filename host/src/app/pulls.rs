//! Asks registries again for what they did not give when the configuration came to name it, until they do.
//!
//! What has come lies in the store then, where [`watch`](super::watch) sees it like any other file and has it taken over.

use std::{sync::Arc, time::Duration};

use super::live::Live;
use crate::{
    config::Config,
    registry::{self, Pinned},
    sandbox::MAX_BYTES,
};

/// Wait before the first repetition; each one after waits twice as long as the one before, up to the longest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(120);

/// What a configuration names in registries, and the store does not have.
pub(super) async fn missing(config: &Config) -> Vec<Pinned> {
    let (store, mut missing) = (config.store(), Vec::new());
    for pinned in config.pinned() {
        // What is there and was changed comes no other way, whoever is asked: that is for people to see to.
        if let Ok(None) = store.find(pinned, MAX_BYTES).await {
            missing.push(pinned.clone());
        }
    }
    missing
}

/// Pulls what is missing, for ever. Another configuration is begun with anew.
pub(super) async fn repeat(live: Arc<Live>) {
    let mut missing = live.missing.subscribe();
    loop {
        let wanted = missing.borrow_and_update().clone();
        let changed = tokio::select! {
            changed = missing.changed() => changed,
            () = pull(&live, wanted) => missing.changed().await,
        };
        if changed.is_err() {
            return;
        }
    }
}

async fn pull(live: &Live, mut wanted: Vec<Pinned>) {
    let (store, credentials) = live.supplies().await;
    let mut wait = FIRST;
    while !wanted.is_empty() {
        tokio::time::sleep(wait).await;
        wait = LONGEST.min(wait * 2);
        let mut missing = Vec::new();
        for pinned in wanted {
            match registry::fetch(&pinned, &store, &credentials, MAX_BYTES).await {
                Ok(_) => tracing::info!(reference = %pinned, "a component has come from its registry"),
                Err(error) => {
                    // Why has been told by whoever wanted it first.
                    tracing::debug!(reference = %pinned, %error, ?wait, "a component cannot be pulled yet");
                    missing.push(pinned);
                }
            }
        }
        wanted = missing;
    }
}
