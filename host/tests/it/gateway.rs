//! The AI's door, from outside: raw JSON-RPC and real clients, over both transports, in both eras.

mod bad_input;
mod behind;
mod clients;
mod connections;
mod era_legacy;
mod era_modern;
mod http;
mod wire;
