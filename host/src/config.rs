//! The configuration file: read, checked, and turned into what each module is told.

mod admin;
mod approvals;
mod auth;
mod component;
mod document;
mod expand;
mod findings;
mod idempotency;
mod import;
mod journal;
mod nearest;
mod oauth;
mod pointer;
mod policies;
mod problem;
mod schema;
mod sections;
mod servers;
mod shape;
mod trusted;

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sha2::{Digest, Sha256};

pub(crate) use self::document::{JSONC, Lines};
pub use self::{
    admin::Admin,
    auth::Jwt,
    expand::Environment,
    import::{Import, ImportError, Imported, Kept, import},
    problem::{Position, Problem, ProblemKind, Problems},
    schema::schema,
};
use self::{component::Base, document::Document, findings::Findings};
use crate::{
    call::Caller,
    downstream::{Reach, ServerConfig},
    gateway::Rate,
    mediation::Derivation,
    notices::Webhook,
    policy::PolicyConfig,
    registry::{Credentials, Pinned, Store},
    sandbox::{ComponentSource, signature_of},
    trust::{self, KeyError},
};

/// A file larger than this is no configuration.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// What a configuration file says, checked, with everything that it leaves out filled in.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file, as it was named.
    pub path: PathBuf,
    /// SHA-256 of its bytes, as hexadecimal digits.
    pub digest: Arc<str>,
    /// The servers that are not disabled, in the file's order.
    pub servers: Vec<ServerConfig>,
    /// The policies, those that are off included, in the file's order.
    pub policies: Vec<PolicyConfig>,
    /// Where and how the journal is kept.
    pub journal: crate::journal::Config,
    /// How long questions live, and who comes in later.
    pub approvals: crate::approvals::Config,
    /// Who is told of them.
    pub webhooks: Vec<Webhook>,
    /// From which arguments keys are made for calls that come without one.
    pub idempotency: Vec<Derivation>,
    /// Who calls over stdio and from the command line.
    pub local: Caller,
    /// How long a session lives without a call where the protocol has no end of it.
    pub session_idle: Duration,
    /// Whether the descriptions of guarded tools tell their rules.
    pub describe_rules: bool,
    /// Whether tools are held back whose definition has changed, until an operator accepts it.
    pub pin_tools: bool,
    /// Whether API keys are taken over HTTP.
    pub http_keys: bool,
    /// Whose access tokens are taken over HTTP.
    pub jwt: Option<Jwt>,
    /// By which names other machines call over HTTP.
    pub hosts: Vec<String>,
    /// How many requests each may make over HTTP.
    pub rate: Rate,
    /// Most connections over HTTP at once.
    pub connections: usize,
    /// Where the door for people is.
    pub admin: Admin,
    /// Whose components are loaded.
    pub trust: trust::Config,
    /// Who one is to registries.
    pub credentials: Credentials,
    /// What was read over, and why; for `interlock check`.
    pub notes: Vec<Problem>,
    positions: Arc<BTreeMap<String, Position>>,
}

/// Reads and checks a configuration file. `standard` are the names of the plugins that Interlock brings.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn load(path: &Path, environment: &Environment<'_>, standard: &[&str]) -> Result<Config, Problems> {
    let mut text = String::new();
    let read = fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text));
    match read {
        Ok(bytes) if bytes as u64 > MAX_FILE_BYTES => {
            Err(unreadable(path, format!("the file is larger than {} MiB", MAX_FILE_BYTES >> 20)))
        }
        Ok(_) => parse(path, &text, environment, standard),
        Err(error) => Err(unreadable(path, format!("the file cannot be read: {error}"))),
    }
}

/// Sections that tell where the journal is, and who may do what beside it.
const BESIDE_THE_JOURNAL: [&str; 3] = ["journal", "trust", "auth"];

/// What a file that cannot be used tells of its journal, with no policies and no servers; where it tells nothing, the
/// journal that is there unless it says otherwise. None if there is no such journal.
pub fn load_journal(path: &Path, environment: &Environment<'_>) -> Option<Config> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let parsed = jsonc_parser::parse_to_ast(&text, &Default::default(), &JSONC).ok();
    let read = parsed.and_then(|parsed| parsed.value).map(serde_json::Value::from);
    let sections = read.as_ref().and_then(serde_json::Value::as_object).into_iter().flatten();
    let kept: serde_json::Map<_, _> = sections
        .filter(|(key, _)| BESIDE_THE_JOURNAL.contains(&key.as_str()))
        .map(|(key, section)| (key.clone(), section.clone()))
        .collect();
    let config = parse(path, &serde_json::Value::Object(kept).to_string(), environment, &[]).ok()?;
    config.journal.path.is_file().then_some(config)
}

