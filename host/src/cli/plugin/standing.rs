//! `interlock plugin list`, `show`, `promote` and `rollback`: which component judges for each policy, and which did before.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use crate::{
    app::{Candidate, Promotion, PromotionError, Serving, candidate, promote, roll_back, serving},
    cli::{
        arguments::Global,
        error::{Failure, Kind},
        output::{Table, print, print_json, tell},
        running::{CLOSE, block_on, configuration_or_journal, journal},
    },
    config::{Config, Problems},
    journal::{Journal, JournalError},
    policy::{Mode, Standing},
    sandbox::Shelf,
    trust::KeyError,
};

/// Which policy.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The policy's name.
    policy: String,
}

/// Which policy, and whose doing it is.
#[derive(Debug, Args)]
pub(super) struct Promote {
    /// The policy's name.
    policy: String,
    /// Who says so.
    #[arg(long = "as", value_name = "NAME", default_value = "operator")]
    by: String,
}

/// Which policy, to which component, and whose doing it is.
#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// The policy's name.
    policy: String,
    /// The beginning of the component's digest; the one that was in force before this one unless given.
    #[arg(long, value_name = "DIGEST")]
    to: Option<String>,
    /// Who says so.
    #[arg(long = "as", value_name = "NAME", default_value = "operator")]
    by: String,
}

/// How long gateways are waited for, which have nothing to do but to load one component that was loaded before.
const TAKEN_OVER: Duration = Duration::from_secs(10);
/// Time between two looks at what they go by.
const LOOK: Duration = Duration::from_millis(20);
/// The mode of what is judged and does not count, as gateways put it down.
const CANDIDATE: &str = Mode::Candidate.word();
/// Digits of a digest that tables have.
const DIGITS: usize = 12;

/// What the journal tells of one policy.
struct Told {
    policy: String,
    standing: Standing,
    candidate: Option<Candidate>,
    kept: Vec<String>,
}

impl Told {
    async fn of(journal: &Journal, policy: &str) -> Result<Self, Failure> {
        Ok(Self {
            policy: policy.to_owned(),
            standing: Standing::of(journal, policy).await.context("the journal cannot be read")?,
            candidate: candidate(journal, policy).await.context("the journal cannot be read")?,
            kept: Shelf::new(journal.components())
                .list(policy)
                .await
                .context("the components that are kept cannot be read")?,
        })
    }

    fn json(&self) -> Value {
        json!({
            "policy": self.policy,
            "component": self.standing.counts,
            "taken_back": self.standing.taken_back,
            "candidate": self.candidate,
            "kept": self.kept,
        })
    }
}

/// Prints every policy of the configuration with the component that counts, its candidate, and what gateways do not use.
pub(super) fn list(global: &Global) -> Result<(), Failure> {
    let config = configuration_or_journal(global)?;
    block_on(async {
        let (journal, _) = journal(&config).await?;
        let made = async {
            let gateways = serving(&journal).await.context("the journal cannot be read")?;
            let mut table =
                Table::new(&["policy", "mode", "component", "taken_back", "candidate", "diverged", "not_usable"]);
            for (name, mode) in policies(&config, &gateways) {
                let told = Told::of(&journal, &name).await?;
                let short = |digest: &str| Value::from(digest.chars().take(DIGITS).collect::<String>());
                let of_it = |kept: &&Value| kept.get("name").and_then(Value::as_str) == Some(&name);
                let unusable: Vec<&Value> = gateways
                    .iter()
                    .flat_map(|one| one.kept.iter().filter(of_it))
                    .filter_map(|kept| kept.get("reason"))
                    .collect();
                table.row([
                    name.clone().into(),
                    mode.into(),
                    told.standing.counts.as_deref().map_or(Value::Null, short),
                    told.standing.taken_back.as_deref().map_or(Value::Null, short),
                    told.candidate.as_ref().map_or(Value::Null, |candidate| short(&candidate.component)),
                    told.candidate.as_ref().map_or(Value::Null, |candidate| candidate.diverged.len().into()),
                    unusable.first().map_or(Value::Null, |reason| (*reason).clone()),
                ]);
            }
            Ok::<_, Failure>(table)
        };
        let table = made.await;
        journal.close(CLOSE).await;
        table?.print(global.json)
    })
}

/// The policies' names and modes: those of the configuration, or, where it tells of none, those that gateways go by.
fn policies(config: &Config, gateways: &[Serving]) -> Vec<(String, String)> {
    let written = config.policies.iter().map(|policy| (policy.name.clone(), policy.mode.word().to_owned()));
    let mut all: Vec<(String, String)> = written.collect();
    if all.is_empty() {
        let in_force = gateways.iter().flat_map(|gateway| &gateway.policies);
        let named = in_force.map(|policy| (text(policy, "policy"), text(policy, "mode")));
        all.extend(named.filter(|(_, mode)| mode != CANDIDATE));
        all.sort();
        all.dedup();
    }
    all
}

