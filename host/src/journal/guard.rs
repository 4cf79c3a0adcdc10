//! The condition under which something may still be committed.

use std::fmt;

use super::{Event, Sequence};

/// A decision stands only if nothing that it looked at has changed since.
pub struct Guard {
    /// The version that was looked at.
    pub since: Sequence,
    /// Whether a later event changes anything that was seen.
    pub disturbed_by: Box<dyn Fn(&Event) -> bool + Send + Sync>,
}

impl Guard {
    /// Nothing was looked at: always holds.
    pub fn none() -> Self {
        Self { since: Sequence(u64::MAX), disturbed_by: Box::new(|_| false) }
    }

    /// Holds if both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let since = self.since.min(other.since);
        Self {
            since,
            disturbed_by: Box::new(move |event| {
                (event.seq > self.since && (self.disturbed_by)(event))
                    || (event.seq > other.since && (other.disturbed_by)(event))
            }),
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("since", &self.since).finish_non_exhaustive()
    }
}

/// What came of a guarded commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Committed {
    /// Durable; the position of the last event.
    At(Sequence),
    /// Something that was looked at has changed. Nothing was recorded.
    Conflict,
}

/// What came of an admission.
#[derive(Debug)]
#[must_use]
#[expect(clippy::large_enum_variant, reason = "it is looked into at once and never stored")]
pub enum Admission {
    /// The call may be sent.
    Admitted(super::Permit),
    /// Something that was looked at has changed. Nothing was recorded; judge again.
    Conflict,
}
