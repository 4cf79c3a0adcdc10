//! What there is to tell of a question, and what of it was told. Pure.

use crate::{
    approvals::{Approval, Matter, State},
    clock::Timestamp,
};

/// Something to be told of a question, or of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum News {
    /// It can be answered.
    Asked,
    /// Others may answer it too by now.
    Escalated,
    /// It was answered with yes.
    Granted,
    /// It was answered with no.
    Refused,
    /// Nobody answered in time.
    Expired,
}

impl News {
    /// All of them, in the order in which they come.
    pub const ALL: [Self; 5] = [Self::Asked, Self::Escalated, Self::Granted, Self::Refused, Self::Expired];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Escalated => "escalated",
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Expired => "expired",
        }
    }

    /// What a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|news| news.word() == word)
    }

    /// What a channel is to be told of this by `now`, and has not been: of a question, as long as it is open; of what became of
    /// it, if it was told of the question.
    pub fn untold(matter: &Matter, channel: &str, now: Timestamp) -> Vec<Self> {
        let Some(first) = matter.first().filter(|_| matter.is_whole()) else { return Vec::new() };
        let was_told = |news: Self| first.told.iter().any(|(to, of)| to == channel && of == news.word());
        let state = matter.state(now);
        let open = matter.approvals.iter().all(|approval| approval.is_open(now));
        let is_so = |news: Self| match news {
            Self::Asked => open,
            Self::Escalated => {
                open && was_told(Self::Asked) && matter.approvals.iter().any(|one| one.escalated(now).next().is_some())
            }
            Self::Granted => was_told(Self::Asked) && matches!(state, State::Granted | State::Spent),
            Self::Refused => was_told(Self::Asked) && state == State::Refused,
            Self::Expired => {
                was_told(Self::Asked)
                    && state == State::Expired
                    && matter.approvals.iter().all(Approval::lapsed_in_silence)
            }
        };
        Self::ALL.into_iter().filter(|news| !was_told(*news) && is_so(*news)).collect()
    }
}
