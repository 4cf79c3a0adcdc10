//! What servers say that belongs to no request: changed lists, updated resources, stray log messages. For every client.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::broadcast;

/// News from the servers, for whoever is connected.
#[derive(Clone, Debug, PartialEq)]
pub enum Announcement {
    /// The tools on offer are others than before.
    ToolsChanged,
    /// The prompts on offer are others than before.
    PromptsChanged,
    /// The resources on offer are others than before.
    ResourcesChanged,
    /// A subscribed resource changed.
    ResourceUpdated {
        /// Which server said so.
        server: Arc<str>,
        /// URI of the resource.
        uri: String,
    },
    /// A log message that belongs to no request (parameters of `notifications/message`).
    Log {
        /// Which server said it.
        server: Arc<str>,
        /// Its parameters.
        params: Value,
    },
}

/// Where servers put their announcements. Clones share the listeners.
///
/// Holds the last 256; a listener that falls further behind is told so (`Lagged`) and should list everything again.
#[derive(Clone, Debug)]
pub struct Announcements(broadcast::Sender<Announcement>);

impl Announcements {
    /// Nobody listens yet.
    pub fn new() -> Self {
        Self(broadcast::channel(256).0)
    }

    /// Everything announced from now on.
    pub fn listen(&self) -> broadcast::Receiver<Announcement> {
        self.0.subscribe()
    }

    /// Tells everyone who listens.
    pub fn announce(&self, news: Announcement) {
        // An error means only that nobody listens.
        let _ = self.0.send(news);
    }
}

impl Default for Announcements {
    fn default() -> Self {
        Self::new()
    }
}
