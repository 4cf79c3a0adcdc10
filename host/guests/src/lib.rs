//! Builds plugins in Rust: finds a toolchain, has cargo compile, and wraps core modules as components. For
//! `cargo xtask plugins`, which builds those that Interlock brings, and `interlock plugin build`, which builds anyone's.

mod component;
mod error;
mod toolchain;

pub use component::{Module, compile, wrap, write_if_changed};
pub use error::GuestError;
pub use toolchain::{DEBIAN_PACKAGES, TARGET, Toolchain, cargo};
