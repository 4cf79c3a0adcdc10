//! The command line: one file per verb.

mod approvals;
mod arguments;
mod audit;
mod call;
mod calls;
mod check;
mod completions;
mod demo;
mod error;
mod import;
mod keys;
mod logging;
mod output;
mod plugin;
mod running;
mod schema;
mod serve;
mod status;
mod stop;
mod tools;

use std::{panic, process::ExitCode};

use clap::Parser as _;

use self::{
    arguments::{Interlock, Verb},
    error::{Failure, Kind},
};

/// Runs the program: does what its arguments say, and returns its exit code.
pub fn main() -> ExitCode {
    panic::set_hook(Box::new(|panic| {
        output::tell(&format!(
            "{}",
            Failure::new(Kind::Bug, panic.to_string())
                .hint("this is a mistake in Interlock, not in what you did. Please report it.")
        ));
    }));
    panic::catch_unwind(run).unwrap_or_else(|_| Kind::Bug.exit_code())
}

fn run() -> ExitCode {
    let typed = match Interlock::try_parse() {
        Ok(typed) => typed,
        Err(error) => {
            // Help and version come here too; they are told on standard output, with exit code 0.
            let _ = error.print();
            return if error.use_stderr() { Kind::Usage.exit_code() } else { ExitCode::SUCCESS };
        }
    };
    logging::start(typed.global.verbose);
    match perform(&typed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::tell(&failure.to_string());
            failure.exit_code()
        }
    }
}

fn perform(typed: &Interlock) -> Result<(), Failure> {
    if typed.global.json && matches!(typed.verb, Verb::Serve(_) | Verb::Schema | Verb::Completions(_)) {
        return Err(Failure::new(Kind::Usage, "`--json` is for verbs that print a table, and this one does not"));
    }
    match &typed.verb {
        Verb::Import(asked) => import::run(&typed.global, asked),
        Verb::Schema => schema::run(),
        Verb::Completions(asked) => completions::run(asked),
        Verb::Serve(asked) => serve::run(&typed.global, asked),
        Verb::Check => check::run(&typed.global),
        Verb::Tools(asked) => tools::run(&typed.global, asked),
        Verb::Call(asked) => call::run(&typed.global, asked),
        Verb::Explain(asked) => call::explain(&typed.global, asked),
        Verb::Approvals(asked) => approvals::run(&typed.global, asked),
        Verb::Stop(asked) => stop::stop(&typed.global, asked),
        Verb::Resume(asked) => stop::resume(&typed.global, asked),
        Verb::Keys(asked) => keys::run(&typed.global, asked),
        Verb::Calls(asked) => calls::run(&typed.global, asked),
        Verb::Audit(asked) => audit::run(&typed.global, asked),
        Verb::Plugin(asked) => plugin::run(&typed.global, asked),
        Verb::Status => status::run(&typed.global),
        Verb::Demo(asked) => demo::run(&typed.global, asked),
    }
}
