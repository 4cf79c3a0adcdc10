//! Why a question could not be put, found or answered.

use super::State;
use crate::journal::JournalError;

/// Why an approval could not be asked for, found or answered, or a delegation not be made.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalsError {
    /// The journal could not be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// There is no such question.
    #[error("there is no approval `{0}`")]
    NotFound(String),
    /// It can no longer be answered.
    #[error("approval `{id}` is {}, not open", state.word())]
    NotOpen {
        /// Which.
        id: String,
        /// What has become of it.
        state: State,
    },
    /// The one who answers lacks the role.
    #[error("approval `{id}` is for the roles {roles}; `{by}` has none of them")]
    NotEntitled {
        /// Which.
        id: String,
        /// Who may.
        roles: String,
        /// Who tried.
        by: String,
    },
    /// The caller cannot approve their own call.
    #[error("`{by}` made this call and may not approve it")]
    OwnCall {
        /// Who tried, or in whose name it was tried.
        by: String,
    },
    /// What was shown to whoever answers is not what is asked.
    #[error("what was shown is not what approval `{id}` asks")]
    NotWhatWasSeen {
        /// Which.
        id: String,
    },
    /// The AI app may not answer it.
    #[error("approval `{id}` is not for the AI app to bring an answer to")]
    NotThisWay {
        /// Which.
        id: String,
    },
    /// It is one of several that are answered together.
    #[error("approval `{id}` is answered together with the others of batch `{batch}`")]
    InBatch {
        /// Which.
        id: String,
        /// The id of them all.
        batch: String,
    },
    /// Not all are there that are answered together.
    #[error("of the {size} calls of batch `{id}`, {here} are there: it can be answered when all are")]
    Incomplete {
        /// The id of them all.
        id: String,
        /// How many there are.
        here: u32,
        /// How many there are to be.
        size: u32,
    },
    /// Nobody has such a name.
    #[error("an approver has a name: 1 to 100 characters, none of them a control character")]
    NoName,
    /// They have said so before, or somebody in their name has.
    #[error("`{by}` has already answered approval `{id}`")]
    Answered {
        /// Which.
        id: String,
        /// Who.
        by: String,
    },
    /// There is no such delegation.
    #[error("there is no delegation `{0}`")]
    NoDelegation(String),
    /// It is over already.
    #[error("delegation `{0}` is over")]
    DelegationOver(String),
    /// Nobody answers in their own name by delegation.
    #[error("`{0}` needs no delegation from themself")]
    ToThemself(String),
    /// What is delegated are roles.
    #[error("a delegation is of at least one role")]
    NoRoles,
    /// A delegation is for some time.
    #[error("a delegation is for 1 minute to 30 days")]
    NoSuchTime,
    /// What somebody has by delegation, they cannot delegate.
    #[error("`{from}` has the role `{role}` by delegation, and cannot delegate it")]
    Chain {
        /// Who would.
        from: String,
        /// Which role.
        role: String,
    },
}
