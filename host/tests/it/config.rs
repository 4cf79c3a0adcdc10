//! The configuration file as data: each file of `config/invalid` is a sentence about something wrong, and its snapshot
//! what a person is told.

mod import;
mod refused;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use interlock::{
    config::{Config, Jwt, Problems, load, parse, schema},
    downstream::{ClientProof, Reach, TokenSource},
    policy::{Mode, OnFault},
    sandbox::{ComponentSource, Limits},
    scope::Scope,
    secret::Secret,
};
use serde_json::json;

const STANDARD: [&str; 7] =
    ["sequence", "exclusive", "condition", "approval", "allow-list", "rate-limit", "validation"];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/config").join(name)
}

/// The files of a folder with this extension: stem and text.
fn cases(name: &str, extension: &str) -> Vec<(String, String)> {
    let mut cases: Vec<(String, String)> = fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    cases.sort();
    cases
}

fn read(text: &str) -> Result<Config, Problems> {
    let environment = |name: &str| match name {
        "HOME" => Some("/home/someone".to_owned()),
        _ => None,
    };
    parse(Path::new("interlock.json"), text, &environment, &STANDARD)
}

fn read_valid(name: &str) -> Config {
    let text = fs::read_to_string(folder("valid").join(format!("{name}.jsonc"))).unwrap();
    let environment = |name: &str| match name {
        "CRM_TOKEN" => Some("s3cret".to_owned()),
        "PRICE" => Some("6".to_owned()),
        _ => None,
    };
    parse(Path::new("/etc/interlock/interlock.json"), &text, &environment, &STANDARD)
        .unwrap_or_else(|problems| panic!("{name}:\n{problems}"))
}

#[test]
fn every_wrong_file_is_told_what_is_wrong_with_it() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder("invalid"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let cases = cases("invalid", "jsonc");
    assert!(cases.len() >= 35, "only {} cases", cases.len());
    for (name, text) in &cases {
        let problems = read(text).err().unwrap_or_else(|| panic!("`{name}` passes"));
        settings.bind(|| insta::assert_snapshot!(name.as_str(), problems));
    }
    let told: BTreeSet<String> = self::cases("invalid", "snap").into_iter().map(|(name, _)| name).collect();
    let wrong: BTreeSet<String> = cases.into_iter().map(|(name, _)| name).collect();
    assert_eq!(told, wrong, "a snapshot without its case, or the reverse");
}

#[test]
fn an_empty_file_means_the_defaults() {
    let config = read_valid("an_empty_object");
    assert!(config.servers.is_empty() && config.policies.is_empty() && config.notes.is_empty());
    assert_eq!(config.journal.path, Path::new("/etc/interlock/interlock.db"));
    assert_eq!(config.journal.mirror_dir.as_deref(), Some(Path::new("/etc/interlock/audit_logs")));
    assert_eq!(config.journal.max_body_bytes, 65_536);
    assert_eq!(config.journal.durability, interlock::journal::Durability::BeforeCall);
    assert_eq!(config.approvals.expire, Duration::from_secs(3600));
    assert_eq!(config.approvals.hold_open, Duration::from_secs(45));
    assert_eq!(config.session_idle, Duration::from_secs(1800));
    assert_eq!((config.local.principal.as_str(), config.local.roles.as_slice()), ("local", &["agent".to_owned()][..]));
    assert!(config.describe_rules && config.pin_tools && !config.http_keys && !config.asks_for_credentials());
    let jwt = r#"{"auth": {"jwt": {"issuer": "https://id.example.com", "audience": "https://gate.example.com/mcp"}}}"#;
    assert!(parse(Path::new("interlock.json"), jwt, &|_| None, &[]).unwrap().asks_for_credentials());
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:7422");
    assert_eq!((config.rate.per_second.get(), config.rate.burst.get(), config.connections), (5000, 10_000, 512));
    assert_eq!(&*config.digest, "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356");
}

