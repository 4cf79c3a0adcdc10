//! One entry of the journal, and how entries are chained by hashes.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Change, JournalError, Sequence};
use crate::{clock::Timestamp, scope::canonical};

/// Kinds of events that this program writes. An open set: readers tolerate kinds that they do not know.
pub mod kind {
    /// A call may be sent, and is now running.
    pub const CALL_ADMITTED: &str = "call.admitted";
    /// A call has ended.
    pub const CALL_FINISHED: &str = "call.finished";
    /// What came of a call was changed or withheld before the caller saw it, or could not be reviewed.
    pub const CALL_REVIEWED: &str = "call.reviewed";
    /// A call was answered from the record of an earlier one that is the same, and not made.
    pub const CALL_REPLAYED: &str = "call.replayed";
    /// A call was refused; nothing was sent.
    pub const CALL_REFUSED: &str = "call.refused";
    /// A call waits for a human.
    pub const CALL_ASKED: &str = "call.asked";
    /// An operator said how a call of unknown outcome ended.
    pub const CALL_SETTLED: &str = "call.settled";
    /// A question was put to humans.
    pub const APPROVAL_ASKED: &str = "approval.asked";
    /// One human said yes.
    pub const APPROVAL_GRANTED: &str = "approval.granted";
    /// One human said no.
    pub const APPROVAL_REFUSED: &str = "approval.refused";
    /// Nobody answered in time.
    pub const APPROVAL_EXPIRED: &str = "approval.expired";
    /// An approval was used by the one call that it was for.
    pub const APPROVAL_SPENT: &str = "approval.spent";
    /// A question has been open for so long that holders of another role may answer it as well.
    pub const APPROVAL_ESCALATED: &str = "approval.escalated";
    /// People were told of a question, or of what became of it.
    pub const APPROVAL_TOLD: &str = "approval.told";
    /// Nobody could be told of a question.
    pub const APPROVAL_UNREACHABLE: &str = "approval.unreachable";
    /// Somebody may answer in another's name for a while.
    pub const APPROVAL_DELEGATED: &str = "approval.delegated";
    /// They may no longer.
    pub const APPROVAL_DELEGATION_ENDED: &str = "approval.delegation-ended";
    /// A tool was seen for the first time: its definition is the one that counts from now on.
    pub const TOOL_PINNED: &str = "tool.pinned";
    /// A server shows another definition of a tool than the one that counts, or that one again.
    pub const TOOL_CHANGED: &str = "tool.changed";
    /// An operator made a definition the one that counts.
    pub const TOOL_ACCEPTED: &str = "tool.accepted";
    /// An API key was made.
    pub const KEY_CREATED: &str = "key.created";
    /// An API key was ended.
    pub const KEY_REVOKED: &str = "key.revoked";
    /// A process serves the door for people.
    pub const ADMIN_OPENED: &str = "admin.opened";
    /// A link into the door for people was made.
    pub const ADMIN_LINKED: &str = "admin.linked";
    /// Somebody came in by it.
    pub const ADMIN_ENTERED: &str = "admin.entered";
    /// An operator suspended calls.
    pub const STOP_ORDERED: &str = "stop.ordered";
    /// An operator let them go on.
    pub const STOP_LIFTED: &str = "stop.lifted";
    /// A process of this program began to use the journal.
    pub const PROCESS_STARTED: &str = "process.started";
    /// A process of this program ended in an orderly way.
    pub const PROCESS_STOPPED: &str = "process.stopped";
    /// From now on a process decides by this configuration and these components.
    pub const CONFIG_APPLIED: &str = "config.applied";
    /// A process found a configuration that it cannot use, and goes on by the one before.
    pub const CONFIG_REJECTED: &str = "config.rejected";
    /// Another component, or the same with other settings, stands in a policy's place.
    pub const PLUGIN_SWAPPED: &str = "plugin.swapped";
    /// A component is in force for a policy of which the journal knew none.
    pub const PLUGIN_LOADED: &str = "plugin.loaded";
    /// A component is judged in shadow, beside the one that it is to follow.
    pub const PLUGIN_CANDIDATE: &str = "plugin.candidate";
    /// A candidate judged a call otherwise than the component in force.
    pub const PLUGIN_DIVERGED: &str = "plugin.diverged";
    /// A candidate was put in force.
    pub const PLUGIN_PROMOTED: &str = "plugin.promoted";
    /// An earlier component was put in force again; the one before does not come back by itself.
    pub const PLUGIN_ROLLED_BACK: &str = "plugin.rolled-back";
    /// A component that cannot be used was put in the place of one that can, which stays.
    pub const PLUGIN_REJECTED: &str = "plugin.rejected";

    /// A session has begun: a client opened it, or a principal without one called.
    pub const SESSION_BEGAN: &str = "session.began";
    /// A session is still in use.
    pub const SESSION_USED: &str = "session.used";
    /// Its client has ended a session.
    pub const SESSION_ENDED: &str = "session.ended";

