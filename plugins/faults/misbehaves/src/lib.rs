//! A policy that misbehaves as its settings say: for tests of what the host does about it.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};

use interlock_plugin::prelude::*;

/// What the operator writes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What it does when it is asked to judge.
    pub how: How,
    /// Whether it does so when it takes its settings already.
    #[serde(default)]
    pub at_once: bool,
}

/// Ways to go wrong.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum How {
    /// Not at all.
    Allow,
    /// Never comes back.
    Spin,
    /// Never comes back, and keeps the host busy too.
    SpinInHostCalls,
    /// Panics.
    Panic,
    /// Takes memory until there is none.
    Hoard,
    /// Calls itself until the stack ends.
    Recurse,
    /// Writes far more lines than it may, then allows.
    FloodLog,
    /// Gives a reason of 4 MiB.
    Megabytes,
    /// Gives a code that is none.
    BadCode,
    /// Gives details that are no JSON.
    BadDetails,
    /// Gives details that would pass for another policy's refusal.
    PosingDetails,
    /// Says itself that it cannot judge.
    Report,
    /// Refuses the second and every later call, if it remembers the first.
    Remember,
    /// Looks at everything that has happened, takes its time, and allows.
    Dawdle,
}

/// The policy.
pub struct Misbehaves(Settings);

static CALLS: AtomicU32 = AtomicU32::new(0);

impl Policy for Misbehaves {
    type Settings = Settings;
    const NAME: &'static str = "misbehaves";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Misbehaves as it is told.";
    const CODES: &'static [&'static str] = &["megabytes", "bad_details", "remembered"];

    fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
        if settings.at_once {
            match settings.how {
                How::Spin => spin(),
                How::Hoard => hoard(),
                _ => panic!("it was told to"),
            }
        }
        Ok(Self(settings))
    }

    fn judge(&self, _: &Call, host: &dyn Host) -> Result<Verdict, Fault> {
        match self.0.how {
            How::Allow => {}
            How::Spin => spin(),
            How::SpinInHostCalls => loop {
                black_box(host.argument("/none"));
            },
            How::Panic => panic!("it was told to"),
            How::Hoard => hoard(),
            How::Recurse => {
                black_box(recurse(0));
            }
            How::FloodLog => {
                let line = "x".repeat(8 << 10);
                (0..200).for_each(|_| host.log(Level::Debug, &line));
            }
            How::Megabytes => return Ok(Refusal::new("megabytes", "x".repeat(4 << 20)).into()),
            How::BadCode => return Ok(Refusal::new("Not a code!", "No.").into()),
            How::BadDetails => {
                let mut refusal = Refusal::new("bad_details", "No.");
                refusal.details = Some("{\"half\": ".to_owned());
                return Ok(refusal.into());
            }
            How::PosingDetails => {
                return Ok(Refusal::new("bad_details", "No.").details(&json!({"policy": "another"})).into());
            }
            How::Report => return Err(Fault::new("told_to", "it was told to")),
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
        }
        Ok(Verdict::Allow)
    }
}

fn spin() -> ! {
    loop {
        black_box(0);
    }
}

fn hoard() -> ! {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1_u8; 1 << 20]));
    }
}

/// Each turn keeps something on the stack that is needed afterwards, so that it cannot become a loop.
#[expect(unconditional_recursion, reason = "that is what it is for")]
fn recurse(depth: u64) -> u64 {
    let kept = black_box([depth; 32]);
    recurse(depth + 1) + kept.iter().sum::<u64>()
}

interlock_plugin::export_policy!(Misbehaves);