/// Checks a configuration that was read from `path`. `standard` are the names of the plugins that Interlock brings.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(path: &Path, text: &str, environment: &Environment<'_>, standard: &[&str]) -> Result<Config, Problems> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let base = Base { folder: absolute.parent().unwrap_or(&absolute), standard };
    let document = Document::parse(path.to_owned(), text, environment)?;
    let mut findings = Findings::of(&document);
    let root = &document.root;
    shape::check(&sections::FILE, root, &mut findings);

    let named: Vec<&str> =
        root.get("mcpServers").map_or(&[][..], document::Node::entries).iter().map(|(name, _)| name.as_str()).collect();
    let servers = servers::read(root.get("mcpServers"), &base, &mut findings);
    let policies = policies::read(root.get("policies"), &named, &base, &mut findings);
    let journal = journal::read(root.get("journal"), &named, &base, &mut findings);
    let idempotency = idempotency::read(root.get("idempotency"), &named, &journal.redact, &mut findings);
    policies::check_scopes(root.get("policies"), &policies, &journal.redact, &mut findings);
    let local = sections::local(root.get("local"), &mut findings);
    let http_keys = auth::keys(root.get("auth"));
    let admin = admin::read(root.get("admin"), http_keys, &mut findings);
    let webhooks = approvals::webhooks(root.get("approvals"), &mut findings);
    let approvals = approvals::read(root.get("approvals"), &mut findings);
    let trust = trusted::read(root.get("trust"), &base, &mut findings);
    let (rate, connections) = sections::limits(root.get("limits"));
    let minutes = root.get("session_idle_minutes").and_then(document::Node::whole).unwrap_or(30);
    Ok(Config {
        path: path.to_owned(),
        digest: Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
        servers,
        policies,
        journal,
        approvals,
        webhooks,
        idempotency,
        local,
        session_idle: Duration::from_secs(minutes.saturating_mul(60)),
        describe_rules: root.get("describe_rules").and_then(document::Node::flag).unwrap_or(true),
        pin_tools: root.get("pin_tools").and_then(document::Node::flag).unwrap_or(true),
        http_keys,
        jwt: auth::jwt(root.get("auth"), &mut findings),
        hosts: auth::hosts(root.get("auth"), &mut findings),
        rate,
        connections,
        admin,
        trust,
        credentials: Credentials::of(environment),
        notes: findings.end()?,
        positions: Arc::new(document.positions()),
    })
}

