//! The servers behind the gateway: one seam, three kinds, one catalogue of what they offer.
//!
//! `server` is the seam, `link` the way back to the client while a request is open, `catalogue` what the gateway and
//! the mediator look things up in. An MCP server is a [`McpServer`]: `keeper` connects and reconnects it over a
//! child's pipes (`stdio`) or HTTP (`http`, and `login` where it wants a token), `connection` carries one request, `input` asks the client on behalf of a
//! modern server. Below all of them the `switchboard` sees the raw messages in wire order and rmcp does the rest, but
//! for the requests to modern HTTP servers, which go straight to the socket (`stateless`).

mod announcement;
mod catalogue;
mod client;
mod config;
mod connection;
mod exchange;
#[cfg(feature = "fuzzing")]
pub mod fuzz;
mod http;
mod input;
mod keeper;
mod lines;
mod link;
mod login;
mod offers;
mod outlet;
mod param_headers;
mod salvage;
mod sending;
mod server;
mod stateless;
mod status;
mod stdio;
mod switchboard;
mod task;
mod toolset;

pub use announcement::{Announcement, Announcements};
pub use catalogue::{Catalogue, Clash};
pub use client::McpServer;
pub use config::{ClientCredentials, ClientProof, Reach, ServerConfig, Settings, TokenSource};
pub use lines::{Heard, read_line};
pub use link::{FromServer, Link, Resume, RpcError, takes_forms};
pub use offers::digest;
pub use param_headers::param_headers;
pub use salvage::{Salvage, Salvaged};
pub use server::{Offers, ServerError, Tool, ToolServer};
pub use status::{State, Status};
pub use task::{TASKS, TaskEnd, declares_tasks, task_end, task_id, without_tasks};
pub use toolset::Toolset;
