//! Under fire: many processes at once, processes that are killed, disks that fill. Everything here runs the real program.

mod crash;
mod dice;
mod gateway;
mod house;
mod judge;
mod place;
mod record;
mod server;
mod soak;
mod stress;

/// A number of these tests, as `cargo xtask` asks for it in `INTERLOCK_FIRE_NAME`; so much unless it does.
fn asked(name: &str, otherwise: u64) -> u64 {
    match std::env::var(format!("INTERLOCK_FIRE_{name}")) {
        Ok(number) => number.parse().unwrap_or_else(|error| panic!("{name}: {error}")),
        Err(_) => otherwise,
    }
}

/// What must happen sooner or later. Two minutes late, it is taken not to happen at all, so that a test fails and tells
/// where.
async fn in_the_end<T>(happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(std::time::Duration::from_secs(120), happens).await.expect("it does not happen")
}