    /// All of them.
    pub const ALL: [&str; 41] = [
        CALL_ADMITTED,
        CALL_FINISHED,
        CALL_REVIEWED,
        CALL_REPLAYED,
        CALL_REFUSED,
        CALL_ASKED,
        CALL_SETTLED,
        APPROVAL_ASKED,
        APPROVAL_GRANTED,
        APPROVAL_REFUSED,
        APPROVAL_EXPIRED,
        APPROVAL_SPENT,
        APPROVAL_ESCALATED,
        APPROVAL_TOLD,
        APPROVAL_UNREACHABLE,
        APPROVAL_DELEGATED,
        APPROVAL_DELEGATION_ENDED,
        TOOL_PINNED,
        TOOL_CHANGED,
        TOOL_ACCEPTED,
        KEY_CREATED,
        KEY_REVOKED,
        ADMIN_OPENED,
        ADMIN_LINKED,
        ADMIN_ENTERED,
        STOP_ORDERED,
        STOP_LIFTED,
        PROCESS_STARTED,
        PROCESS_STOPPED,
        CONFIG_APPLIED,
        CONFIG_REJECTED,
        PLUGIN_SWAPPED,
        PLUGIN_LOADED,
        PLUGIN_CANDIDATE,
        PLUGIN_DIVERGED,
        PLUGIN_PROMOTED,
        PLUGIN_ROLLED_BACK,
        PLUGIN_REJECTED,
        SESSION_BEGAN,
        SESSION_USED,
        SESSION_ENDED,
    ];
}

/// A SHA-256 digest; written as 64 hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads 32 bytes; none if there are more or fewer.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let wrong = || serde::de::Error::custom("a SHA-256 digest is 64 hexadecimal digits");
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(at * 2..at * 2 + 2).ok_or_else(wrong)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

/// One entry of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its position.
    pub seq: Sequence,
    /// When it was ordered, by the clock of the process that wrote it.
    pub at: Timestamp,
    /// Whose doing it is: a principal, or `interlock`.
    pub actor: String,
    /// Dotted word: see [`kind`].
    pub kind: String,
    /// What it is about: the id of a call, an approval, a process.
    pub subject: String,
    /// The rest, shaped by the kind: see [`super::body`].
    pub body: Arc<Value>,
    /// Hash of the event before; zeros before the first.
    pub prev: Hash,
    /// SHA-256 over `prev` (32 bytes) and the canonical JSON (`scope::canonical`) of this event without `prev` and `hash`.
    pub hash: Hash,
    /// What it changes about a call, seen from all events before it. Only in events that were observed live, through a
    /// guard or the ledger; not part of the record.
    #[serde(skip)]
    pub change: Option<Change>,
}

impl Event {
    /// Reads the body as one of the shapes in [`super::body`].
    ///
    /// # Errors
    /// If it does not have that shape.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, JournalError> {
        T::deserialize(self.body.as_ref())
            .map_err(|e| JournalError::Unreadable { seq: self.seq, reason: e.to_string() })
    }

    /// What `hash` should be, given everything else.
    pub fn expected_hash(&self) -> Hash {
        chained(self.prev, self.seq, self.at, [&self.actor, &self.kind, &self.subject], &canonical(&self.body))
    }
}

/// An event before it has its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Whose doing it is.
    pub actor: String,
    /// Dotted word: see [`kind`].
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// The rest.
    pub body: Value,
}

impl Draft {
    /// A draft with a typed body.
    ///
    /// # Errors
    /// If the body cannot be written as JSON, which the shapes of this program always can.
    pub fn new(actor: &str, kind: &str, subject: &str, body: &impl Serialize) -> Result<Self, JournalError> {
        let body = serde_json::to_value(body)
            .map_err(|e| JournalError::Malformed { kind: kind.to_owned(), reason: e.to_string() })?;
        Ok(Self { actor: actor.to_owned(), kind: kind.to_owned(), subject: subject.to_owned(), body })
    }
}

/// How far a clock may be set back before it is believed rather than the last event.
const FARTHEST_BACK: Duration = Duration::from_secs(24 * 60 * 60);

/// The time of what happens at `now` after something that happened at `last`: policies compare times, so they follow the
/// order of events even if a clock is set back. If by more than a day, it was wrong before, and not waited for.
pub(super) fn dated(now: Timestamp, last: Timestamp) -> Timestamp {
    if last.since(now) > FARTHEST_BACK { now } else { now.max(last) }
}

/// The hash of an event: `texts` are actor, kind and subject; `body` is canonical JSON.
///
/// The canonical form of the whole is put together from its parts: its keys are known, and in order.
pub(super) fn chained(prev: Hash, seq: Sequence, at: Timestamp, texts: [&str; 3], body: &str) -> Hash {
    let [actor, kind, subject] = texts.map(|text| canonical(&Value::from(text)));
    let (seq, at) = (canonical(&Value::from(seq.0)), canonical(&Value::from(at.0)));
    let mut hasher = Sha256::new();
    hasher.update(prev.0);
    for part in [
        "{\"actor\":",
        &actor,
        ",\"at\":",
        &at,
        ",\"body\":",
        body,
        ",\"kind\":",
        &kind,
        ",\"seq\":",
        &seq,
        ",\"subject\":",
        &subject,
        "}",
    ] {
        hasher.update(part.as_bytes());
    }
    Hash(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn the_list_of_kinds_has_every_kind_once() {
        let declared: Vec<&str> = include_str!("event.rs")
            .lines()
            .filter_map(|line| line.trim().strip_prefix("pub const ")?.split_once(": &str = \""))
            .map(|(_, value)| value.trim_end_matches("\";"))
            .collect();
        assert_eq!(declared, kind::ALL);
    }
}
