//! `interlock serve`: the AI's door, on standard input and output or over HTTP.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::{
    arguments::{Global, Serve},
    error::{Failure, Kind},
    output::tell,
    running::{block_on, configuration, with_app},
};
use crate::{
    app::{App, House, Keyring, Reception},
    config::{Admin, Config},
    gateway::{self, Authenticate, Gateway},
    identity::Pepper,
    sessions::Sessions,
    tasks::Tasks,
};

/// Serves until the client hangs up, or the process is told to end.
pub(super) fn run(global: &Global, asked: &Serve) -> Result<(), Failure> {
    let mut config = configuration(global)?;
    if let Some(address) = asked.admin {
        if !address.ip().is_loopback() && !config.http_keys {
            let message =
                format!("`--admin {address}` is reachable from other machines, and there is no authentication");
            let hint = "listen on 127.0.0.1 or [::1], or write `\"auth\": {\"keys\": true}`.";
            return Err(Failure::new(Kind::Config, message).hint(hint));
        }
        config.admin = Admin { listen: address, said: true, ..config.admin };
    }
    if let Some(address) = asked.http
        && !address.ip().is_loopback()
        && !config.asks_for_credentials()
    {
        let message = format!("`--http {address}` is reachable from other machines, and there is no authentication");
        return Err(Failure::new(Kind::Config, message)
                .hint("listen on 127.0.0.1 or [::1], or write `\"auth\": {\"keys\": true}` and make keys with `interlock keys create`, or take an issuer's tokens with `\"auth\": {\"jwt\": …}`."));
    }
    block_on(with_app(&config, Some("serve"), async |app| {
        let doors = app.doors();
        let sessions = Sessions::new(app.journal.clone(), config.session_idle);
        let house = House::open(app.mediators(), sessions, &doors).await;
        app.watch(&doors);
        let seal =
            Pepper::read_or_make(&config.journal.seal()).context("what clients come back with cannot be sealed")?;
        let listener = match asked.http {
            None => {
                tell("interlock serves MCP on standard input and output");
                None
            }
            Some(address) => {
                let listener =
                    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
                let bound = listener.local_addr().context("the listener has no address")?;
                Some((listener, bound))
            }
        };
        // On stdio, what is on standard error is for the AI app to see.
        let (people, said) = open_to_people(&app, &config, &doors, listener.is_some()).await?;
        if let Some((_, bound)) = &listener {
            tell(&format!("interlock serves MCP at http://{bound}/mcp"));
        }
        said.iter().for_each(|said| tell(said));
        let approvals_page = people.map(|base| format!("{base}/approvals/"));
        let door = gateway::Config { key: seal.bytes().to_vec(), approvals_page, ..door(&config, asked.http) };
        let gateway = Gateway::new(door, Arc::new(house), app.clock.clone(), doors.clone())
            .context("the AI's door cannot be opened")?;
        match listener {
            None => tokio::select! {
                served = gateway::serve_stdio(&gateway, tokio::io::stdin(), tokio::io::stdout()) => {
                    served.context("the connection to the AI app failed")?;
                }
                () = told_to_end() => {}
            },
            Some((listener, _)) => {
                let known = Keyring::of(&config, &app, &doors).context("tokens cannot be checked")?;
                let known = known.map(|known| -> Arc<dyn Authenticate> { Arc::new(known) });
                let desk = Arc::new(Reception::new(app.journal.clone(), app.mediators()));
                let stopping = doors.stopping();
                tokio::select! {
                    served = gateway::serve_http(&gateway, known, desk, listener) => served.context("the HTTP door failed")?,
                    () = async { told_to_end().await; stopping.cancel(); std::future::pending().await } => {}
                }
            }
        }
        doors.stop(gateway::Config::default().grace).await;
        Ok(())
    }))
}

/// Opens the door for people, where there is to be one, and has those told who are to be. Returns where people reach it, if
/// they do, and what there is to say of it. `shown`: whoever reads standard error may come in.
async fn open_to_people(
    app: &Arc<App>,
    config: &Config,
    doors: &Tasks,
    shown: bool,
) -> Result<(Option<String>, Vec<String>), Failure> {
    let (mut base, mut said) = (None, Vec::new());
    if shown || config.admin.said {
        let listen = config.admin.listen;
        match TcpListener::bind(listen).await {
            Ok(listener) => {
                let bound = listener.local_addr().context("the listener has no address")?;
                let opened = app.open_to_people(config, (listener, bound), doors).await;
                let url = opened.context("it cannot be put on record where people are served")?;
                let through = if config.admin.url.is_some() { format!(", on {bound}") } else { String::new() };
                said.push(format!("interlock serves people at {url}/approvals{through}"));
                if shown && !config.http_keys {
                    let link = app.links().make("interlock", &url).await.context("a link into it cannot be made")?;
                    said.push(format!("come in, once and within 10 minutes, by {}", link.expose()));
                }
                base = Some(url);
            }
            Err(error) => {
                base = page_of_another(app).await?;
                match &base {
                    // The questions are the same.
                    Some(url) => said.push(format!(
                        "Note: people are not served at {listen} by this gateway, but at {url}/approvals by another."
                    )),
                    // Whoever has that address is none of ours: nobody is to be sent there.
                    None if config.admin.said => {
                        let message = format!("people cannot be served at {listen}: {error}");
                        let hint = "something else has that address, or an Interlock with another journal: name another in \
                                    `admin/listen`, or by --admin.";
                        return Err(Failure::new(Kind::Config, message).hint(hint));
                    }
                    None => said.push(format!(
                        "Note: people are not served at {listen}: {error}. `--admin ADDR` names another address."
                    )),
                }
                app.take_over_people(config, doors);
            }
        }
    }
    app.look_after_questions(config, base.clone(), doors);
    Ok((base, said))
}

/// Where another gateway of the same journal serves people. It may have begun in this very moment.
async fn page_of_another(app: &App) -> Result<Option<String>, Failure> {
    for _ in 0..20 {
        if let Some(url) = app.page_of_another().await.context("the journal cannot be read")? {
            return Ok(Some(url));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(None)
}

fn door(config: &Config, address: Option<SocketAddr>) -> gateway::Config {
    let mut hosts = gateway::Config::default().hosts;
    hosts.extend(config.hosts.iter().cloned());
    // What it listens on is a name that it goes by.
    let own = address.map(|address| address.ip()).filter(|ip| !ip.is_unspecified());
    hosts.extend(own.map(|ip| if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() }));
    gateway::Config {
        hosts,
        resource: config.jwt.as_ref().map(|jwt| jwt.resource.clone()),
        roles: config.local.roles.clone(),
        rate: config.rate,
        most_connections: config.connections,
        ..gateway::Config::default()
    }
}

/// Ctrl-C or SIGTERM.
async fn told_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    drop(tokio::signal::ctrl_c().await);
}
