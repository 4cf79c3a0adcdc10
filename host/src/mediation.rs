//! The call path: one call from request to answer. Read `mediator.rs` first.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod admitting;
mod asking;
mod committing;
mod config;
mod deferred;
mod explain;
mod mediator;
mod pinning;
mod records;
mod refusing;
mod repeating;
mod request;
mod sending;
mod stopping;
mod through_client;
mod waiting;
mod wording;

pub use config::{Config, HEARTBEAT};
pub use explain::{Explanation, Judged};
pub use mediator::Mediator;
pub use refusing::Refused;
pub use repeating::{Derivation, is_idempotency_key};
pub use request::{Answer, CallRequest};
pub use through_client::{ClientAnswer, ClientQuestion};
