//! What can be typed: every verb with its arguments, for clap.

use std::{net::SocketAddr, path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand, ValueEnum, builder::NonEmptyStringValueParser};
use interlock_glob::Glob;
use serde_json::{Map, Value};

use super::{approvals::arguments::Approvals, plugin::Plugin};
use crate::{journal::kind, mediation};

/// Stands between AI apps and MCP servers: sandboxed policies decide every tool call, one journal tells what happened.
#[derive(Debug, Parser)]
#[command(name = "interlock", version, disable_help_subcommand = true)]
pub(super) struct Interlock {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) verb: Verb,
}

/// What every verb takes.
#[derive(Debug, Args)]
pub(super) struct Global {
    /// The configuration file.
    #[arg(long, global = true, env = "INTERLOCK_CONFIG", default_value = "interlock.json", value_name = "FILE")]
    pub(super) config: PathBuf,
    /// Tells more of what is going on, on standard error; twice: still more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Prints JSON instead of a table.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Serves AI apps over MCP: on standard input and output, or over HTTP.
    Serve(Serve),
    /// Shows what Interlock does, each time against the real thing.
    Demo(Demo),
    /// Checks the configuration, loads the plugins, connects to the servers, and reports everything that is wrong.
    Check,
    /// Lists the tools as AI apps see them, and the policies that guard each.
    Tools(Tools),
    /// Calls a tool the way an AI app would.
    Call(Call),
    /// Tells what would be decided of a call, by each policy, and what would unlock it. Sends nothing.
    Explain(Call),
    /// Questions that wait for a person.
    Approvals(Approvals),
    /// Suspends calls, at once and in every gateway, until `resume`; without a reason, lists what is suspended.
    Stop(Stop),
    /// Lets suspended calls go on.
    Resume(Resume),
    /// API keys: who may call over HTTP.
    Keys(Keys),
    /// Calls, and those whose outcome nobody knows.
    Calls(Calls),
    /// The journal.
    Audit(Audit),
    /// Plugins: your own folders, and what is loaded.
    Plugin(Plugin),
    /// The state of everything, on one page.
    Status,
    /// Puts the servers of an AI app's configuration behind Interlock.
    Import(Import),
    /// Prints the JSON Schema of the configuration file, for editors.
    Schema,
    /// Prints a shell's completion script.
    Completions(Completions),
}

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Serves streamable HTTP at http://ADDR/mcp instead of standard input and output.
    #[arg(long, value_name = "ADDR")]
    pub(super) http: Option<SocketAddr>,
    /// Serves people, who answer questions, at this address instead of the configuration's `admin.listen`.
    #[arg(long, value_name = "ADDR")]
    pub(super) admin: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(super) struct Stop {
    /// Only calls of these tools: a pattern of `server/tool`.
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    pub(super) tool: Option<Glob>,
    /// Only calls of this principal.
    #[arg(long, value_name = "NAME")]
    pub(super) principal: Option<String>,
    /// Why. Models are told it, and so is whoever lifts the stop.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Resume {
    /// The stop's id, or its beginning; may be left out if there is only one.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(super) id: Option<String>,
    /// Lifts every stop.
    #[arg(long, conflicts_with = "id")]
    pub(super) all: bool,
}

#[derive(Debug, Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    pub(super) action: Option<KeysAction>,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(super) enum KeysAction {
    /// Makes a key, and prints it this once.
    Create(CreateKey),
    /// Lists them, without their secrets.
    List,
    /// Ends a key, at once and in every gateway.
    Revoke {
        /// Its id, or the name of several.
        key: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct CreateKey {
    /// Who calls with it: the principal that policies and the journal see. Several keys may have the same.
    pub(super) name: String,
    /// A role of its calls; may be given several times.
    #[arg(long = "role", value_name = "ROLE")]
    pub(super) roles: Vec<String>,
    /// After so many days it ends by itself; never, unless given.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub(super) expires_days: Option<u32>,
}

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Which one; all unless given.
    pub(super) story: Option<Story>,
}

/// What a demonstration shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Story {
    /// Calls in the right order go through.
    Success,
    /// Calls that break a rule are refused, and say what would unlock them.
    Violation,
    /// A call waits for a person.
    Approval,
    /// A customer desk with keys and roles, over REST and over MCP.
    Support,
    /// What is going on can be watched.
    #[value(hide = true)]
    Monitoring,
    /// What happened can be proved.
    Audit,
}

#[derive(Debug, Args)]
pub(super) struct Tools {
    #[command(subcommand)]
    pub(super) action: Option<ToolsAction>,
}

/// What to do with tools.
#[derive(Debug, Subcommand)]
pub(super) enum ToolsAction {
    /// Lists them.
    List,
    /// Shows what servers have changed about their tools since these were pinned.
    Changes {
        /// Pattern of `server/tool`.
        #[arg(default_value = "**", value_parser = pattern)]
        tools: Glob,
    },
    /// Shows what has changed about tools and accepts it, so that they can be called again.
    Accept(AcceptTools),
}

