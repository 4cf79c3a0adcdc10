//! `interlock schema`: prints the JSON Schema of the configuration file.

use super::{error::Failure, output};
use crate::config;

/// Prints it.
pub(super) fn run() -> Result<(), Failure> {
    output::print_json(&config::schema())
}
