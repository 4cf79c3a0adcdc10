//! The servers behind the gateway: one seam, three kinds, one catalogue of what they offer.

mod config;
mod link;
mod server;

pub use config::{Reach, ServerConfig};
pub use link::{FromServer, Link, Resume, RpcError};
pub use server::{Offers, ServerError, Tool, ToolServer};
