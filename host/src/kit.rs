//! What authors of plugins work with: a new folder, its component, its cases.
//!
//! Nothing here serves a call. The command line's `plugin` verbs print what this module finds out.

mod build;
mod case;
mod cases;
mod error;
mod files;
mod language;
mod new;
mod past;
mod target;
mod trial;
mod update;

pub use build::{Built, build};
pub use case::Case;
pub use cases::{CaseProblem, Cases};
pub use error::KitError;
pub use language::{Kind, Language};
pub use new::new;
pub use target::Target;
pub use trial::{CaseResult, Got, LIMITS, Report, run};
pub use update::update;
