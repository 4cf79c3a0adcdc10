//! What passes through Interlock passes unharmed and in order: odd but legal messages, through `interlock serve` as a
//! user runs it, over both transports and in both eras on either side.

mod answers;
mod intended;
mod json;
mod odd;
mod order;
mod peer;
mod requests;
