//! What authors of plugins work with: a new folder, its component, its cases.
//!
//! Nothing here serves a call. The command line's `plugin` verbs print what this module finds out.

mod build;
mod error;
mod files;
mod language;
mod new;

pub use build::{Built, build, component_of};
pub use error::KitError;
pub use language::{Kind, Language};
pub use new::new;
