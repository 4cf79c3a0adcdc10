//! Questions to humans and their answers, each bound to one exact call: a fold of the journal.

mod config;

pub use config::Config;