#[test]
fn everything_that_a_file_says_arrives() {
    let config = read_valid("everything_that_can_be_said");
    let [files, crm, desk, sim, own] = config.servers.as_slice() else { panic!("{:?}", config.servers) };
    assert_eq!((files.name.as_str(), files.prefix.as_str(), sim.prefix.as_str()), ("files", "files__", ""));
    let Reach::Stdio { command, args, env, cwd } = &files.reach else { panic!("{files:?}") };
    assert_eq!((command.as_str(), args.len(), env["A"].expose()), ("npx", 3, "b"));
    assert_eq!(cwd, Path::new("/etc/interlock"));
    assert_eq!((files.call_time.as_secs(), crm.call_time.as_secs()), (30, 600));
    let Reach::Http { url, headers, oauth } = &crm.reach else { panic!("{crm:?}") };
    assert_eq!(url, "https://crm.example.com/mcp");
    assert_eq!((headers[0].0.as_str(), headers[0].1.expose(), oauth), ("Authorization", "Bearer s3cret", &None));
    let Reach::Http { oauth: Some(oauth), .. } = &desk.reach else { panic!("{desk:?}") };
    assert_eq!((oauth.client_id.as_str(), &oauth.proof), ("gate", &ClientProof::Secret(Secret::new("s3cret"))));
    assert_eq!(oauth.from, TokenSource::Issuer("https://id.example.com".to_owned()));
    assert_eq!(
        (oauth.scopes.as_slice(), oauth.resource.as_deref()),
        (&["desk".to_owned()][..], Some("https://desk.example.com"))
    );
    let Reach::Toolset { component, .. } = &sim.reach else { panic!("{sim:?}") };
    assert_eq!(*component, ComponentSource::Standard("validation".to_owned()));
    let Reach::Toolset { component, settings } = &own.reach else { panic!("{own:?}") };
    assert_eq!(*component, ComponentSource::File("/etc/interlock/tools/own.wasm".into()));
    assert_eq!(**settings, json!({"latency_ms": 5}));

    let [first, customer] = config.policies.as_slice() else { panic!("{:?}", config.policies) };
    assert!(first.matches.tools[0].matches("sim/a") && first.matches.hints["destructive"]);
    assert_eq!(first.matches.roles, ["agent"]);
    assert_eq!((&first.scope, first.mode, first.on_fault), (&Scope::Session, Mode::Enforce, OnFault::Refuse));
    assert_eq!(first.limits, Limits::POLICY);
    assert_eq!(first.settings["rules"][0]["after"][1]["within_minutes"], 10);
    assert_eq!(customer.component, ComponentSource::File("/etc/interlock/plugins/customer.wasm".into()));
    assert_eq!(customer.scope, Scope::Argument("/customer_id".to_owned()));
    assert_eq!((customer.mode, customer.on_fault), (Mode::Shadow, OnFault::Allow));
    assert_eq!(*customer.settings, json!({"price": "${5} or 6"}));

    assert_eq!(config.local.roles, ["agent", "oncall"]);
    assert_eq!(config.journal.path, Path::new("/etc/interlock/data/interlock.db"));
    assert_eq!(config.journal.mirror_dir, None);
    assert!(config.journal.redact[0].0.matches("crm/login"));
    assert_eq!(config.journal.redact[0].1, ["/password"]);
    assert_eq!(config.journal.max_body_bytes, 8192);
    assert_eq!(config.journal.durability, interlock::journal::Durability::Batched);
    assert_eq!((config.approvals.expire.as_secs(), config.approvals.hold_open.as_secs()), (300, 0));
    assert_eq!(config.session_idle.as_secs(), 300);
    assert_eq!((config.rate.per_second.get(), config.rate.burst.get(), config.connections), (50, 60, 70));
    assert!(!config.describe_rules && !config.pin_tools && config.http_keys);
    assert!(config.asks_for_credentials());
    let Jwt { tokens, resource } = config.jwt.as_ref().unwrap();
    // What is compared is as it was written.
    assert_eq!(
        (tokens.issuer.as_str(), tokens.audience.as_str()),
        (resource.issuer.as_str(), "https://GATE.example.com/mcp")
    );
    assert_eq!(
        (tokens.issuer.as_str(), tokens.roles_claim.as_str()),
        ("https://id.example.com/realms/a/", "/realm_access/roles")
    );
    assert_eq!(tokens.keys.as_ref().unwrap().url().as_str(), "http://127.0.0.1:1/keys");
    assert_eq!(
        (resource.required.as_slice(), resource.rules[0].scopes.as_slice()),
        (&["mcp".to_owned()][..], &["crm:write".to_owned()][..])
    );
    assert!(resource.rules[0].tools[0].matches("crm/x") && resource.implied["crm:admin"] == ["crm:write"]);
    assert!(!format!("{config:?}").contains("s3cret"), "a secret is shown");
}