/// Whose component is meant.
#[derive(Clone, Copy, Debug)]
pub enum Owner<'a> {
    /// The policy of this name.
    Policy(&'a str),
    /// The server of this name.
    Server(&'a str),
}

fn unreadable(path: &Path, message: String) -> Problems {
    let hint = "name another with --config, or make one from an AI app's with `interlock import FILE`.";
    Problems(vec![Problem {
        path: path.to_owned(),
        position: None,
        pointer: String::new(),
        kind: ProblemKind::File,
        message,
        hint: Some(hint.to_owned()),
    }])
}

impl Config {
    /// Where components from registries are kept.
    pub fn store(&self) -> Store {
        // No policy's name makes a folder of that name there.
        Store::new(self.journal.components().join(".oci"))
    }

    fn components(&self) -> impl Iterator<Item = &ComponentSource> {
        let of_servers = self.servers.iter().filter_map(|server| match &server.reach {
            Reach::Toolset { component, .. } => Some(component),
            Reach::Stdio { .. } | Reach::Http { .. } => None,
        });
        self.policies.iter().map(|policy| &policy.component).chain(of_servers)
    }

    /// The components that it names in registries.
    pub fn pinned(&self) -> impl Iterator<Item = &Pinned> {
        self.components().filter_map(|component| match component {
            ComponentSource::Registry(pinned) => Some(pinned),
            ComponentSource::File(_) | ComponentSource::Standard(_) => None,
        })
    }

    /// The files that what is in force depends on, beside itself, as absolute paths: components, if need be their
    /// signatures, and keys. The coming of what is pulled
    /// from registries shows in a file as well.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for component in self.components() {
            match component {
                ComponentSource::File(path) => {
                    files.extend(self.trust.require_signature.then(|| signature_of(path)));
                    files.push(path.clone());
                }
                ComponentSource::Registry(pinned) => files.push(self.store().manifest(pinned)),
                ComponentSource::Standard(_) => {}
            }
        }
        files.extend(self.trust.files().map(Path::to_owned));
        files
    }

    /// Whether callers over HTTP have to show something.
    pub fn asks_for_credentials(&self) -> bool {
        self.http_keys || self.jwt.is_some()
    }

    /// The keys under which it says other things than `before`, and which a running program does not take over.
    pub fn needs_restart(&self, before: &Self) -> Vec<&'static str> {
        let differs = [
            ("journal", self.journal != before.journal),
            ("local", self.local != before.local),
            ("auth", self.http_keys != before.http_keys || self.jwt != before.jwt || self.hosts != before.hosts),
            ("limits", self.rate != before.rate || self.connections != before.connections),
            ("admin", self.admin != before.admin),
            ("approvals.webhooks", self.webhooks != before.webhooks),
            ("session_idle_minutes", self.session_idle != before.session_idle),
        ];
        differs.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect()
    }

    /// A problem that a policy's plugin has with its settings; `pointer` leads from `settings` on.
    pub fn policy_problem(&self, policy: &str, pointer: &str, message: &str) -> Problem {
        let index = self.policies.iter().position(|configured| configured.name == policy).unwrap_or_default();
        let message = format!("policy `{policy}`: {}: {message}", pointer::named("settings", pointer));
        self.settings_problem(format!("/policies/{index}/settings{pointer}"), message)
    }

    /// A problem with the component of a policy or server: at `component`, whose settings are at `settings`.
    pub fn component_problem(&self, of: Owner<'_>, message: &str) -> Problem {
        let (at, subject) = match of {
            Owner::Policy(name) => {
                let index = self.policies.iter().position(|policy| policy.name == name).unwrap_or_default();
                (format!("/policies/{index}"), format!("policy `{name}`"))
            }
            Owner::Server(name) => (pointer::join("/mcpServers", name), format!("server `{name}`")),
        };
        let problem = self.settings_problem(format!("{at}/component"), format!("{subject}: `component`: {message}"));
        Problem { kind: ProblemKind::BadValue, ..problem }
    }

    /// A problem with a key of `journal`.
    pub fn journal_problem(&self, key: &str, message: &str, hint: &str) -> Problem {
        let hint = Some(hint.to_owned());
        let message = format!("`journal/{key}`: {message}");
        Problem { kind: ProblemKind::BadValue, hint, ..self.settings_problem(format!("/journal/{key}"), message) }
    }

    /// A problem with the key of this number under `trust`.
    pub fn key_problem(&self, number: usize, error: &KeyError) -> Problem {
        let problem = self.settings_problem(format!("/trust/keys/{number}"), format!("`trust/keys/{number}`: {error}"));
        Problem { kind: ProblemKind::BadValue, hint: Some(error.hint().to_owned()), ..problem }
    }

    /// Tools of this server whose names, under its `prefix`, are taken.
    pub fn prefix_problem(&self, server: &str, message: &str) -> Problem {
        let hint = Some("give one of the two servers another `prefix`.".to_owned());
        let at = format!("{}/prefix", pointer::join("/mcpServers", server));
        let problem = self.settings_problem(at, format!("server `{server}`: `prefix`: {message}"));
        Problem { kind: ProblemKind::Clash, hint, ..problem }
    }

    /// A problem that a server's plugin has with its settings; `pointer` leads from `settings` on.
    pub fn server_problem(&self, server: &str, pointer: &str, message: &str) -> Problem {
        let at = pointer::join("/mcpServers", server);
        let message = format!("server `{server}`: {}: {message}", pointer::named("settings", pointer));
        self.settings_problem(format!("{at}/settings{pointer}"), message)
    }

    /// Where the key or list item at a JSON Pointer into the file stands; if there is none, the nearest around it.
    pub fn locate(&self, pointer: &str) -> Option<Position> {
        let mut around = Some(pointer);
        while let Some(at) = around {
            if let Some(position) = self.positions.get(at) {
                return Some(*position);
            }
            around = at.rsplit_once('/').map(|(before, _)| before);
        }
        None
    }

    fn settings_problem(&self, pointer: String, message: String) -> Problem {
        Problem {
            path: self.path.clone(),
            position: self.locate(&pointer),
            pointer,
            kind: ProblemKind::Settings,
            message,
            hint: None,
        }
    }
}
