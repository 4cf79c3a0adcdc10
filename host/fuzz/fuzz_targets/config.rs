//! Configuration files, and those of AI apps that are imported.
#![no_main]

use std::path::Path;

use interlock::config::{Import, ImportError, import, parse};
use libfuzzer_sys::fuzz_target;

const STANDARD: [&str; 3] = ["sequence", "approval", "payments"];

fuzz_target!(|text: &str| {
    let environment = |name: &str| (name == "HOME").then(|| "/home/someone".to_owned());
    match parse(Path::new("interlock.json"), text, &environment, &STANDARD) {
        Ok(config) => {
            // Whatever a plugin complains of has a place in the file.
            for policy in &config.policies {
                let _ = config.policy_problem(&policy.name, "/rules/0", "no").to_string();
            }
        }
        Err(problems) => {
            assert!(!problems.0.is_empty(), "it is wrong, and nothing is wrong with it");
            for problem in &problems.0 {
                let lines = text.split('\n').count();
                assert!(problem.position.is_none_or(|at| (1..=lines).contains(&at.line) && at.column > 0));
            }
            let _ = problems.to_string();
        }
    }
    let asked = Import {
        file: Path::new("mcp.json"),
        text,
        command: "/usr/bin/interlock",
        config: Path::new("/home/someone/interlock.json"),
    };
    if let Ok(imported) = import(asked) {
        let again = import(Import { text: &imported.client, ..asked });
        assert!(matches!(again, Err(ImportError::Done(_))), "what was imported is imported: {again:?}");
    }
});
