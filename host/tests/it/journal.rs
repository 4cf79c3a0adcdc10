//! The journal and the ledger on real files, as several processes use them.

mod order;
mod world;