#[derive(Debug, Args)]
pub(super) struct AcceptTools {
    /// `server/tool`, or a pattern such as `server/*`.
    #[arg(value_parser = pattern)]
    pub(super) tools: Glob,
    /// Only if the digest of the new definition begins so.
    #[arg(long, value_name = "DIGEST")]
    pub(super) digest: Option<String>,
    /// Who accepts, for the journal; the name of the user of this machine unless given.
    #[arg(long = "as", value_name = "NAME")]
    pub(super) by: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Call {
    /// The name that AI apps see, or `server/tool`.
    pub(super) tool: String,
    /// The arguments, a JSON object.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(super) args: ToolArguments,
    /// The session that it belongs to.
    #[arg(long, value_name = "NAME")]
    pub(super) session: Option<String>,
    /// A name for this piece of work: however often it is asked for, it is done once.
    #[arg(long, value_name = "KEY", value_parser = idempotency_key)]
    pub(super) idempotency_key: Option<String>,
}

fn idempotency_key(text: &str) -> Result<String, &'static str> {
    let fits = mediation::is_idempotency_key(text);
    fits.then(|| text.to_owned()).ok_or("1 to 255 visible ASCII characters are expected")
}

/// Every text is a pattern.
fn pattern(text: &str) -> Result<Glob, std::convert::Infallible> {
    Ok(Glob::new(text))
}

/// Kinds of events that there are.
fn kinds(pattern: &str) -> Result<String, String> {
    let fits = |kind: &str| match pattern.strip_suffix('*') {
        Some(beginning) => kind.starts_with(beginning),
        None => kind == pattern,
    };
    if kind::ALL.into_iter().any(fits) {
        return Ok(pattern.to_owned());
    }
    Err(format!("there are no such events; there are {}", kind::ALL.join(", ")))
}

/// A JSON object from the command line.
#[derive(Clone, Debug)]
pub(super) struct ToolArguments(pub(super) Map<String, Value>);

impl FromStr for ToolArguments {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match serde_json::from_str(text) {
            Ok(Value::Object(arguments)) => Ok(Self(arguments)),
            Ok(_) => Err("it must be a JSON object, such as '{\"amount\": 5}'".to_owned()),
            Err(error) => Err(format!("it is not JSON: {error}")),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Calls {
    #[command(subcommand)]
    pub(super) action: Option<CallsAction>,
}

/// What to do with calls.
#[derive(Debug, Subcommand)]
pub(super) enum CallsAction {
    /// Lists the latest.
    List {
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        /// Only those whose outcome nobody knows.
        #[arg(long)]
        unknown: bool,
    },
    /// Shows one, with every verdict.
    Show {
        /// The call's id, or its beginning.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        id: String,
    },
    /// Puts down what became of a call whose outcome nobody knew.
    Settle {
        /// The call's id, or its beginning.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        id: String,
        /// What became of it.
        #[arg(long)]
        outcome: Settled,
        /// How that is known; for the journal.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// What can have become of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Settled {
    /// The tool did it.
    Succeeded,
    /// It did not.
    Failed,
    /// It never got that far.
    Cancelled,
}

#[derive(Debug, Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    pub(super) action: Option<AuditAction>,
}

/// What to do with the journal.
#[derive(Debug, Subcommand)]
pub(super) enum AuditAction {
    /// Prints the latest events.
    Tail {
        /// So many.
        #[arg(short, long, value_name = "N", default_value_t = 20,
            value_parser = clap::value_parser!(u32).range(1..=10_000))]
        lines: u32,
        /// Goes on with those to come.
        #[arg(short, long)]
        follow: bool,
    },
    /// Prints the events that fit everything given.
    Query {
        /// Kind, such as call.refused; call.* stands for all that begin so.
        #[arg(long, value_name = "PATTERN", value_parser = kinds)]
        kind: Option<String>,
        /// Pattern of `server/tool`.
        #[arg(long, value_name = "PATTERN")]
        tool: Option<String>,
        /// One call's id.
        #[arg(long, value_name = "ID")]
        call: Option<String>,
        /// One session.
        #[arg(long, value_name = "NAME")]
        session: Option<String>,
        /// Not older than so many minutes.
        #[arg(long, value_name = "N")]
        since_minutes: Option<u32>,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Checks that no event was changed, left out or moved.
    Verify,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The AI app's configuration: Claude's claude_desktop_config.json, Cursor's or VS Code's mcp.json.
    pub(super) file: PathBuf,
    /// Writes both files, and a backup of the first, instead of printing them.
    #[arg(long)]
    pub(super) write: bool,
}

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// Which shell.
    pub(super) shell: clap_complete::Shell,
}
