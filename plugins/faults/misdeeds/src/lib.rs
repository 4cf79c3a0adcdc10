//! What bad guests of every kind do: the ways to go wrong that need nothing of the host.

use std::hint::black_box;

use schemars::JsonSchema;
use serde::Deserialize;

/// A way to go wrong.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Misdeed {
    /// Never comes back.
    Spin,
    /// Panics.
    Panic,
    /// Panics with 1 MiB to say.
    LongPanic,
    /// Takes memory until there is none.
    Hoard,
    /// Calls itself until the stack ends.
    Recurse,
}

impl Misdeed {
    /// Does it.
    pub fn commit(self) -> ! {
        match self {
            Self::Spin => loop {
                black_box(0);
            },
            Self::Panic => panic!("it was told to"),
            Self::LongPanic => panic!("it was told to go on and on{}", "!".repeat(1 << 20)),
            Self::Hoard => {
                let mut hoard = Vec::new();
                loop {
                    hoard.push(black_box(vec![1_u8; 1 << 20]));
                }
            }
            Self::Recurse => panic!("the stack has no end: {}", recurse(0)),
        }
    }
}

/// Each turn keeps something on the stack that is needed afterwards, so that it cannot become a loop.
#[expect(unconditional_recursion, reason = "that is what it is for")]
fn recurse(depth: u64) -> u64 {
    let kept = black_box([depth; 32]);
    recurse(depth + 1) + kept.iter().sum::<u64>()
}
