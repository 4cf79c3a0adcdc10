//! `interlock completions SHELL`: prints a script for the shell.

use clap::CommandFactory as _;

use super::{
    arguments::{Completions, Interlock},
    error::Failure,
    output,
};

/// Prints it.
pub(super) fn run(asked: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut Interlock::command(), "interlock", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
