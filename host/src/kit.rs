//! What authors of plugins work with: a new folder, its component, its cases.
//!
//! Nothing here serves a call. The command line's `plugin` verbs print what this module finds out.

mod bench;
mod build;
mod case;
mod cases;
mod diff;
mod error;
mod files;
mod inspect;
mod language;
mod new;
mod past;
mod shipping;
mod signing;
mod target;
mod trial;
mod update;
mod words;

pub use bench::{Bench, Cost, bench};
pub use build::{Built, build};
pub use case::Case;
pub use cases::{CaseProblem, Cases};
pub use diff::{Changes, Set, SettingChange, changes};
pub use error::KitError;
pub use inspect::{Inspection, Running, inspect};
pub use language::{Kind, Language};
pub use new::new;
pub use shipping::{pull, pull_into, push};
pub use signing::{Pair, check, generate, sign, signature_by};
pub use target::Target;
pub use trial::{CaseResult, Got, LIMITS, Report, run};
pub use update::update;
