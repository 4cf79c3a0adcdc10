//! What is asked of Interlock: one request to run one tool, by someone, in a session. For every module above.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::clock::Timestamp;

/// Id of a call: a UUIDv7, so that ids sort by the time they were given.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(Arc<str>);

impl CallId {
    /// A new id that no other call has.
    pub fn new() -> Self {
        Self(Uuid::now_v7().to_string().into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for CallId {
    fn default() -> Self {
        Self::new()
    }
}

impl From<&str> for CallId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tool's name as the configuration, the journal and policies know it: `server/tool`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ToolName {
    text: Arc<str>,
    slash: usize,
}

/// A text that is not `server/tool`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a tool name: it has the form `server/tool`")]
pub struct NotAToolName(pub String);

impl ToolName {
    /// Puts the name together. The server's name holds no `/`; the configuration sees to that.
    pub fn new(server: &str, tool: &str) -> Self {
        Self { text: format!("{server}/{tool}").into(), slash: server.len() }
    }

    /// The server's name in the configuration.
    pub fn server(&self) -> &str {
        self.text.get(..self.slash).unwrap_or_default()
    }

    /// The tool's name as its server knows it.
    pub fn tool(&self) -> &str {
        self.text.get(self.slash + 1..).unwrap_or_default()
    }

    /// `server/tool`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for ToolName {
    type Err = NotAToolName;

    fn from_str(text: &str) -> Result<Self, NotAToolName> {
        match text.split_once('/') {
            Some((server, tool)) if !server.is_empty() && !tool.is_empty() => Ok(Self::new(server, tool)),
            Some(_) | None => Err(NotAToolName(text.to_owned())),
        }
    }
}

impl TryFrom<String> for ToolName {
    type Error = NotAToolName;

    fn try_from(text: String) -> Result<Self, NotAToolName> {
        text.parse()
    }
}

impl From<ToolName> for String {
    fn from(name: ToolName) -> Self {
        name.text.as_ref().to_owned()
    }
}

impl fmt::Display for ToolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ToolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.text)
    }
}

/// Who makes a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Subject of the key or token; `local` over stdio and for the command line.
    pub principal: String,
    /// Roles of the principal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// What the client program calls itself. Self-asserted: shown, never trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
}

/// Calls that people are asked about together, and that get one answer: all or none. They are one caller's, in one session.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Batch {
    /// What the caller calls it.
    pub name: String,
    /// How many different calls are to be asked about.
    pub size: u32,
}

impl Batch {
    /// Most calls of one.
    pub const MOST: u32 = 100;
    /// Most characters of its name.
    const LONGEST: usize = 100;

    /// A batch, if its name and size can be one's.
    pub fn new(name: &str, size: u64) -> Option<Self> {
        let size = u32::try_from(size).ok().filter(|size| (1..=Self::MOST).contains(size))?;
        let fits =
            !name.trim().is_empty() && name.chars().count() <= Self::LONGEST && !name.chars().any(char::is_control);
        fits.then(|| Self { name: name.to_owned(), size })
    }
}

/// Arguments of a call: a JSON object, shared, never changed in place.
pub type Arguments = Arc<Map<String, Value>>;

/// What a tool's definition says of the tool (MCP `ToolAnnotations`), as far as it holds.
///
/// An open set; the names known today are `read_only`, `destructive`, `idempotent` and `open_world`.
pub type Hints = Arc<[String]>;

/// What makes two calls of one principal to one tool the same piece of work, which is done once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// The key that the caller gave; or, derived, HMAC-SHA-256 over some of the arguments, as hexadecimal digits.
    pub key: String,
    /// Whether the key was derived from arguments, as the configuration says, because the caller gave none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub derived: bool,
    /// HMAC-SHA-256, as hexadecimal digits, over the canonical JSON of what the caller sent: under one key, other arguments are
    /// a mistake. By a key of the journal's, as what must not be kept is in it too.
    pub arguments: String,
}

impl Idempotency {
    /// The key as one text: what a caller makes up is never what was derived.
    pub fn noted(&self) -> String {
        format!("{}:{}", if self.derived { "derived" } else { "given" }, self.key)
    }
}

/// One request to run one tool, in our words.
#[derive(Clone, Debug)]
pub struct Call {
    /// The call's own id.
    pub id: CallId,
    /// Which tool.
    pub tool: ToolName,
    /// With what.
    pub arguments: Arguments,
    /// What the request's parameters hold beside those that MCP knows. The server gets it; a yes counts for it alone;
    /// policies do not see it.
    pub beside: Arguments,
    /// By whom.
    pub caller: Caller,
    /// In which session of that principal.
    pub session: String,
    /// When the gateway received it.
    pub received: Timestamp,
    /// What the tool's definition promises of it.
    pub hints: Hints,
    /// SHA-256 of the tool's definition, as hexadecimal digits.
    pub definition: Arc<str>,
    /// The earlier call that this one goes on with, where a server had asked the client for input in between.
    pub continues: Option<CallId>,
    /// What makes it the same as another; none: it is one of its own.
    pub idempotency: Option<Idempotency>,
    /// The calls that people are to be asked about together with this one.
    pub batch: Option<Batch>,
}

/// A call that was admitted earlier, as policies get to see it.
#[derive(Clone, Debug, PartialEq)]
pub struct PastCall {
    /// Its id.
    pub id: CallId,
    /// Which tool.
    pub tool: ToolName,
    /// The arguments as the journal keeps them: redacted and bounded.
    pub arguments: Arguments,
    /// How it ended; none while it runs.
    pub outcome: Option<Outcome>,
    /// The `CallToolResult` as the journal keeps it; none while it runs, or if it was too large.
    pub result: Option<Arc<Value>>,
    /// When it was admitted.
    pub admitted: Timestamp,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Who made it.
    pub caller: Caller,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The tool did it.
    Succeeded,
    /// The tool, or its server, said that it could not.
    Failed,
    /// It was called off before anything was sent.
    Cancelled,
    /// It was sent, and no answer can be had. Satisfies no prerequisite, frees no lock.
    Unknown,
    /// The server wants input from the client first; a new call goes on from here.
    InputRequired,
}

impl Outcome {
    /// The word for it in the journal and towards plugins.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
            Self::InputRequired => "input_required",
        }
    }

    /// The outcome that a word of the journal stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Succeeded, Self::Failed, Self::Cancelled, Self::Unknown, Self::InputRequired]
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_name_is_split_at_its_first_slash() {
        let name: ToolName = "files/read/deep".parse().unwrap();
        assert_eq!((name.server(), name.tool()), ("files", "read/deep"));
        for wrong in ["", "files", "/read", "files/"] {
            assert_eq!(wrong.parse::<ToolName>(), Err(NotAToolName(wrong.to_owned())));
        }
    }
}
