//! The one who tells: looks what is untold, posts it in its order, tries again for a while, and puts down what came of it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::{
    News, Webhook, message,
    post::{Undelivered, client, post},
};
use crate::{
    approvals::{Approvals, ApprovalsError, Matter},
    clock::Timestamp,
    journal::{Event, Sequence},
};

/// How often it is looked whether there is something new.
const LOOK: Duration = Duration::from_millis(200);
/// After how many looks at the latest: time alone makes news too.
const LOOKS: u32 = 5;
/// The waits between attempts. Then it is given up, until the next start.
const WAITS: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// How often a process looks whether the one that tells has ended.
const SUCCESSION: Duration = Duration::from_secs(1);

/// Of which questions which webhooks could not be told.
type Silent = Arc<Mutex<HashMap<String, HashSet<String>>>>;

/// Tells the webhooks of all questions of a journal, for as long as it is not dropped. `base` is where the page for people is
/// reached, if it is.
///
/// Of the processes that have the same webhooks over one journal, one tells. What has been told is in the journal: whoever
/// comes after it goes on from there. A message may come twice, if a process dies right after it was sent; it has the same id.
///
/// # Errors
/// If requests cannot be made on this machine, or files not be locked.
pub async fn tell(approvals: Approvals, webhooks: Vec<Webhook>, base: Option<String>) -> Result<(), TellError> {
    let client = client()?;
    let mut names: Vec<String> = webhooks.iter().map(Webhook::channel).collect();
    names.sort();
    let name: String = Sha256::digest(names.join(" ")).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let _alone = loop {
        match approvals.journal().alone(&format!("telling-{name}")).map_err(ApprovalsError::from)? {
            Some(alone) => break alone,
            None => tokio::time::sleep(SUCCESSION).await,
        }
    };
    let (silent, since) = (Silent::default(), approvals.now());
    let tellers = webhooks.iter().map(|webhook| {
        Teller {
            approvals: &approvals,
            webhook,
            channel: webhook.channel(),
            since,
            base: base.as_deref(),
            client: &client,
            all: webhooks.len(),
            silent: silent.clone(),
            given_up: HashSet::new(),
            again: HashMap::new(),
        }
        .run()
    });
    join_all(tellers).await;
    Ok(())
}

/// Why nobody can be told.
#[derive(Debug, thiserror::Error)]
pub enum TellError {
    /// No requests can be made.
    #[error("requests to webhooks cannot be made")]
    Client(#[from] reqwest::Error),
    /// The journal cannot be used.
    #[error(transparent)]
    Approvals(#[from] ApprovalsError),
}

/// What is told to one webhook.
struct Teller<'a> {
    approvals: &'a Approvals,
    webhook: &'a Webhook,
    channel: String,
    /// Since when it is looked what there is to tell.
    since: Timestamp,
    base: Option<&'a str>,
    client: &'a reqwest::Client,
    /// How many webhooks there are.
    all: usize,
    silent: Silent,
    given_up: HashSet<(String, News)>,
    /// What was tried in vain: how often, and when it is tried again.
    again: HashMap<(String, News), (usize, Instant)>,
}

impl Teller<'_> {
    async fn run(mut self) {
        let (mut seen, mut looks) = (Sequence(0), 0_u32);
        loop {
            let journal = self.approvals.journal();
            let head = journal.head();
            let is_about = |event: &Arc<Event>| event.kind.starts_with("approval.");
            // What is no longer at hand may have been.
            let moved = head != seen && journal.since(seen).is_none_or(|events| events.iter().any(is_about));
            let due = self.again.values().any(|(_, at)| *at <= Instant::now());
            if moved || looks.is_multiple_of(LOOKS) || due {
                match self.look().await {
                    Ok(()) => seen = head,
                    Err(error) => tracing::error!(%error, "people could not be told of questions; it is tried again"),
                }
            }
            looks = looks.wrapping_add(1);
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Tells what is untold.
    async fn look(&mut self) -> Result<(), ApprovalsError> {
        let matters = self.approvals.matters().await?;
        let known: HashSet<&String> = matters.iter().map(|matter| &matter.id).collect();
        self.given_up.retain(|(id, _)| known.contains(id));
        self.again.retain(|(id, _), _| known.contains(id));
        self.silent().retain(|id, _| known.contains(id));
        let mut away = None;
        for matter in &matters {
            // One after the other: what became of a question is told after the question.
            for news in News::untold(matter, &self.channel, self.since, self.approvals.now()) {
                let is_wanted =
                    self.webhook.events.contains(&news) && !self.given_up.contains(&(matter.id.clone(), news));
                if is_wanted && !self.tell(matter, news, &mut away).await? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Tells one thing; false: what comes after it has to wait. `away`: nobody has answered just now, so this is not sent, and
    /// counts as tried.
    async fn tell(
        &mut self,
        matter: &Matter,
        news: News,
        away: &mut Option<Undelivered>,
    ) -> Result<bool, ApprovalsError> {
        let key = (matter.id.clone(), news);
        let before = self.again.get(&key).copied();
        if before.is_some_and(|(_, at)| at > Instant::now()) {
            return Ok(false);
        }
        let now = self.approvals.now();
        let link = self.base.map(|base| format!("{base}/approvals/{}", matter.id));
        let body = message::body(self.webhook.format, matter, news, link.as_deref(), now);
        let id = format!("{}.{}", matter.id, news.word());
        let Some(first) = matter.first() else { return Ok(true) };
        let posted = match away.take() {
            Some(away) => Err(away),
            None => post(self.client, self.webhook, &id, now, body).await,
        };
        let Err(error) = posted else {
            self.again.remove(&key);
            self.approvals.told(&first.id, &self.channel, news.word()).await?;
            return Ok(true);
        };
        let tried = before.map_or(0, |(tried, _)| tried);
        *away = Some(error.clone()).filter(|error| matches!(error, Undelivered::Away(_)));
        if let (Undelivered::Away(_) | Undelivered::Yet(_), Some(wait)) = (&error, WAITS.get(tried)) {
            self.again.insert(key, (tried + 1, Instant::now() + *wait));
            return Ok(false);
        }
        tracing::warn!(%error, channel = %self.channel, approval = %matter.id, news = news.word(), "people could not be told");
        self.again.remove(&key);
        self.given_up.insert(key);
        if news == News::Asked && self.nobody_is_left(&matter.id) {
            for approval in &matter.approvals {
                self.approvals.unreachable(&approval.id, "webhook", &error.to_string()).await?;
            }
        }
        Ok(false)
    }

    /// Takes note that this webhook could not be told of a question; whether none of all could.
    fn nobody_is_left(&self, id: &str) -> bool {
        let mut silent = self.silent();
        let of = silent.entry(id.to_owned()).or_default();
        of.insert(self.channel.clone());
        of.len() >= self.all
    }

    fn silent(&self) -> std::sync::MutexGuard<'_, HashMap<String, HashSet<String>>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
