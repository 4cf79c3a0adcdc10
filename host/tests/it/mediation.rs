//! The call path as a whole: real policies in the real sandbox over a real journal, in front of a server that does as told.

mod approvals;
mod changes;
mod ends;
mod gates;
mod guests;
mod house;
mod together;
mod world;
