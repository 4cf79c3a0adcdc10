//! What stands behind the AI's door: the mediator for tool calls, the catalogue for everything else.

use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use serde_json::{Map, Value};
use tokio::sync::{broadcast, watch};

use crate::{
    call::{Caller, ToolName},
    downstream::{Announcement, Link, RpcError, ServerError},
    gateway::{Behind, Offered},
    journal::JournalError,
    mediation::{Answer, CallRequest, Mediator},
    sessions::Sessions,
    tasks::Tasks,
};

/// Announcements that a slow client may lag behind by before it is told to list everything anew.
const ANNOUNCEMENTS: usize = 256;

/// The running house, as the gateway sees it. Clones share everything.
#[derive(Clone, Debug)]
pub struct House(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    mediators: watch::Receiver<Mediator>,
    sessions: Sessions,
    /// The tools with their rules, as last announced.
    tools: ArcSwap<Vec<Arc<Value>>>,
    announced: broadcast::Sender<Announcement>,
}

impl House {
    /// Opens the house: from now on its list of tools follows its servers' and policies'. The following ends with `tasks`.
    pub async fn open(mediators: watch::Receiver<Mediator>, sessions: Sessions, tasks: &Tasks) -> Self {
        let mediator = mediators.borrow().clone();
        let heard = mediator.catalogue().announcements();
        let tools = ArcSwap::from_pointee(listed(&mediator).await);
        let house =
            Self(Arc::new(Inner { mediators, sessions, tools, announced: broadcast::Sender::new(ANNOUNCEMENTS) }));
        let (follower, stopping) = (house.clone(), tasks.stopping());
        tasks.spawn("house", async move {
            tokio::select! {
                () = follower.follow(heard) => {}
                () = stopping.cancelled() => {}
            }
        });
        house
    }

    /// The line that a call takes that comes in now.
    fn mediator(&self) -> Mediator {
        self.0.mediators.borrow().clone()
    }

    /// Hands servers' announcements on, each after what it announces can be seen, and follows what operators accept.
    async fn follow(&self, mut heard: broadcast::Receiver<Announcement>) {
        let mut mediators = self.0.mediators.clone();
        let mut pinned = 0;
        loop {
            let news = tokio::select! {
                news = heard.recv() => match news {
                    Ok(news) => vec![news],
                    // Whatever was missed: say that everything may be different.
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        vec![Announcement::ToolsChanged, Announcement::PromptsChanged, Announcement::ResourcesChanged]
                    }
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                Ok(()) = mediators.changed() => vec![Announcement::ToolsChanged],
                revision = self.pins_moved(pinned) => {
                    pinned = revision;
                    vec![Announcement::ToolsChanged]
                }
            };
            for one in news {
                if one == Announcement::ToolsChanged && !self.list_again().await {
                    continue;
                }
                // An error means that no client is connected.
                drop(self.0.announced.send(one));
            }
        }
    }

    /// Makes the list of tools anew; false if it is as it was, because what has changed is held back.
    async fn list_again(&self) -> bool {
        let tools = listed(&self.mediator()).await;
        if tools == **self.0.tools.load() {
            return false;
        }
        self.0.tools.store(Arc::new(tools));
        true
    }

    /// Waits until the pinned definitions are others; for ever where there are none.
    async fn pins_moved(&self, since: u64) -> u64 {
        let pins = self.mediator().pins().cloned();
        match pins {
            Some(pins) => pins.moved(since).await,
            None => std::future::pending().await,
        }
    }
}

/// The tools as AI apps see them, once it is on record what their servers show.
async fn listed(mediator: &Mediator) -> Vec<Arc<Value>> {
    if let Err(error) = mediator.sight().await {
        tracing::warn!(%error, "the definitions of tools could not be recorded");
    }
    mediator.tools().await
}

/// What a client is told of a request that failed.
fn told(error: ServerError, method: &str) -> RpcError {
    match error {
        ServerError::Rpc(error) => error,
        // Nothing but tool calls has an outcome to be careful about: it may simply be asked again.
        error @ (ServerError::Unavailable { .. } | ServerError::Cancelled | ServerError::Lost { .. }) => {
            tracing::warn!(%error, method, "a request could not be served");
            RpcError { code: -32603, message: "the server is not available at the moment".to_owned(), data: None }
        }
    }
}

/// What a client is told where the journal fails.
fn unrecorded(error: &JournalError) -> RpcError {
    tracing::error!(%error, "a session could not be looked up or recorded");
    RpcError { code: -32603, message: "the journal is not available; try again later".to_owned(), data: None }
}

#[async_trait]
impl Behind for House {
    fn tools(&self) -> Arc<Vec<Arc<Value>>> {
        self.0.tools.load_full()
    }

    fn tool(&self, name: &str) -> Option<ToolName> {
        self.mediator().catalogue().find(name).map(|(_, tool)| tool.name)
    }

    async fn call(&self, request: CallRequest, link: Link) -> Answer {
        self.mediator().call(request, link).await
    }

    async fn request(&self, method: &str, params: Value, link: Link) -> Result<Value, RpcError> {
        self.mediator().catalogue().request(method, params, link).await.map_err(|error| told(error, method))
    }

    async fn task(
        &self,
        method: &str,
        params: Map<String, Value>,
        caller: Caller,
        link: Link,
    ) -> Result<Value, RpcError> {
        self.mediator().task(method, params, &caller, link).await.map_err(|error| told(error, method))
    }

    async fn current_session(&self, principal: &str) -> Result<String, RpcError> {
        self.0.sessions.current(principal).await.map_err(|error| unrecorded(&error))
    }

    async fn session_opened(&self, id: &str, principal: &str, client: Value) -> Result<(), RpcError> {
        self.0.sessions.opened(id, principal, client).await.map_err(|error| unrecorded(&error))
    }

    async fn session_taken_up(&self, id: &str, principal: &str) -> Result<Option<Value>, RpcError> {
        self.0.sessions.taken_up(id, principal).await.map_err(|error| unrecorded(&error))
    }

    async fn session_ended(&self, id: &str, principal: &str) {
        if let Err(error) = self.0.sessions.ended(id, principal).await {
            tracing::warn!(%error, "the end of a session could not be recorded");
        }
    }

    fn offered(&self) -> Offered {
        let mediator = self.mediator();
        let catalogue = mediator.catalogue();
        Offered { capabilities: catalogue.capabilities(), instructions: catalogue.instructions() }
    }

    fn announcements(&self) -> broadcast::Receiver<Announcement> {
        self.0.announced.subscribe()
    }
}
