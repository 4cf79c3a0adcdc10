//! What an audit asks for.

use super::Sequence;
use crate::{call::Outcome, clock::Timestamp};

/// Which events to read. Everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Only events after this position.
    pub after: Sequence,
    /// Only events before this position.
    pub before: Option<Sequence>,
    /// Only these kinds; `call.*` stands for all that begin so. Empty: all kinds.
    pub kinds: Vec<String>,
    /// Only events about this.
    pub subject: Option<String>,
    /// Only events about this call, and about the approvals that it waited for.
    pub call: Option<String>,
    /// Only events about calls of tools that fit this pattern (`server/tool`).
    pub tool: Option<String>,
    /// Only events about calls of this principal.
    pub principal: Option<String>,
    /// Only events about calls in this session.
    pub session: Option<String>,
    /// Only events at this time or later.
    pub since: Option<Timestamp>,
    /// Only events before this time.
    pub until: Option<Timestamp>,
    /// Only events about calls that stand so now.
    pub outcome: Option<Outcome>,
    /// At most so many; 0 stands for 1,000, the most that one reading returns.
    pub limit: usize,
    /// The last first.
    pub newest_first: bool,
}
