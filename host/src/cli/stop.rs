//! `interlock stop` and `interlock resume`: suspends calls in every gateway at once, and lets them go on.

use anyhow::Context as _;
use interlock_glob::Glob;

use super::{
    approvals::user,
    arguments::{Global, Resume, Stop as Asked},
    error::{Failure, Kind},
    output::{Table, tell},
    running::{CLOSE, block_on, configuration_or_journal, journal},
};
use crate::{
    app::serving,
    config::Config,
    identity::Keys,
    journal::Journal,
    pins::Pins,
    stops::{Stop, Stops, StopsError},
};

/// Orders a stop, or lists those that are in force.
pub(super) fn stop(global: &Global, asked: &Asked) -> Result<(), Failure> {
    with_stops(global, async |stops, journal, config| {
        let Some(reason) = &asked.reason else {
            if asked.tool.is_some() || asked.principal.is_some() {
                let message = "a stop needs a reason: models are told, and so is whoever lifts it";
                return Err(Failure::new(Kind::Usage, message).hint("--reason TEXT."));
            }
            return table(&stops.list().await.map_err(failure)?, global.json);
        };
        if asked.principal.as_deref().is_some_and(|principal| principal.trim().is_empty()) {
            let message = "`--principal` is empty: nothing is suspended";
            return Err(Failure::new(Kind::Usage, message).hint("leave it out to suspend everybody's calls."));
        }
        let (tool, principal) = (asked.tool.as_ref().map(|tool| tool.as_str()), asked.principal.as_deref());
        if let Some(pattern) = tool.filter(|pattern| !pattern.contains('/') && !pattern.contains("**")) {
            let message = format!("`{pattern}` fits no tool: nothing is suspended");
            let hint = format!("tools are called `server/tool` here: write `*/{pattern}` for that tool of any server.");
            return Err(Failure::new(Kind::Usage, message).hint(hint));
        }
        let ordered = stops.order(&user(), tool, principal, reason).await.map_err(failure)?;
        let suspended = ordered.clone();
        table(&[ordered], global.json)?;
        if serving(journal).await.context("the journal cannot be read")?.is_empty() {
            tell(&format!(
                "Note: no gateway is running that uses the journal `{}`: it holds for those that start with it. One that was \
                 started with another `journal` goes on.",
                config.journal.path.display()
            ));
        }
        note_if_vain(journal, config, &suspended).await
    })
}

/// Lifts one stop, the only one, or all.
pub(super) fn resume(global: &Global, asked: &Resume) -> Result<(), Failure> {
    with_stops(global, async |stops, _, _| {
        let all = stops.list().await.map_err(failure)?;
        let chosen: Vec<String> = match (&asked.id, asked.all) {
            (Some(id), _) => all.iter().filter(|stop| stop.id.starts_with(id)).map(|stop| stop.id.clone()).collect(),
            (None, true) => all.iter().map(|stop| stop.id.clone()).collect(),
            (None, false) => match all.as_slice() {
                [only] => vec![only.id.clone()],
                [] => return Err(Failure::new(Kind::Failed, "no stop is in force")),
                _ => {
                    let message = format!("{} stops are in force", all.len());
                    return Err(
                        Failure::new(Kind::Usage, message).hint("name one of `interlock stop`, or write --all.")
                    );
                }
            },
        };
        match (&asked.id, chosen.as_slice()) {
            (Some(id), []) => return Err(failure(StopsError::NotFound(id.clone()))),
            (Some(id), [_, _, ..]) => {
                let message = format!("several stops begin with `{id}`");
                return Err(Failure::new(Kind::Usage, message).hint("give more of the id."));
            }
            _ => {}
        }
        stops.lift(&user(), &chosen).await.map_err(failure)?;
        table(&stops.list().await.map_err(failure)?, global.json)
    })
}

/// Tells of a stop that suspends nothing that is known, as a name with a mistake in it would.
async fn note_if_vain(journal: &Journal, config: &Config, stop: &Stop) -> Result<(), Failure> {
    if let Some(pattern) = &stop.tools {
        let pins = Pins::new(journal.clone()).list().await.context("the pinned tools cannot be read")?;
        if !pins.iter().any(|pin| Glob::new(pattern).matches(pin.tool.as_str())) {
            tell(&format!(
                "Note: `{pattern}` fits no tool that has been seen here; `interlock tools` lists those that there are."
            ));
        }
    }
    let Some(principal) = stop.principal.as_ref().filter(|principal| !principal.eq_ignore_ascii_case("local")) else {
        return Ok(());
    };
    let keys = Keys::new(journal.clone(), config.journal.pepper()).list().await.context("the keys cannot be read")?;
    // Whose tokens an issuer has given out, only the issuer knows.
    if !principal.contains('#') && !keys.iter().any(|key| key.name.to_lowercase() == principal.to_lowercase()) {
        tell(&format!(
            "Note: there is no key of the name `{principal}`; `interlock keys list` lists those that there are."
        ));
    }
    Ok(())
}

fn with_stops(
    global: &Global,
    work: impl AsyncFnOnce(&Stops, &Journal, &Config) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let config = configuration_or_journal(global)?;
    block_on(async {
        let (journal, _) = journal(&config).await?;
        let done = work(&Stops::new(journal.clone()), &journal, &config).await;
        journal.close(CLOSE).await;
        done
    })
}

fn table(stops: &[Stop], json: bool) -> Result<(), Failure> {
    let mut table = Table::new(&["id", "tools", "principal", "reason", "by", "since"]);
    for stop in stops {
        table.row([
            stop.id.clone().into(),
            stop.tools.clone().unwrap_or_else(|| "all".to_owned()).into(),
            stop.principal.clone().unwrap_or_else(|| "all".to_owned()).into(),
            stop.reason.clone().into(),
            stop.by.clone().into(),
            stop.at.to_string().into(),
        ]);
    }
    table.print(json)
}

fn failure(error: StopsError) -> Failure {
    match error {
        StopsError::NotFound(_) => {
            Failure::new(Kind::Failed, error.to_string()).hint("`interlock stop` lists those that are.")
        }
        StopsError::NoReason => Failure::new(Kind::Usage, error.to_string()),
        StopsError::Journal(_) => Failure::from(anyhow::Error::from(error)),
    }
}
