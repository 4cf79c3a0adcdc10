//! `interlock import` on the files of real AI apps: what moves, what stays, and that nothing is lost on the way.

use std::{fs, path::Path, process::Output};

use interlock::{
    config::{Import, ImportError, Imported, import, parse},
    downstream::ServerConfig,
};

use super::folder;

fn order<'a>(name: &'a str, text: &'a str) -> Import<'a> {
    Import {
        file: Path::new(name),
        text,
        command: "/usr/local/bin/interlock",
        config: Path::new("/home/some one/interlock.json"),
    }
}

fn servers(text: &str) -> Vec<ServerConfig> {
    let set = |name: &str| Some(format!("value of {name}"));
    parse(Path::new("interlock.json"), text, &set, &[]).unwrap_or_else(|problems| panic!("{problems}\n{text}")).servers
}

fn both(imported: &Imported) -> String {
    let mut kept: Vec<String> = Vec::new();
    for stays in &imported.kept {
        kept.push(format!("{}: {}\n", stays.server, stays.reason));
    }
    format!("{}\n=== interlock.json\n{}\n=== stays\n{}", imported.client, imported.config, kept.concat())
}

#[test]
fn the_servers_of_every_client_move_and_all_else_stays_as_it_was() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder("clients"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let cases = super::cases("clients", "json");
    assert_eq!(cases.len(), 5);
    for (name, text) in &cases {
        let imported = import(order(&format!("{name}.json"), text)).unwrap();
        settings.bind(|| insta::assert_snapshot!(name.as_str(), both(&imported)));

        let moved: Vec<String> = servers(&imported.config).into_iter().map(|server| server.name).collect();
        assert_eq!(moved, imported.moved, "{name}: what was moved is what Interlock reads");
        let again = import(order(name, &imported.client)).unwrap_err();
        assert!(matches!(again, ImportError::Done(_)), "{name}: {again}");
        assert_eq!(text.contains("\r\n"), imported.config.contains("\r\n"), "{name}: line ends");
        let bare = |text: &str| text.replace(',', "").replace("${env:", "${");
        let both = bare(&[&*imported.client, &*imported.config].concat());
        for line in bare(text).lines().filter(|line| line.contains(char::is_alphanumeric) && name != "on_one_line") {
            assert!(both.contains(line), "{name}: `{line}` is lost");
        }
    }
}

#[test]
fn secrets_are_in_one_place_afterwards() {
    let text = fs::read_to_string(folder("clients").join("claude_desktop_config.json")).unwrap();
    let imported = import(order("claude_desktop_config.json", &text)).unwrap();
    assert!(!imported.client.contains("ghp_secret") && imported.config.contains("ghp_secret"));
    let client: serde_json::Value = serde_json::from_str(&imported.client).expect("Claude reads strict JSON");
    assert_eq!(client["mcpServers"]["interlock"]["args"][2], "/home/some one/interlock.json");
}

#[test]
fn what_cannot_be_imported_is_told() {
    let told = [
        r#"{"mcpServers": {}}"#,
        r#"{"mcpServers": {"a": {"command": "x"}}, "policies": []}"#,
        r#"{"servers": {"a": {"command": "${input:x}"}}}"#,
        r#"{"servers": {"gate": {"command": "/opt/interlock", "args": ["serve"]}}}"#,
        r#"{"servers": {a: 1}}"#,
    ]
    .map(|text| import(order("mcp.json", text)).unwrap_err().to_string());
    insta::assert_snapshot!(told.join("\n\n").replace(": `${input", ":\n`${input"), @r"
    there are no servers in the file: no `mcpServers` (Claude, Cursor, …) and no `servers` (VS Code)

    the file is a configuration of Interlock itself

    none of the servers can be moved: `a`:
    `${input:x}` is known to the AI app alone, which asks for it; to move the server, write `${env:NAME}`

    the file was imported before: its server `gate` is Interlock

    Config error: expected string for object property
      mcp.json:1:14
    Hint: the file is JSON; comments and trailing commas are allowed as well.
    ");
}

/// Runs the program in a folder, with nothing of this machine's settings.
fn interlock(folder: &Path, arguments: &[&str]) -> Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_interlock"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("INTERLOCK_CONFIG")
        .output()
        .unwrap()
}

