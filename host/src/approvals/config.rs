//! What approvals are told: how long a question lives, how long a client is kept waiting.

use std::time::Duration;

/// Defaults of questions.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// How long a question stays open unless its policy says otherwise.
    pub expire: Duration,
    /// How long a client's request is held open for an answer before the client is told to call again.
    pub hold_open: Duration,
}
