//! How a server is, for operators.

use crate::clock::Timestamp;

/// One server's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its name in the configuration.
    pub name: String,
    /// `stdio`, `http` or `toolset`.
    pub kind: &'static str,
    /// Whether it can be called.
    pub state: State,
    /// Protocol revision spoken with it; empty until connected, and for a toolset.
    pub protocol: String,
    /// How many tools it offers.
    pub tools: usize,
    /// Since when it has been in that state.
    pub since: Timestamp,
    /// Its tools that AI apps do not see, because an earlier server has one of the same exposed name.
    pub shadowed: Vec<String>,
}

/// Whether a server can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is being connected to for the first time.
    Connecting,
    /// It can.
    Ready,
    /// It cannot; it is tried again and again.
    Away {
        /// Why, for the operator.
        reason: String,
    },
}
