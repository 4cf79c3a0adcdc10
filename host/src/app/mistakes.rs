//! What is wrong with components, told as mistakes in the configuration that names them.

use crate::{
    config::{Config, Owner, Problem},
    policy::PolicyError,
    sandbox::LoadError,
};

/// With a policy.
pub(super) fn of_policy(config: &Config, error: PolicyError) -> Vec<Problem> {
    match error.source {
        LoadError::Settings(found) => {
            found.iter().map(|one| config.policy_problem(&error.policy, &one.pointer, &one.message)).collect()
        }
        source => vec![component_problem(config, Owner::Policy(&error.policy), &source)],
    }
}

/// With a toolset.
pub(super) fn of_server(config: &Config, server: &str, error: LoadError) -> Vec<Problem> {
    match error {
        LoadError::Settings(found) => {
            found.iter().map(|one| config.server_problem(server, &one.pointer, &one.message)).collect()
        }
        error => vec![component_problem(config, Owner::Server(server), &error)],
    }
}

fn component_problem(config: &Config, of: Owner<'_>, error: &LoadError) -> Problem {
    let hint = match error {
        LoadError::Unreadable { .. } => {
            Some("name a .wasm file that is there, relative to this file, or a plugin that Interlock brings.")
        }
        LoadError::Untrusted(error) => Some(error.hint()),
        LoadError::KeptUntrusted { .. } => Some(
            "`interlock plugin rollback POLICY --to DIGEST` names another; `interlock plugin show POLICY` lists what is kept.",
        ),
        LoadError::Registry(error) => Some(error.hint()),
        LoadError::NotAComponent(_) => Some("a plugin is built as a WebAssembly component, not as a module."),
        LoadError::Misplaced("toolset") => Some("toolsets are servers: they stand under `mcpServers`."),
        LoadError::Misplaced(_) => Some("policies stand under `policies`."),
        LoadError::NotKept { .. } => {
            Some("put the component that was in force back into its file, or leave `rollout` out for one start.")
        }
        LoadError::NoSuchPlugin { .. }
        | LoadError::NoStore { .. }
        | LoadError::TooLarge { .. }
        | LoadError::ForeignImport { .. }
        | LoadError::WrongWorld(_)
        | LoadError::Compile(_)
        | LoadError::Failed { .. }
        | LoadError::Settings(_)
        | LoadError::Host(_) => None,
    };
    Problem { hint: hint.map(str::to_owned), ..config.component_problem(of, &error.to_string()) }
}
