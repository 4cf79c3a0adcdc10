//! Interlock: stands between AI apps and MCP servers; sandboxed policies decide every tool call, one journal tells
//! what happened.
//!
//! Read ARCHITECTURE.md first, then `mediation/mediator.rs`. The modules are listed in rank order: each imports only
//! those above it.

pub mod call;
pub mod clock;
pub mod listening;
pub mod oauth;
pub mod plain;
pub mod registry;
pub mod scope;
pub mod secret;
pub mod site;
pub mod tasks;
pub mod trust;
pub mod verdict;

pub mod journal;
pub mod sandbox;

pub mod approvals;
pub mod identity;
pub mod ledger;
pub mod pins;
pub mod sessions;
pub mod stops;

pub mod downstream;
pub mod notices;
pub mod policy;

pub mod mediation;

pub mod admin;
pub mod gateway;

pub mod config;

pub mod app;
pub mod kit;

pub mod cli;
