//! The policies: loaded, asked in order, their verdicts put together.

mod config;

pub use config::{Match, Mode, OnFault, PolicyConfig};