#[test]
fn what_clients_put_beside_a_server_is_taken_and_told() {
    let config = read_valid("servers_pasted_from_clients");
    let names: Vec<&str> = config.servers.iter().map(|server| server.name.as_str()).collect();
    assert_eq!(names, ["memory", "web", "My Notes"]);
    let Reach::Stdio { command, .. } = &config.servers[2].reach else { panic!("{:?}", config.servers) };
    assert_eq!(command, "/etc/interlock/bin/notes");
    let notes: Vec<String> = config.notes.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(notes.join("\n\n"), @r"
    Config note: server `memory`: `autoApprove` is read over: it is for AI apps; here, policies decide
      /etc/interlock/interlock.json:8:7

    Config note: server `memory`: `timeout` is read over: it is for AI apps: how long they wait
      /etc/interlock/interlock.json:9:7

    Config note: policy `gate`: `memroy/*` fits no tool: there is no server `memroy`
      /etc/interlock/interlock.json:15:82
    ");
}

#[test]
fn what_a_plugin_says_of_its_settings_gets_a_place_in_the_file() {
    let config = read_valid("everything_that_can_be_said");
    insta::assert_snapshot!(config.policy_problem("validate-first", "/rules/0/after/1/tool", "no such tool"), @r"
    Config error: policy `validate-first`: `settings/rules/0/after/1/tool`: no such tool
      /etc/interlock/interlock.json:19:74
    ");
    insta::assert_snapshot!(config.policy_problem("per-customer", "/missing/0", "`missing` is missing"), @r"
    Config error: policy `per-customer`: `settings/missing/0`: `missing` is missing
      /etc/interlock/interlock.json:22:46
    ");
    insta::assert_snapshot!(config.server_problem("own", "/latency_ms", "must be less"), @r"
    Config error: server `own`: `settings/latency_ms`: must be less
      /etc/interlock/interlock.json:9:62
    ");
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_an_error_with_a_place() {
    let text = fs::read_to_string(folder("valid").join("everything_that_can_be_said.jsonc")).unwrap();
    let end = text.rfind('}').unwrap();
    for (cut, _) in text.char_indices().filter(|(at, _)| *at <= end) {
        let problems = read(&text[..cut]).expect_err(&text[..cut]);
        assert!(problems.0[0].position.is_some(), "cut off after {cut}");
    }
}

#[test]
fn problems_are_told_to_programs_too() {
    let problems = read("{\n  \"policy\": []\n}").unwrap_err();
    assert_eq!(
        serde_json::to_value(problems).unwrap(),
        json!([{
            "path": "interlock.json", "line": 2, "column": 3, "pointer": "/policy", "kind": "unknown_key",
            "message": "unknown key `policy`",
            "hint": "known here: `$schema`, `mcpServers`, `policies`, `auth`, `limits`, `local`, `approvals`, `idempotency`, `journal`, \
                     `admin`, `trust`, `session_idle_minutes`, `describe_rules` and `pin_tools`.",
        }])
    );
}

#[test]
fn words_that_mean_something_to_a_parser_are_ordinary_settings() {
    let settings = json!({"a": {"$serde_json::private::RawValue": "{}"}, "b": {"$serde_json::private::Number": "1"}});
    let file = json!({"policies": [{"name": "p", "component": "sequence", "settings": settings}]});
    let config = read(&file.to_string()).unwrap();
    assert_eq!(*config.policies[0].settings, settings);
}

#[test]
fn a_file_that_is_not_there_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let problems = load(&folder.path().join("interlock.json"), &|_| None, &STANDARD).unwrap_err();
    assert_eq!(problems.0.len(), 1);
    assert!(problems.to_string().contains("interlock import"), "{problems}");
    assert_eq!(problems.0[0].position, None);
}

#[test]
fn the_schema_for_editors_takes_what_the_parser_takes_and_refuses_what_it_refuses() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let value = |text: &str| -> serde_json::Value {
        jsonc_parser::parse_to_ast(text, &Default::default(), &Default::default())
            .ok()
            .and_then(|parsed| parsed.value)
            .map_or(json!(null), |value| plain(&value))
    };
    for (name, text) in cases("valid", "jsonc") {
        let errors: Vec<String> = schema.iter_errors(&value(&text)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
    use interlock::config::ProblemKind::{Keys, OutOfRange, UnknownKey, WrongType};
    let mut refused = 0;
    for (name, text) in cases("invalid", "jsonc") {
        let problems = read(&text).unwrap_err();
        // What is in settings is for plugins to judge.
        let shapely = |pointer: &str| !pointer.contains("/settings/");
        if problems.0.iter().any(|problem| {
            matches!(problem.kind, UnknownKey | WrongType | OutOfRange) && shapely(&problem.pointer)
                || problem.kind == Keys && (problem.message.contains("missing") || problem.message.contains("only one"))
        }) {
            assert!(!schema.is_valid(&value(&text)), "the schema takes `{name}`");
            refused += 1;
        }
    }
    assert!(refused >= 15, "only {refused} cases are about shapes");
}

fn plain(value: &jsonc_parser::ast::Value<'_>) -> serde_json::Value {
    use jsonc_parser::ast::Value;
    match value {
        Value::NullKeyword(_) => json!(null),
        Value::BooleanLit(flag) => json!(flag.value),
        Value::NumberLit(number) => serde_json::from_str(number.value).unwrap_or_default(),
        Value::StringLit(text) => json!(text.value),
        Value::Array(array) => array.elements.iter().map(plain).collect(),
        Value::Object(object) => {
            object.properties.iter().map(|entry| (entry.name.as_str().to_owned(), plain(&entry.value))).collect()
        }
    }
}
