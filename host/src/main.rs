//! The `interlock` program.

use std::process::ExitCode;

/// A call is thousands of small allocations of JSON, on several threads: glibc's allocator takes a third of its time.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    interlock::cli::main()
}
