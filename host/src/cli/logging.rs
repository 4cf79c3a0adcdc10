//! Where log lines go: standard error, as many as `-v` asks for.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

/// Starts logging. Warnings are always told; `-v` adds what happens, `-vv` how.
///
/// The MCP library logs whole messages, arguments included, so nothing of it is ever let through.
pub(super) fn start(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        2.. => "debug",
    };
    let filter = EnvFilter::new(format!("warn,interlock={level},rmcp=off"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_target(false);
    // A second start, in tests, changes nothing.
    let _ = lines.with_ansi(io::stderr().is_terminal()).try_init();
}
