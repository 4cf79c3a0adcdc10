//! The program between clients and servers that others have written, of both eras, as a user would put it there.

mod app;
mod approving;
mod both_eras;
pub(crate) mod house;
pub(crate) mod packages;
mod peers;
