//! The ways in which the policy misbehaves.

use interlock_fault_misdeeds::Misdeed;
use interlock_plugin::prelude::*;

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
    /// Has the host write all arguments out, again and again.
    SpinInArguments,
    /// Panics.
    Panic,
    /// Panics with 1 MiB to say.
    LongPanic,
    /// Takes memory until there is none.
    Hoard,
    /// Calls itself until the stack ends.
    Recurse,
    /// Writes far more lines than it may, then allows.
    FloodLog,
    /// The same, then panics.
    FloodLogAndPanic,
    /// Logs what would look like another line, and colours it.
    ForgeLog,
    /// Gives a reason of 4 MiB.
    Megabytes,
    /// Gives a reason of 100 KiB.
    LongReason,
    /// Gives a code that is none.
    BadCode,
    /// Gives a code of 65 bytes.
    LongCode,
    /// Names a tool of 100 KiB that would unlock the call.
    LongUnlock,
    /// Names ten thousand tools that would.
    ManyUnlocks,
    /// Gives the longest wait that can be said.
    FarUnlock,
    /// Gives a time that is on no calendar.
    NoTime,
    /// Gives details that are no JSON.
    BadDetails,
    /// Gives details with a number that is too large for one.
    InfiniteDetails,
    /// Gives details that are ten thousand arrays in one another.
    DeepDetails,
    /// Gives details of 512 KiB.
    LongDetails,
    /// Gives details that would pass for another policy's refusal.
    PosingDetails,
    /// Says itself that it cannot judge.
    Report,
    /// Says so at great length.
    LongReport,
    /// Refuses the second and every later call, if it remembers the first.
    Remember,
    /// Looks at everything that has happened, takes its time, and allows.
    Dawdle,
    /// Asks, whatever was answered before.
    Ask,
    /// Asks twenty thousand roles.
    AskEveryone,
    /// Holds for as long as can be said, for calls that are none.
    Hold,
    /// Holds for twenty thousand calls.
    HoldForAll,
    /// Asks the history ten thousand different questions.
    ManyQuestions,
    /// Asks the history about a pattern of 512 KiB.
    LongQuestion,
    /// Asks it about equal arguments by the thousand.
    WideQuestion,
    /// Asks it about patterns, outcomes and arguments that are none, and allows.
    OddQuestions,
    /// Asks it for more than it gives, and refuses if it gives more than it says.
    GreedyQuestions,
    /// Asks it to compare with what is no JSON.
    BadQuestion,
    /// Tells rules by the megabyte.
    LongRules,
    /// Tells a thousand rules.
    ManyRules,
    /// Never comes back from telling its rules.
    SpinInRules,
}

impl How {
    /// The misdeed that it is, if it is one that needs nothing of the host.
    pub fn misdeed(self) -> Option<Misdeed> {
        Some(match self {
            Self::Spin => Misdeed::Spin,
            Self::Panic => Misdeed::Panic,
            Self::LongPanic => Misdeed::LongPanic,
            Self::Hoard => Misdeed::Hoard,
            Self::Recurse => Misdeed::Recurse,
            _ => return None,
        })
    }
}
