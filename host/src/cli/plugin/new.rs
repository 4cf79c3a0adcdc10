//! `interlock plugin new`: makes a folder for a plugin.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::{
    cli::{
        arguments::Global,
        error::Failure,
        output::{print, print_json},
    },
    kit,
};

#[derive(Debug, Args)]
pub(super) struct New {
    /// The plugin's name, which is that of its folder; with a path before it, the folder is made there.
    name: PathBuf,
    /// What it is written in.
    #[arg(long, default_value = "rust")]
    lang: Language,
    /// What it does.
    #[arg(long, default_value = "policy")]
    kind: Kind,
}

/// What a plugin is written in.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Language {
    /// Small and fast.
    Rust,
    /// Large, as the interpreter is in it.
    Python,
    /// In between.
    #[value(name = "javascript", alias = "js")]
    JavaScript,
}

/// What a plugin does.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// It decides calls.
    Policy,
    /// It offers tools.
    Toolset,
}

/// Makes the folder and says what to do with it.
pub(super) fn run(global: &Global, asked: &New) -> Result<(), Failure> {
    let language = match asked.lang {
        Language::Rust => kit::Language::Rust,
        Language::Python => kit::Language::Python,
        Language::JavaScript => kit::Language::JavaScript,
    };
    let kind = match asked.kind {
        Kind::Policy => kit::Kind::Policy,
        Kind::Toolset => kit::Kind::Toolset,
    };
    let files = kit::new(&asked.name, language, kind)?;
    let folder = asked.name.display();
    if global.json {
        let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        return print_json(&json!({ "folder": folder.to_string(), "files": files }));
    }
    print(&format!(
        "{folder} is made. What it must do is in {folder}/cases.json; {folder}/README.md tells the rest.\n\
         Try it: interlock plugin test {folder}\n"
    ))
}
