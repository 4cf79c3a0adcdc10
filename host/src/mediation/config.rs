//! What the call path is told.

use std::time::Duration;

/// How calls are treated on their way.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// How long a client's request is held open for a human's answer before the client is told to call again.
    pub hold_open: Duration,
    /// Whether the descriptions of guarded tools tell their rules.
    pub describe_rules: bool,
}
