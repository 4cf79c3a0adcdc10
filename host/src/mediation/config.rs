//! What the call path is told.

use std::time::Duration;

use super::Derivation;
use crate::{approvals::Escalation, identity::Pepper};

/// How often a waiting client hears from us. Many clients give up on a request after 60 s of silence.
pub const HEARTBEAT: Duration = Duration::from_secs(5);

/// How calls are treated on their way.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long a client's request is held open for a human's answer before the client is told to call again.
    pub hold_open: Duration,
    /// How long a question stays open whose policy does not say.
    pub expire: Duration,
    /// Who may answer a question as well, once it has been open for a while.
    pub escalate: Vec<Escalation>,
    /// How often a client that is kept waiting hears from us: see [`HEARTBEAT`].
    pub heartbeat: Duration,
    /// Whether the descriptions of guarded tools tell their rules.
    pub describe_rules: bool,
    /// Whether tools are held back whose definition is no longer the one that was seen first or accepted last.
    pub pin_tools: bool,
    /// What is on record of what was sent is digested by this; none: nothing is sent.
    pub seal: Option<Pepper>,
    /// From which arguments keys are made for calls that come without one; of several that fit a tool, the first.
    pub idempotency: Vec<Derivation>,
}
