//! The examples: each folder's `interlock.json` does what its `expected.json` says, by the real program.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use interlock::{
    config,
    policy::PolicyConfig,
    sandbox::{ComponentSource, standard_plugins},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{cases, interop::packages, plugins};

/// The one example whose server is not part of Interlock.
const WITH_NPM: &str = "desktop-files";

/// Names the folder in which `cargo xtask languages` has built those examples that `cargo xtask plugins` does not, each in a
/// folder of its language. They take tools that not every machine has.
const BUILT_EXAMPLES: &str = "INTERLOCK_BUILT_EXAMPLES";

/// Where the tests that start the real program keep compiled plugins: shared, so that each is compiled once.
pub(crate) fn cache_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-plugins")
}

/// A copy of an example, and what became of the last command in it.
struct Example {
    name: String,
    folder: TempDir,
}

/// How a command ended.
struct Ran {
    code: i32,
    json: Value,
    said: String,
}

/// Every folder below `examples/` that has a configuration.
fn examples() -> Vec<PathBuf> {
    let mut examples = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("examples")];
    while let Some(folder) = folders.pop() {
        if folder.join("interlock.json").is_file() {
            examples.push(folder);
        } else {
            let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            folders.extend(entries.filter(|path| path.is_dir()));
        }
    }
    examples.sort();
    examples
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

impl Example {
    fn new(original: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(original, folder.path());
        // What its README has one copy or build there.
        if let Some(Own { configured, built: Some(built) }) = own_component(original) {
            fs::copy(built, folder.path().join(configured)).unwrap();
        }
        Self { name: original.file_name().unwrap().to_str().unwrap().to_owned(), folder }
    }

