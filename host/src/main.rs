//! The `interlock` program.

fn main() {}
