//! The only wrapper of wasmtime: loads components, snapshots them configured, runs each call in a fresh instance.

mod config;

pub use config::{ComponentSource, Limits};
