//! One person's answer to a question, as it comes in by whichever door.

/// What somebody says to a question. Who they are and which roles they hold, the door that they came in by vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Who answers.
    pub by: String,
    /// The roles that they hold themselves. Those that they answer for besides are looked up.
    pub roles: Vec<String>,
    /// Yes or no.
    pub approve: bool,
    /// Why, in their words.
    pub reason: Option<String>,
    /// By which way it came.
    pub channel: Channel,
    /// The digest of what was shown to them ([`Approval::digest`](super::Approval::digest)); where there is one, the answer
    /// counts only if that is what is asked.
    pub seen: Option<String>,
}

impl Reply {
    /// An answer at the command line, by somebody without roles who says no more.
    pub fn desk(by: impl Into<String>, approve: bool) -> Self {
        let (by, roles, reason, seen) = (by.into(), Vec::new(), None, None);
        Self { by, roles, approve, reason, channel: Channel::Desk, seen }
    }
}

/// The way by which an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The command line.
    Desk,
    /// The page of the people's own door.
    Page,
    /// HTTP, for programs.
    Rest,
    /// The AI app itself: it is no trusted channel, so only for questions that say so.
    Client,
}

impl Channel {
    /// The word for it in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Desk => "desk",
            Self::Page => "page",
            Self::Rest => "rest",
            Self::Client => "client",
        }
    }
}
