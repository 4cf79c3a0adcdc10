//! What approvals are told: how long a question lives, how long a client is kept waiting, and who comes in later.

use std::time::Duration;

/// Defaults of questions.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long a question stays open unless its policy says otherwise.
    pub expire: Duration,
    /// How long a client's request is held open for an answer before the client is told to call again.
    pub hold_open: Duration,
    /// Who may answer as well, once a question has been open for a while.
    pub escalate: Vec<Escalation>,
}

/// After a while, holders of another role may answer too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// The role that a question is for.
    pub from: String,
    /// The role whose holders may answer as well.
    pub to: String,
    /// After how long.
    pub after: Duration,
}
