//! Generation 0.1.0 of the plugin interface: the bindings, and what they mean in our words.

mod calls;
pub(super) mod convert;
#[cfg(feature = "fuzzing")]
pub mod fuzz;
pub(super) mod imports;

pub(super) use calls::{Guests, configure, describe, reported};
// Later generations share the words, and what stands behind the imports; their bindings re-export the words.
pub(super) use policy::interlock::plugin as earlier;
#[allow(unreachable_pub, reason = "what is generated re-exports it as `pub`")]
pub use policy::interlock::plugin::types;

/// The version in the names of this generation's interfaces.
pub(super) const VERSION: &str = "0.1.0";

/// World `policy`.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from wit/, where every item is documented")]
mod policy {
    wasmtime::component::bindgen!({
        path: "../wit/since_v0.1.0",
        world: "interlock:plugin/policy",
        imports: { "interlock:plugin/history": async | trappable, default: trappable },
        exports: { default: async },
    });
}

/// World `transformer`.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from wit/, where every item is documented")]
mod transformer {
    wasmtime::component::bindgen!({
        path: "../wit/since_v0.1.0",
        world: "interlock:plugin/transformer",
        imports: { default: trappable },
        exports: { default: async },
        with: {
            "interlock:plugin/types": super::policy::interlock::plugin::types,
            "interlock:plugin/arguments": super::policy::interlock::plugin::arguments,
            "interlock:plugin/history": super::policy::interlock::plugin::history,
            "interlock:plugin/log": super::policy::interlock::plugin::log,
        },
    });
}

/// World `reviewer`.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from wit/, where every item is documented")]
mod reviewer {
    wasmtime::component::bindgen!({
        path: "../wit/since_v0.1.0",
        world: "interlock:plugin/reviewer",
        imports: { default: trappable },
        exports: { default: async },
        with: {
            "interlock:plugin/types": super::policy::interlock::plugin::types,
            "interlock:plugin/arguments": super::policy::interlock::plugin::arguments,
            "interlock:plugin/log": super::policy::interlock::plugin::log,
        },
    });
}

/// World `tools`.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from wit/, where every item is documented")]
mod tools {
    wasmtime::component::bindgen!({
        path: "../wit/since_v0.1.0",
        world: "interlock:plugin/tools",
        imports: {
            "interlock:plugin/store": async | trappable,
            "interlock:plugin/simulation": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        with: {
            "interlock:plugin/types": super::policy::interlock::plugin::types,
            "interlock:plugin/log": super::policy::interlock::plugin::log,
        },
    });
}
