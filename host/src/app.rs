//! The composition root: from a configuration to a running program, and to its end.

mod house;
mod start;
mod stop;

pub use house::House;
pub use start::{App, StartError, open_journal};
