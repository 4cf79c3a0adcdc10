//! The rules of the house that the compiler does not check: ranks, foreign crates, file sizes, seams, frozen WIT.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// Modules by rank, as ARCHITECTURE.md lists them. A module imports only lower ranks, and itself.
const RANKS: &[(u32, &[&str])] = &[
    (
        0,
        &[
            "call",
            "verdict",
            "scope",
            "clock",
            "secret",
            "tasks",
            "registry",
            "trust",
            "oauth",
            "plain",
            "site",
            "listening",
        ],
    ),
    (1, &["journal", "sandbox"]),
    (2, &["ledger", "approvals", "pins", "identity", "stops", "sessions"]),
    (3, &["policy", "downstream", "notices"]),
    (4, &["mediation"]),
    (6, &["admin", "gateway"]),
    (7, &["config"]),
    (8, &["app", "kit"]),
    (9, &["cli"]),
];

/// Words of rank 0 that another word of rank 0 is made of.
const WORDS_OF_WORDS: &[(&str, &str)] = &[
    ("call", "clock"),
    ("listening", "tasks"),
    ("oauth", "clock"),
    ("oauth", "secret"),
    ("registry", "tasks"),
    ("scope", "call"),
    ("verdict", "call"),
    ("verdict", "clock"),
];

/// Crates that may appear in these modules only.
const FOREIGN: &[(&str, &[&str])] = &[
    // In `cli` for the demonstrations, whose AI app must be somebody else's implementation of MCP.
    ("rmcp", &["gateway", "downstream", "cli"]),
    ("wasmtime", &["sandbox"]),
    ("wasmtime_wizer", &["sandbox"]),
    ("wasmparser", &["sandbox"]),
    ("sqlx", &["journal"]),
    ("ed25519_dalek", &["trust"]),
    ("oci_client", &["registry"]),
    ("axum", &["admin", "gateway", "listening"]),
    ("governor", &["gateway"]),
    ("hyper", &["listening"]),
    ("hyper_util", &["listening"]),
    ("maud", &["admin", "gateway"]),
    ("docker_credential", &["registry"]),
    ("http_auth", &["registry", "oauth"]),
    ("jsonwebtoken", &["identity", "oauth"]),
    // In `cli` for the demonstrations, whose callers over HTTP are programs of their own.
    ("reqwest", &["downstream", "notices", "registry", "oauth", "cli"]),
    ("clap", &["cli"]),
    ("anyhow", &["cli"]),
    ("jsonc_parser", &["config", "kit", "cli"]),
];

/// Every trait of the host: a seam with at least two implementors, doubles of tests included.
const SEAMS: &[(&str, &str)] = &[
    ("clock.rs", "Clock"),
    ("gateway/authenticate.rs", "Authenticate"),
    ("gateway/behind.rs", "Behind"),
    ("gateway/desk.rs", "Desk"),
    ("downstream/server.rs", "ToolServer"),
    ("journal/follower.rs", "Fold"),
    ("journal/store.rs", "Store"),
    ("sandbox/facts.rs", "History"),
    ("sandbox/facts.rs", "KeyValue"),
];

/// Most lines of a source file, and of a file of tests.
const MOST_LINES: usize = 600;
const MOST_TEST_LINES: usize = 800;

fn host() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().unwrap() != "target" {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// Every source file of the host: its path below `src`, the module it belongs to, and its text without tests.
fn sources() -> Vec<(String, String, String)> {
    let src = host().join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    files.sort();
    assert!(files.len() > 40, "the sources are not where they were");
    files
        .into_iter()
        .map(|file| {
            let below = file.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
            let module = below.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&file).unwrap();
            let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
            (below, module, text)
        })
        .collect()
}

fn rank(module: &str) -> Option<u32> {
    RANKS.iter().find(|(_, modules)| modules.contains(&module)).map(|(rank, _)| *rank)
}