    fn of(name: &str, config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("interlock.json"), config).unwrap();
        Self { name: name.to_owned(), folder }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_interlock"));
        command.args(arguments).arg("--json").current_dir(self.folder.path());
        command
            .env("PATH", packages::path())
            .env("INTERLOCK_CACHE_DIR", cache_folder())
            .env_remove("INTERLOCK_CONFIG")
            .env("CRM_TOKEN", "secret");
        let ended = command.output().unwrap();
        Ran {
            code: ended.status.code().unwrap(),
            json: serde_json::from_slice(&ended.stdout).unwrap_or_default(),
            said: format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr)),
        }
    }

    /// Puts an installed server in the place of the one that `npx` would download.
    fn install(&self, bin: &Path) {
        let config = self.folder.path().join("interlock.json");
        let text = fs::read_to_string(&config).unwrap();
        let command = json!(bin.join("mcp-server-filesystem")).to_string();
        let installed = text
            .replace(r#""command": "npx""#, &format!(r#""command": {command}"#))
            .replace(r#"["-y", "@modelcontextprotocol/server-filesystem", "#, "[");
        assert_ne!(text, installed);
        fs::write(config, installed).unwrap();
    }

    /// Does one step and returns what came of it, with the refusals if there are any.
    fn step(&self, step: &Value) -> (String, Vec<Value>, Ran) {
        let text = |key: &str| step[key].as_str();
        let arguments = step["arguments"].to_string();
        let about = ["--args", &arguments, "--session", text("session").unwrap_or("example")];
        if let Some(tool) = text("call") {
            let ran = self.run(&[&["call", tool][..], &about].concat());
            let refused = ran.json["refused"].as_array().cloned().unwrap_or_default();
            let came = match ran.code {
                0 => "succeeded",
                1 => "failed",
                3 => "refused",
                _ => "broken",
            };
            return (came.to_owned(), refused, ran);
        }
        if let Some(tool) = text("explain") {
            let ran = self.run(&[&["explain", tool][..], &about].concat());
            let policies = ran.json["policies"].as_array().cloned().unwrap_or_default();
            let counting = policies.into_iter().filter(|policy| policy["mode"] == "enforce");
            let refused = counting.filter_map(|policy| policy.get("refusal").cloned()).collect();
            return (ran.json["decision"].as_str().unwrap_or("broken").to_owned(), refused, ran);
        }
        let answer = text("answer").unwrap_or_else(|| panic!("{}: what is {step}?", self.name));
        let open = self.run(&["approvals", "list"]);
        let id = open.json[0]["id"].as_str().unwrap_or_else(|| panic!("{}: nothing to answer", self.name)).to_owned();
        let ran = self.run(&["approvals", answer, &id, "--as", text("as").unwrap(), "--role", text("role").unwrap()]);
        let came = if ran.code == 0 { ran.json["state"].as_str().unwrap_or("broken") } else { "failed" };
        (came.to_owned(), Vec::new(), ran)
    }

    /// The configuration as somebody with other roles would have it. A call from the command line is made by `local`.
    fn with_roles(config: &str, roles: &Value) -> String {
        let (before, after) = config.split_once(r#""local": {"#).expect("it says nothing of `local`");
        let (_, after) = after.split_once('}').unwrap();
        format!(r#"{before}"local": {{ "roles": {roles} }}{after}"#)
    }

    fn goes_as_expected(&self) {
        let config = self.folder.path().join("interlock.json");
        let written = fs::read_to_string(&config).unwrap();
        let expected = fs::read_to_string(self.folder.path().join("expected.json")).unwrap();
        let steps: Vec<Value> =
            serde_json::from_str(&expected).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        assert!(steps.len() > 3, "{}: that shows nothing", self.name);
        for step in &steps {
            let config_now =
                step.get("roles").map_or_else(|| written.clone(), |roles| Self::with_roles(&written, roles));
            fs::write(&config, config_now).unwrap();
            let (came, refused, ran) = self.step(step);
            let why = format!("{}: {step}\n{}", self.name, ran.said);
            assert_eq!(step["expect"], came, "{why}");
            let codes: Vec<&Value> = refused.iter().map(|refusal| &refusal["code"]).collect();
            let wanted: Vec<&Value> = step["codes"].as_array().into_iter().flatten().collect();
            assert_eq!(codes, wanted, "{why}");
            for unlock in step["unlocks"].as_array().into_iter().flatten() {
                let told = refused.iter().any(|refusal| refusal["unlocks"].as_array().unwrap().contains(unlock));
                assert!(told, "{why}");
            }
        }
        let verified = self.run(&["audit", "verify"]);
        assert_eq!(verified.json["chain"], "whole", "{}: {}", self.name, verified.said);
    }
}

#[test]
fn each_example_does_what_it_says() {
    for original in examples().iter().filter(|original| is_there(original)) {
        let example = Example::new(original);
        if example.name == WITH_NPM {
            example.install(&packages::npm_bin());
        }
        example.goes_as_expected();
    }
}

/// The first policy of an example, as configured.
fn policy(example: &Path) -> PolicyConfig {
    let file = example.join("interlock.json");
    let config = config::load(&file, &|_| Some("secret".to_owned()), &standard_plugins()).unwrap();
    config.policies.into_iter().next().unwrap()
}

/// The component of an example that has one of its own.
struct Own {
    /// The name under which its configuration finds it.
    configured: OsString,
    /// Where it is; none where it was not built.
    built: Option<PathBuf>,
}

fn own_component(example: &Path) -> Option<Own> {
    let ComponentSource::File(configured) = policy(example).component else { return None };
    let configured = configured.file_name().unwrap().to_owned();
    let built = if example.join("Cargo.toml").is_file() {
        Some(plugins::example(Path::new(&configured).file_stem().unwrap().to_str().unwrap()))
    } else {
        let all = std::env::var_os(BUILT_EXAMPLES).map(PathBuf::from);
        all.map(|all| all.join(example.file_name().unwrap()).join(&configured))
    };
    Some(Own { configured, built })
}

/// Whether an example can be run.
fn is_there(example: &Path) -> bool {
    let there = own_component(example).is_none_or(|own| own.built.is_some());
    if !there {
        eprintln!("{} is left to `cargo xtask languages`", example.display());
    }
    there
}

#[tokio::test]
async fn the_cases_of_each_example_come_out_as_they_say() {
    let mut tried = 0;
    for example in examples().iter().filter(|example| example.join("cases.json").is_file() && is_there(example)) {
        let component = match own_component(example).and_then(|own| own.built) {
            Some(built) => ComponentSource::File(built),
            None => policy(example).component,
        };
        let component = component.read(&interlock::sandbox::Supply::of_anyone()).await.unwrap();
        let text = fs::read_to_string(example.join("cases.json")).unwrap();
        cases::come_out(&example.display().to_string(), &component, &text).await;
        tried += 1;
    }
    assert_eq!(
        tried,
        if std::env::var_os(BUILT_EXAMPLES).is_some() { 7 } else { 5 },
        "one for each language, and two in Rust"
    );
}

#[test]
fn one_rule_is_the_same_in_every_language() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("examples/refund-limit");
    let languages: Vec<_> = examples().into_iter().filter(|example| example.starts_with(&folder)).collect();
    let read = |example: &Path| -> (Vec<Value>, Vec<Value>) {
        let cases: Value = serde_json::from_str(&fs::read_to_string(example.join("cases.json")).unwrap()).unwrap();
        let apart = |mut case: Value| {
            let settings = case.as_object_mut().unwrap().remove("settings").unwrap();
            (settings, case)
        };
        cases.as_array().unwrap().iter().cloned().map(apart).unzip()
    };
    let named: Vec<_> = languages.iter().map(|example| example.file_name().unwrap()).collect();
    assert_eq!(named, ["cedar", "cel", "javascript", "python", "rego", "rust", "rust-without-sdk"]);
    let (_, first) = read(&languages[0]);
    let expected = |example: &Path| fs::read_to_string(example.join("expected.json")).unwrap();
    for example in &languages {
        let (settings, cases) = read(example);
        assert_eq!(cases, first, "{}", example.display());
        assert_eq!(expected(example), expected(&languages[0]), "{}", example.display());
        let configured = policy(example).settings;
        assert!(settings.iter().all(|settings| *settings == *configured), "{}", example.display());
    }
}

#[test]
fn the_configuration_of_each_example_is_right() {
    for original in examples() {
        let example = Example::new(&original);
        // Reads the configuration, and starts no server.
        let read = example.run(&["status"]);
        assert_eq!(read.code, 0, "{}: {}", example.name, read.said);
    }
}

#[test]
fn each_example_tells_what_it_is() {
    for original in examples() {
        let readme = fs::read_to_string(original.join("README.md")).unwrap();
        assert!(readme.starts_with("# ") && readme.contains("`expected.json`"), "{}", original.display());
        assert!(readme.lines().count() <= 15, "{}: too long", original.display());
    }
}

/// The blocks of a language in `README.md`.
fn in_the_readme(language: &str) -> Vec<String> {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("README.md")).unwrap();
    let opening = format!("\n```{language}\n");
    let blocks = readme.split(&opening).skip(1);
    blocks.map(|block| block.split("\n```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_policies_in_the_readme_work() {
    let policies = in_the_readme("json");
    assert_eq!(policies.len(), 5, "one for each kind of rule, and one in a language");
    let servers =
        ["payments", "delivery", "support"].map(|name| format!(r#""{name}": {{"component": "{name}"}}"#)).join(",");
    let config = format!(r#"{{"mcpServers": {{{servers}}}, "policies": [{}]}}"#, policies.join(","));
    let checked = Example::of("README.md", &config).run(&["check"]);
    assert_eq!(checked.json["ok"], true, "{}", checked.said);
}

#[test]
fn the_rule_in_the_readme_is_that_of_a_new_folder() {
    let blocks = in_the_readme("rust");
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/rust-policy/src/lib.rs");
    let template = fs::read_to_string(template).unwrap();
    let unindented: String =
        template.lines().map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line))).collect();
    assert_eq!(blocks.len(), 1);
    assert!(unindented.contains(&blocks[0]), "{}", blocks[0]);
}

#[test]
fn the_configuration_in_the_readme_is_right() {
    let configs = in_the_readme("jsonc");
    assert_eq!(configs.len(), 1);
    // Reads the configuration, and starts no server.
    let read = Example::of("README.md", &configs[0]).run(&["status"]);
    assert_eq!(read.code, 0, "{}", read.said);
}
