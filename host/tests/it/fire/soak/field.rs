//! Where it all happens: the folder, the configuration and the servers, and how gateways are started there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use serde_json::json;
use tokio::{process::Command, sync::RwLock, task::JoinSet};

use super::{
    super::{dice::Dice, gateway::Gateway, house::House, in_the_end},
    desk::Times,
    line::{Door, Era, Line},
    load::{Crowd, load},
    plan::Plan,
};

/// How many clients each gateway serves.
const CLIENTS: u64 = 5;

pub(super) struct Field {
    pub(super) house: House,
    /// Held for writing while the file is being edited, or is wrong.
    pub(super) plan: RwLock<Plan>,
    pub(super) crowd: Arc<Crowd>,
    pub(super) times: Times,
    pub(super) tally: Tally,
}

/// What was done to gateways.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) starts: AtomicUsize,
    pub(super) kills: AtomicUsize,
    pub(super) stops: AtomicUsize,
    pub(super) spoilt: AtomicUsize,
    pub(super) visits: AtomicUsize,
}

impl Tally {
    pub(super) fn add(one: &AtomicUsize) {
        one.fetch_add(1, Ordering::Relaxed);
    }
}

/// By which door a gateway serves.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Stdio(Era),
    Http,
}

impl Field {
    /// With a journal that is kept if anything goes wrong.
    pub(super) async fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("interlock-soak-").disable_cleanup(true).tempdir().unwrap();
        let journal = folder.path().join("interlock.db");
        let house = House::keeping(folder, journal, json!([])).await;
        let plan = Plan::new(house.folder(), &house.server.url);
        std::fs::copy(house.folder().join("interlock.json"), house.folder().join("first.json")).unwrap();
        Self { house, plan: plan.into(), crowd: Arc::default(), times: Times::default(), tally: Tally::default() }
    }

    /// Starts a gateway, by the configuration as it stands, and waits until it serves.
    pub(super) async fn open(&self, kind: Kind) -> Arc<Door> {
        let _unspoilt = self.plan.read().await;
        let began = Instant::now();
        let door = in_the_end(self.start(kind)).await;
        self.times.note("serve, until it serves", began.elapsed().as_millis());
        Tally::add(&self.tally.starts);
        Arc::new(door.unwrap_or_else(|| panic!("a gateway does not start:\n{}", self.house.log())))
    }

    async fn start(&self, kind: Kind) -> Option<Door> {
        match kind {
            Kind::Http => {
                let mut serve = self.serve(kind);
                super::web::Web::start(&mut serve, &self.house.folder().join("log")).await.map(Door::Http)
            }
            Kind::Stdio(era) => {
                let gateway = Gateway::spawn(&mut self.serve(kind));
                Line::greet(&gateway, era).await?;
                Some(Door::Stdio(gateway, era))
            }
        }
    }

    /// Asks a gateway to end, which it does in good order.
    pub(super) async fn stop(&self, door: &Door) {
        let began = Instant::now();
        let ended = in_the_end(door.end()).await;
        assert!(ended.success(), "a gateway ended with {ended}:\n{}", self.house.log());
        self.times.note("serve, until it has ended", began.elapsed().as_millis());
        Tally::add(&self.tally.stops);
    }

    /// The command of a gateway, not yet started.
    pub(super) fn serve(&self, kind: Kind) -> Command {
        match kind {
            Kind::Http => self.house.interlock(&["serve", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]),
            Kind::Stdio(_) => self.house.interlock(&["serve"]),
        }
    }

    /// Sends clients to a gateway: over HTTP, of both eras.
    pub(super) fn set_to_work(&self, door: &Arc<Door>, at_work: &mut JoinSet<()>, dice: &mut Dice) {
        for nth in 0..CLIENTS {
            let era = if nth % 2 == 0 { Era::Legacy } else { Era::Modern };
            at_work.spawn(load(self.crowd.clone(), door.clone(), era, Dice::new(dice.below(u64::MAX))));
        }
    }
}
