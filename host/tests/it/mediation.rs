//! The call path as a whole: real policies in the real sandbox over a real journal, in front of a server that does as told.

mod approvals;
mod changes;
mod clock;
mod ends;
mod gates;
mod generations;
mod guests;
mod house;
mod model;
mod pinning;
mod repeats;
mod stops;
mod tasks;
mod through_client;
mod together;
mod world;

pub(crate) use world::{line, told};
