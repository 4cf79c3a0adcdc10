//! The journal and the ledger on real files, as several processes use them.

mod keeping;
mod ledger;
mod mirror;
mod notes;
mod order;
mod peers;
mod reference;
pub(crate) mod world;