#[test]
fn files_are_written_only_when_asked_and_an_older_backup_is_never_lost() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let text = r#"{"mcpServers": {"files": {"command": "npx"}}}"#;
    fs::write(at("mcp.json"), text).unwrap();
    fs::write(at("mcp.json.bak"), "older").unwrap();

    let shown = interlock(folder.path(), &["import", "mcp.json", "--json"]);
    assert!(shown.status.success(), "{shown:?}");
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!((&shown["moved"][0], &shown["backup"]), (&"files".into(), &serde_json::Value::Null));
    assert_eq!(fs::read_to_string(at("mcp.json")).unwrap(), text);
    assert!(!at("interlock.json").exists());

    let written = interlock(folder.path(), &["import", "mcp.json", "--write"]);
    assert!(written.status.success() && written.stdout.is_empty(), "{written:?}");
    assert_eq!(fs::read_to_string(at("mcp.json.bak")).unwrap(), "older");
    assert_eq!(fs::read_to_string(at("mcp.json.bak2")).unwrap(), text);
    assert_eq!(fs::read_to_string(at("mcp.json")).unwrap(), shown["client"]["text"]);
    assert_eq!(servers(&fs::read_to_string(at("interlock.json")).unwrap())[0].name, "files");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "nothing else is left behind");

    let again = interlock(folder.path(), &["import", "mcp.json", "--write"]);
    assert_eq!(again.status.code(), Some(1));
    insta::assert_snapshot!(
        String::from_utf8_lossy(&again.stderr).trim_end(),
        @r"Error: the file was imported before: its server `interlock` is Interlock"
    );
}

#[test]
fn a_configuration_that_is_there_already_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mcp.json"), r#"{"mcpServers": {"files": {"command": "npx"}}}"#).unwrap();
    fs::write(folder.path().join("interlock.json"), "mine").unwrap();
    let refused = interlock(folder.path(), &["import", "mcp.json", "--write"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(fs::read_to_string(folder.path().join("interlock.json")).unwrap(), "mine");
    assert!(!folder.path().join("mcp.json.bak").exists(), "a backup of what never changed");
}

#[test]
fn where_no_backup_can_be_made_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"{"mcpServers": {"files": {"command": "npx"}}}"#;
    fs::write(folder.path().join("mcp.json"), text).unwrap();
    fs::write(folder.path().join("mcp.json.bak"), "").unwrap();
    (2..100).for_each(|count| fs::write(folder.path().join(format!("mcp.json.bak{count}")), "").unwrap());
    let refused = interlock(folder.path(), &["import", "mcp.json", "--write"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(fs::read_to_string(folder.path().join("mcp.json")).unwrap(), text);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 100, "nothing is left behind");
}

#[test]
fn the_command_line_answers_on_standard_output_and_errs_with_its_own_codes() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = interlock(folder.path(), arguments);
        (output.status.code(), !output.stdout.is_empty(), !output.stderr.is_empty())
    };
    assert_eq!(run(&["--help"]), (Some(0), true, false));
    assert_eq!(run(&["schema"]), (Some(0), true, false));
    assert_eq!(run(&["completions", "bash"]), (Some(0), true, false));
    assert_eq!(run(&["serv"]), (Some(2), false, true));
    assert_eq!(run(&["call", "files/read", "--args", "[]"]), (Some(2), false, true));
    assert_eq!(run(&["import", "missing.json"]), (Some(1), false, true));
    fs::write(folder.path().join("broken.json"), "{").unwrap();
    assert_eq!(run(&["import", "broken.json"]), (Some(4), false, true));

    let schema = interlock(folder.path(), &["schema"]).stdout;
    let schema: serde_json::Value = serde_json::from_slice(&schema).unwrap();
    assert_eq!(schema, interlock::config::schema());
    jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("the schema is not one: {error}"));
}
