//! The integration tests: one binary, one module per part of the house.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod abi;
mod accepting;
mod admin;
mod architecture;
mod attacks;
mod cases;
mod config;
mod demo;
mod downstream;
mod examples;
mod fidelity;
mod fire;
mod gateway;
mod idempotency;
mod interop;
mod journal;
mod keys;
mod kit;
mod logs;
mod mediation;
mod notices;
mod plugins;
mod registry;
mod rest;
mod sandbox;
mod sessions;
mod swap;
mod usage;
