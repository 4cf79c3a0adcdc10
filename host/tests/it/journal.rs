//! The journal and the ledger on real files, as several processes use them.

mod ledger;
mod order;
mod reference;
mod world;