/// The modules that a text names after `crate::`, in paths and in braces.
fn imported(text: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let before = text[line_start..at].trim_start();
        if before.starts_with("//") || text[..at].ends_with("$") {
            continue;
        }
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut word = String::new();
            for letter in group.chars() {
                match letter {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 1 && (letter.is_alphanumeric() || letter == '_') {
                    word.push(letter);
                } else {
                    if depth <= 1 && !word.is_empty() && (letter == ':' || letter == ',' || letter == '}') {
                        modules.push(word.clone());
                    }
                    if letter == ',' || letter == '{' || letter == '}' || letter.is_whitespace() {
                        word.clear();
                    } else if letter == ':' {
                        // What follows is a path within the module just named.
                        word.clear();
                        word.push('\0');
                    }
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            modules.push(rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect());
        }
    }
    modules.retain(|module| !module.starts_with('\0'));
    modules
}

#[test]
fn every_module_has_a_rank_and_imports_point_down() {
    let mut wrong = Vec::new();
    for (file, module, text) in sources() {
        if module == "lib" || module == "main" {
            continue;
        }
        let Some(own) = rank(&module) else { panic!("{file}: module `{module}` has no rank") };
        for other in imported(&text) {
            let allowed = other == module
                || rank(&other).is_none_or(|theirs| theirs < own)
                || WORDS_OF_WORDS.contains(&(module.as_str(), other.as_str()));
            if !allowed {
                wrong.push(format!("{file} imports {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn imports_are_found_in_paths_and_in_braces() {
    let text = "use crate::{call::{Call, CallId}, journal::Permit, tasks};\nuse crate::scope;\n// crate::cli\nlet x = crate::verdict::Y;";
    assert_eq!(imported(text), ["call", "journal", "tasks", "scope", "verdict"]);
}

#[test]
fn foreign_crates_stay_at_the_edge() {
    let mut wrong = Vec::new();
    for (file, module, text) in sources() {
        for (name, modules) in FOREIGN {
            let used = text.lines().any(|line| {
                !line.trim_start().starts_with("//")
                    && line.match_indices(&format!("{name}::")).any(|(at, _)| {
                        !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':')
                    })
            });
            if used && !modules.contains(&module.as_str()) {
                wrong.push(format!("{file} uses {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_tasks_spawns() {
    let spawning = ["tokio::spawn", "spawn_blocking", "task::spawn", "JoinSet"];
    let wrong: Vec<_> = sources()
        .into_iter()
        .filter(|(_, module, text)| module != "tasks" && spawning.iter().any(|word| text.contains(word)))
        .map(|(file, ..)| file)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_permit_is_made_in_the_journal_only() {
    let wrong: Vec<_> = sources()
        .into_iter()
        .filter(|(_, module, text)| module != "journal" && text.contains("Permit::new"))
        .map(|(file, ..)| file)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What the AI's door may use of the house: all that answers, nothing that grants, pins or configures. `verdict` has the
/// words in which a refusal is told.
const BEHIND_THE_DOOR: [&str; 9] =
    ["call", "clock", "downstream", "listening", "mediation", "scope", "site", "tasks", "verdict"];

#[test]
fn the_ais_door_reaches_nothing_that_grants_approves_or_configures() {
    let mut wrong = Vec::new();
    for (file, module, text) in sources() {
        let beyond = |used: &String| used != "gateway" && !BEHIND_THE_DOOR.contains(&used.as_str());
        let granting = [".approvals()", ".pins()", "Journal"].iter().find(|word| text.contains(**word));
        if module == "gateway" {
            wrong.extend(imported(&text).into_iter().filter(beyond).map(|used| format!("{file}: {used}")));
            wrong.extend(granting.map(|word| format!("{file}: {word}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Files whose code must be the same at every time and in every place.
const PURE: [&str; 17] = [
    "approvals/approval.rs",
    "approvals/book.rs",
    "approvals/delegation.rs",
    "approvals/entitlement.rs",
    "approvals/matter.rs",
    "gateway/resource.rs",
    "identity/claims.rs",
    "journal/past.rs",
    "ledger/fold.rs",
    "ledger/question.rs",
    "ledger/total.rs",
    "ledger/window.rs",
    "notices/news.rs",
    "pins/book.rs",
    "scope.rs",
    "sessions/book.rs",
    "verdict.rs",
];

#[test]
fn folds_and_verdicts_know_no_clock_no_disk_and_no_waiting() {
    let impure = ["async ", "tokio", "std::fs", "std::net", "Instant", "SystemTime", "dyn Clock", "Uuid"];
    let pure: Vec<_> = sources().into_iter().filter(|(file, ..)| PURE.contains(&file.as_str())).collect();
    assert_eq!(pure.len(), PURE.len(), "a file is not where it was");
    let mut wrong = Vec::new();
    for (file, _, text) in pure {
        wrong.extend(impure.iter().filter(|word| text.contains(**word)).map(|word| format!("{file}: {word}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_says_what_it_is_for_and_stays_small() {
    let root = host().parent().unwrap();
    let mut files = Vec::new();
    rust_files(&root.join("host"), &mut files);
    rust_files(&root.join("plugins"), &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().count();
        let most = if file.components().any(|part| part.as_os_str() == "tests") { MOST_TEST_LINES } else { MOST_LINES };
        if lines > most {
            wrong.push(format!("{}: {lines} lines", file.display()));
        }
        if !text.starts_with("//!") {
            wrong.push(format!("{}: does not begin with //!", file.display()));
        }
        let name = file.file_stem().unwrap().to_str().unwrap();
        if ["utils", "util", "helpers", "common", "types", "manager"].contains(&name) {
            wrong.push(format!("{}: a name that says nothing", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_traits_are_the_seams_that_are_listed() {
    let mut found = Vec::new();
    for (file, _, text) in sources() {
        for line in text.lines() {
            let line = line.trim_start();
            let line = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub(super) ")).unwrap_or(line);
            let line = line.strip_prefix("pub ").unwrap_or(line);
            if let Some(name) = line.strip_prefix("trait ") {
                let name: String = name.chars().take_while(|letter| letter.is_alphanumeric()).collect();
                found.push((file.clone(), name));
            }
        }
    }
    found.sort();
    let mut listed: Vec<_> = SEAMS.iter().map(|(file, name)| ((*file).to_owned(), (*name).to_owned())).collect();
    listed.sort();
    assert_eq!(found, listed);
}

/// What `sha256sum` would write of the files in a folder, by name; folders in it are looked into.
fn digests(folder: &Path, below: &str, into: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{below}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            digests(&path, &format!("{name}/"), into);
        } else {
            let digest = Sha256::digest(fs::read(&path).unwrap());
            into.insert(name, digest.iter().map(|byte| format!("{byte:02x}")).collect());
        }
    }
}

/// The digests that a file of `sha256sum` tells, by name.
pub(crate) fn told(file: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().map(|line| line.split_once("  ").unwrap_or_else(|| panic!("{line}")));
    lines.map(|(digest, name)| (name.to_owned(), digest.to_owned())).collect()
}

/// The files of a folder, by name, with their digests.
pub(crate) fn found(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    digests(folder, "", &mut found);
    found
}

#[test]
fn a_released_wit_folder_never_changes() {
    let wit = host().parent().unwrap().join("wit");
    let mut found = found(&wit);
    found.retain(|name, _| name != "frozen.sha256" && !name.split('/').next().unwrap().ends_with("-draft"));
    let frozen = told(&wit.join("frozen.sha256"));
    assert!(frozen.keys().any(|name| name.starts_with("since_v0.1.0/")), "0.1.0 was released");
    assert_eq!(found, frozen, "a released folder stays as it is; a new generation is a new folder");
}

#[test]
fn no_test_is_ignored() {
    let mut files = Vec::new();
    rust_files(host(), &mut files);
    rust_files(&host().parent().unwrap().join("plugins"), &mut files);
    let marker = concat!("#[ign", "ore");
    let wrong: Vec<_> = files.into_iter().filter(|file| fs::read_to_string(file).unwrap().contains(marker)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
