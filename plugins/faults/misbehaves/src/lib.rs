//! A policy that misbehaves as it is told, by its settings or by the call's argument `how`: for tests of what the host
//! does about it.

mod answers;
mod how;
mod questions;

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};

use how::How;
use interlock_plugin::prelude::*;
use interlock_plugin::serde_json;

/// What the operator writes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What it does when it is asked to judge; unless given, what the argument `how` says.
    pub how: Option<How>,
    /// Whether it does so when it takes its settings already.
    #[serde(default)]
    pub at_once: bool,
}

/// The policy.
pub struct Misbehaves(Settings);

static CALLS: AtomicU32 = AtomicU32::new(0);

impl Policy for Misbehaves {
    type Settings = Settings;
    const NAME: &'static str = "misbehaves";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Misbehaves as it is told.";
    const CODES: &'static [&'static str] = &["told_to", "remembered"];

    fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
        if !settings.at_once {
            return Ok(Self(settings));
        }
        match settings.how.and_then(How::misdeed) {
            Some(misdeed) => misdeed.commit(),
            None => Err(vec![Problem::new("/how", "x".repeat(100 << 10)); 1000]),
        }
    }

    fn judge(&self, _: &Call, host: &dyn Host) -> Result<Verdict, Fault> {
        let told = || host.argument("/how").and_then(|how| serde_json::from_value(how).ok());
        let how = self.0.how.or_else(told).unwrap_or(How::Allow);
        if let Some(misdeed) = how.misdeed() {
            misdeed.commit();
        }
        if let Some(verdict) = answers::verdict(how) {
            return Ok(verdict);
        }
        match how {
            How::SpinInHostCalls => loop {
                black_box(host.argument("/none"));
            },
            How::SpinInArguments => loop {
                black_box(host.argument(""));
            },
            How::FloodLog => flood(host),
            How::FloodLogAndPanic => {
                flood(host);
                panic!("it was told to, after a flood");
            }
            How::ForgeLog => host.log(Level::Error, "one\n2026-01-01 INFO \u{1b}[31mall is well\r\u{7}"),
            How::Report => return Err(Fault::new("told_to", "it was told to")),
            How::LongReport => return Err(Fault::new("told_to", "x".repeat(512 << 10))),
            How::Remember => {
                if CALLS.fetch_add(1, Ordering::Relaxed) > 0 {
                    return Ok(Refusal::new("remembered", "There was a call before this one.").into());
                }
            }
            How::Dawdle => {
                black_box(host.count("**", None, 0));
                (0..10_000_000_u32).for_each(|turn| {
                    black_box(turn);
                });
            }
            _ => return Ok(questions::ask(how, host)),
        }
        Ok(Verdict::Allow)
    }

    fn rules(&self, _: &str) -> Vec<String> {
        match self.0.how {
            Some(How::LongRules) => vec!["x".repeat(256 << 10); 2],
            Some(How::ManyRules) => vec!["Be good.".to_owned(); 1000],
            Some(How::SpinInRules) => loop {
                black_box(0);
            },
            _ => Vec::new(),
        }
    }
}

fn flood(host: &dyn Host) {
    let line = "x".repeat(8 << 10);
    (0..200).for_each(|_| host.log(Level::Debug, &line));
}

interlock_plugin::export_policy!(Misbehaves);
