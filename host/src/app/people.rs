//! What a gateway does for the people who answer questions: it opens their door, tells them, and sees to it that others may
//! answer when they do not.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::net::TcpListener;

use super::{App, serving};
use crate::{
    admin::{self, Admin, Links},
    approvals::Approvals,
    config::Config,
    gateway,
    identity::Keys,
    journal::{Draft, JournalError, body, kind},
    listening::Bounds,
    notices,
    tasks::Tasks,
};

/// How often it is looked whether a question has been open for too long.
const LOOK: Duration = Duration::from_secs(1);
/// How often a gateway looks whether it can serve people in the place of another.
const TAKE_OVER: Duration = Duration::from_secs(2);
/// What may be open at the door for people.
const BOUNDS: Bounds = Bounds { most_connections: 128, head_wait: Duration::from_secs(30) };

impl App {
    /// The questions, as the line that calls take sees them.
    fn approvals(&self) -> Approvals {
        self.mediators().borrow().approvals().clone()
    }

    /// The links by which people come in.
    pub fn links(&self) -> Links {
        Links::new(self.journal.clone())
    }

    /// Serves the door for people on this socket, which is bound to this address, for as long as the tasks run. Returns where
    /// they reach it.
    ///
    /// # Errors
    /// If it cannot be put on record that it is served.
    pub async fn open_to_people(
        self: &Arc<Self>,
        config: &Config,
        (listener, bound): (TcpListener, SocketAddr),
        tasks: &Tasks,
    ) -> Result<String, JournalError> {
        let url = config.admin.url.clone();
        let base = url.clone().unwrap_or_else(|| format!("http://{bound}"));
        let mut hosts = gateway::Config::default().hosts;
        hosts.extend(config.hosts.iter().cloned());
        hosts.push(if bound.is_ipv6() { format!("[{}]", bound.ip()) } else { bound.ip().to_string() });
        let with_port = |host: &String| {
            if host.contains("]:") || (!host.starts_with('[') && host.contains(':')) {
                format!("http://{host}")
            } else {
                format!("http://{host}:{}", bound.port())
            }
        };
        // Only its own pages: another one on this machine has another port.
        let mut origins: Vec<String> = hosts.iter().map(with_port).collect();
        origins.extend(url.iter().cloned());
        hosts.extend(url.as_deref().and_then(|url| url.split_once("://")).map(|(_, host)| host.to_owned()));
        let secure = base.starts_with("https://");
        let keys = config.http_keys.then(|| Keys::new(self.journal.clone(), config.journal.pepper()));
        let admin = Admin::new(admin::Config { hosts, origins, secure, bounds: BOUNDS }, self.approvals(), keys);
        let connections = tasks.clone();
        tasks.spawn("admin", async move { admin::serve(&admin, listener, &connections).await });
        let opened = body::AdminOpened { url: base.clone(), keys: config.http_keys };
        let journal = &self.journal;
        journal.append(vec![Draft::new("interlock", kind::ADMIN_OPENED, journal.process(), &opened)?]).await?;
        Ok(base)
    }

    /// Serves people as soon as the address is free, for as long as the tasks run: whoever has it may end.
    pub fn take_over_people(self: &Arc<Self>, config: &Config, tasks: &Tasks) {
        let (app, config, doors, stopping) = (self.clone(), config.clone(), tasks.clone(), tasks.stopping());
        tasks.spawn("admin, later", async move {
            let taking_over = async {
                loop {
                    tokio::time::sleep(TAKE_OVER).await;
                    let Ok(listener) = TcpListener::bind(config.admin.listen).await else { continue };
                    let Ok(bound) = listener.local_addr() else { continue };
                    return app.open_to_people(&config, (listener, bound), &doors).await;
                }
            };
            match stopping.run_until_cancelled(taking_over).await {
                Some(Ok(url)) => tracing::info!(url, "people are served here by now"),
                Some(Err(error)) => tracing::error!(%error, "people cannot be served"),
                None => {}
            }
        });
    }

    /// Where another gateway of the same journal serves people, if one does.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn page_of_another(&self) -> Result<Option<String>, JournalError> {
        let gateways = serving(&self.journal).await?;
        Ok(gateways.into_iter().rev().find_map(|gateway| gateway.page).map(|page| page.url))
    }

    /// Takes note of questions that have been open for too long, and tells whom the configuration names, for as long as the tasks
    /// run. `base` is where people reach their door, if they do.
    pub fn look_after_questions(&self, config: &Config, base: Option<String>, tasks: &Tasks) {
        let (approvals, stopping) = (self.approvals(), tasks.stopping());
        tasks.spawn("escalations", async move {
            let noting = async {
                loop {
                    if let Err(error) = approvals.note_escalations().await {
                        tracing::error!(%error, "it could not be put down that a question is for others too by now");
                    }
                    tokio::time::sleep(LOOK).await;
                }
            };
            tokio::select! {
                () = noting => {}
                () = stopping.cancelled() => {}
            }
        });
        if config.webhooks.is_empty() {
            return;
        }
        let (approvals, webhooks, stopping) = (self.approvals(), config.webhooks.clone(), tasks.stopping());
        tasks.spawn("notices", async move {
            tokio::select! {
                told = notices::tell(approvals, webhooks, base) => {
                    if let Err(error) = told {
                        tracing::error!(%error, "people cannot be told of questions");
                    }
                }
                () = stopping.cancelled() => {}
            }
        });
    }
}
