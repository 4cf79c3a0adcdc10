//! The composition root: from a configuration to a running program, and to its end.

mod assembly;
mod house;
mod keyring;
mod live;
mod mistakes;
mod people;
mod promotion;
mod pulls;
mod reception;
mod record;
mod serving;
mod start;
mod stop;
mod watch;

pub use assembly::Kept;
pub use house::House;
pub use keyring::Keyring;
pub use live::Reload;
pub use promotion::{Candidate, Promotion, PromotionError, candidate, promote, roll_back};
pub use reception::Reception;
pub use serving::{Serving, serving};
pub use start::{App, StartError, open_journal};
