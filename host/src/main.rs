//! The `interlock` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    interlock::cli::main()
}
