//! The only wrapper of wasmtime: loads components, snapshots them configured, runs each call in a fresh instance.
//!
//! Nothing of a guest is trusted: what it imports is checked before it is compiled, what it may use is bounded, what it
//! answers is converted and bounded, and whatever goes wrong in it is a [`Fault`].

mod cache;
mod config;
mod engine;
mod facts;
mod fault;
mod generation;
mod guest;
mod plugin;
mod running;
mod shape;
mod shelf;
mod since_v0_1_0;
mod since_v0_2_0_draft;
mod snapshot;
mod standard;
mod stored;
mod supply;
mod words;

#[cfg(feature = "fuzzing")]
pub use since_v0_1_0::fuzz;

pub use config::{ComponentSource, Limits};
pub use engine::Sandbox;
pub use facts::{FactsError, History, KeyValue};
pub use fault::{Fault, FaultKind, LoadError, Problem};
pub use plugin::{Finding, GuestTool, Isolation, Manifest, Plugin, ToolAnswer};
pub use shape::{Exports, Interfaces, MAX_BYTES, exports, interfaces};
pub use shelf::Shelf;
pub use standard::standard_plugins;
pub use stored::sha256;
pub use supply::{Component, Supply, signature_of};