/// A text in one policy of a gateway's list.
fn text(policy: &Value, key: &str) -> String {
    policy.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Prints one policy's component, its candidate with the calls that it judged otherwise, and what can be gone back to.
pub(super) fn show(global: &Global, asked: &Show) -> Result<(), Failure> {
    let config = configuration_or_journal(global)?;
    block_on(async {
        let (journal, _) = journal(&config).await?;
        let told = Told::of(&journal, &asked.policy).await;
        journal.close(CLOSE).await;
        let told = told?;
        if told.standing.counts.is_none() {
            return Err(PromotionError::Unknown(asked.policy.clone()).into());
        }
        if global.json { print_json(&told.json()) } else { print(&page(&told)) }
    })
}

fn page(told: &Told) -> String {
    let mut text = format!("policy      {}\n", told.policy);
    let mut line = |key: &str, value: &str| text.push_str(&format!("{key:<11} {value}\n"));
    line("component", told.standing.counts.as_deref().unwrap_or("none"));
    if let Some(taken_back) = &told.standing.taken_back {
        line("taken back", taken_back);
    }
    if let Some(candidate) = &told.candidate {
        line("candidate", &format!("{} since {}", candidate.component, candidate.since));
        for diverged in &candidate.diverged {
            let field = |at: &str| diverged.pointer(at).and_then(Value::as_str).unwrap_or_default();
            let said = |nth: usize| {
                let (verdict, code) = (field(&format!("/judged/{nth}/verdict")), field(&format!("/judged/{nth}/code")));
                if code.is_empty() { verdict.to_owned() } else { format!("{verdict} ({code})") }
            };
            line(
                "diverged",
                &format!("{} {}: {}, the candidate: {}", field("/call"), field("/tool"), said(0), said(1)),
            );
        }
    }
    told.kept.iter().for_each(|kept| line("kept", kept));
    text
}

/// Puts a policy's candidate in force.
pub(super) fn put_in_force(global: &Global, asked: &Promote) -> Result<(), Failure> {
    let config = configuration_or_journal(global)?;
    change(&config, global.json, async |journal| promote(journal, &asked.policy, &asked.by).await)
}

/// Puts an earlier component of a policy in force again.
pub(super) fn take_back(global: &Global, asked: &Rollback) -> Result<(), Failure> {
    let config = configuration_or_journal(global)?;
    let wrong = |(number, error): &(usize, KeyError)| config.key_problem(*number, error);
    let trust = config.trust.trust().map_err(|all| Problems(all.iter().map(wrong).collect()))?;
    let (policy, to) = (&asked.policy, asked.to.as_deref());
    change(&config, global.json, async |journal| roll_back(journal, &trust, policy, to, &asked.by).await)
}

/// Makes a change, and waits until every gateway goes by it.
fn change(
    config: &Config,
    as_json: bool,
    change: impl AsyncFnOnce(&Journal) -> Result<Promotion, PromotionError>,
) -> Result<(), Failure> {
    block_on(async {
        let (journal, _) = journal(config).await?;
        let changed = async {
            let changed = change(&journal).await?;
            let late = late(&journal, &changed).await.context("the journal cannot be read")?;
            Ok::<_, Failure>((changed, late))
        };
        let changed = changed.await;
        journal.close(CLOSE).await;
        let (changed, late) = changed?;
        if as_json {
            let Promotion { policy, from, to } = &changed;
            print_json(&json!({ "policy": policy, "from": from, "to": to, "not_yet_in": late }))?;
        }
        let Promotion { policy, from, to } = changed;
        if !late.is_empty() {
            let pids = late.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
            let message =
                format!("policy {policy}: {to} is to be in force, and gateways go on with another: pid {pids}");
            return Err(Failure::new(Kind::Failed, message)
                .hint("`interlock status` tells why; `interlock stop` suspends calls meanwhile."));
        }
        if !as_json {
            tell(&format!("policy {policy}: {to} is in force in the place of {from}"));
        }
        Ok(())
    })
}

/// The gateways, by their process ids, that have the policy and have not taken the change over in time.
async fn late(journal: &Journal, changed: &Promotion) -> Result<Vec<u32>, JournalError> {
    let began = Instant::now();
    loop {
        let mut late = Vec::new();
        for gateway in serving(journal).await? {
            let of_it = |policy: &&Value| text(policy, "policy") == changed.policy && text(policy, "mode") != CANDIDATE;
            let goes_by = gateway.policies.iter().find(of_it).map(|policy| text(policy, "component"));
            late.extend(goes_by.is_some_and(|component| component != changed.to).then_some(gateway.pid));
        }
        if late.is_empty() || began.elapsed() >= TAKEN_OVER {
            return Ok(late);
        }
        tokio::time::sleep(LOOK).await;
    }
}

impl From<PromotionError> for Failure {
    fn from(error: PromotionError) -> Self {
        let hint = match &error {
            PromotionError::NoCandidate(_) => "`interlock plugin list` shows which policies have one.",
            PromotionError::Unknown(_) => {
                "a policy is known once a gateway has loaded it; `interlock plugin list` shows them."
            }
            PromotionError::NotKept { .. } | PromotionError::Unusable(_) => {
                "`interlock plugin show POLICY` lists what is kept."
            }
            PromotionError::Ambiguous(_) => "write more of the digest.",
            PromotionError::Shelf(_) | PromotionError::Journal(_) => return anyhow::Error::from(error).into(),
        };
        Failure::new(Kind::Failed, error.to_string()).hint(hint)
    }
}
