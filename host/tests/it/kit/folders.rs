//! New folders, and folders that are none of a plugin's.

use std::{fs, path::Path};

use super::interlock;

fn files(folder: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, into) } else { into.push(path.display().to_string()) }
    }
}

#[test]
fn every_language_and_kind_gets_a_folder_in_which_nothing_is_left_to_fill_in() {
    let place = tempfile::tempdir().unwrap();
    for (language, policy, toolset) in [
        ("rust", ["src/lib.rs", "Cargo.lock", "vendor/sdk/src/lib.rs", "wit/since_v0.1.0/judge.wit"], "src/lib.rs"),
        ("python", ["policy.py", "interlock.py", "requirements.txt", "wit/plugin.wit"], "toolset.py"),
        (
            "javascript",
            ["policy.js", "interlock.js", "package.json", "wit/deps/interlock-plugin/types.wit"],
            "toolset.js",
        ),
    ] {
        for kind in ["policy", "toolset"] {
            let name = format!("in/{language}-{kind}");
            let made = interlock(place.path(), &["plugin", "new", &name, "--lang", language, "--kind", kind]);
            assert_eq!(made.code, Some(0), "{}", made.err);
            let folder = place.path().join(&name);
            let wanted = if kind == "policy" { &policy[..] } else { &[toolset][..] };
            for file in wanted.iter().chain(&["cases.json", "README.md", ".gitignore"]) {
                assert!(folder.join(file).is_file(), "{name}: {file}");
            }
            let mut all = Vec::new();
            files(&folder, &mut all);
            for file in all.iter().filter(|file| !file.contains("/vendor/")) {
                let text = fs::read_to_string(file).unwrap();
                let left = ["{{name", "{{kind", "{{use", "{{world"].into_iter().find(|word| text.contains(word));
                assert_eq!(left, None, "{file}");
            }
        }
    }
}

#[test]
fn the_examples_in_python_and_javascript_are_new_folders_with_another_rule_in_them() {
    let place = tempfile::tempdir().unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/refund-limit");
    for language in ["python", "javascript"] {
        let folder = place.path().join(language).join("refund-limit");
        let name = folder.to_str().unwrap();
        assert_eq!(interlock(place.path(), &["plugin", "new", name, "--lang", language]).code, Some(0));
        let mut all = Vec::new();
        files(&folder, &mut all);
        for new in all {
            let file = Path::new(&new).strip_prefix(&folder).unwrap();
            let example = examples.join(language).join(file);
            let there = fs::read_to_string(&example).unwrap_or_else(|error| panic!("{}: {error}", example.display()));
            let of_the_rule = ["policy.py", "policy.js", "cases.json", "README.md"].map(Path::new).contains(&file);
            let is_the_same = there == fs::read_to_string(&new).unwrap();
            assert_eq!(is_the_same, !of_the_rule, "{}", example.display());
        }
    }
}

#[test]
fn nothing_is_overwritten_and_a_name_is_one_that_a_plugin_can_have() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("mine")).unwrap();
    fs::write(place.path().join("mine/cases.json"), "precious").unwrap();
    fs::write(place.path().join("file"), "precious").unwrap();
    for taken in ["mine", "file"] {
        let said = interlock(place.path(), &["plugin", "new", taken]);
        assert_eq!(said.code, Some(1));
        assert!(said.err.starts_with(&format!("Error: `{taken}` is there already, and nothing is overwritten")));
    }
    assert_eq!(fs::read_to_string(place.path().join("mine/cases.json")).unwrap(), "precious");
    assert_eq!(fs::read_dir(place.path().join("mine")).unwrap().count(), 1);
    for bad in ["Mine", "1st", "a_b", "..", "a b", "ä"] {
        let said = interlock(place.path(), &["plugin", "new", bad]);
        assert_eq!(said.code, Some(2), "{bad}: {}", said.err);
        assert!(said.err.starts_with("Usage error:"), "{}", said.err);
    }
}

#[test]
fn a_folder_that_cannot_be_built_is_told_why_and_what_to_install() {
    let place = tempfile::tempdir().unwrap();
    let empty = interlock(place.path(), &["plugin", "build", "."]);
    assert_eq!(empty.code, Some(1));
    assert!(empty.err.contains("holds no plugin: no Cargo.toml, package.json, .js or .py"), "{}", empty.err);

    for (language, tool, install) in [
        ("python", "`componentize-py` is not installed", ".venv/bin/pip install -r requirements.txt"),
        ("javascript", "`jco` is not installed", "in `javascript`: `npm install`"),
    ] {
        interlock(place.path(), &["plugin", "new", language, "--lang", language]);
        let program = std::process::Command::new(env!("CARGO_BIN_EXE_interlock"))
            .args(["plugin", "build", language])
            .current_dir(place.path())
            .env("PATH", "")
            .env_remove("VIRTUAL_ENV")
            .output()
            .unwrap();
        let said = String::from_utf8(program.stderr).unwrap();
        assert_eq!(program.status.code(), Some(1));
        assert!(said.contains(tool) && said.contains(install), "{said}");
    }

    interlock(place.path(), &["plugin", "new", "broken"]);
    fs::write(place.path().join("broken/src/lib.rs"), "//! No Rust.\nfn").unwrap();
    let broken = interlock(place.path(), &["plugin", "build", "broken"]);
    assert_eq!(broken.code, Some(1));
    assert!(broken.err.contains("src/lib.rs:2:1"), "the compiler's words are handed on: {}", broken.err);
    assert!(!place.path().join("broken/broken.wasm").exists());
}
