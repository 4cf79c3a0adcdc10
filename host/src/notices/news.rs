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
    /// it, if it was told of the question, or that was put `since` somebody tells: it may have been answered before they looked.
    pub fn untold(matter: &Matter, channel: &str, since: Timestamp, now: Timestamp) -> Vec<Self> {
        let Some(first) = matter.first().filter(|_| matter.is_whole()) else { return Vec::new() };
        let was_told = |news: Self| first.told.iter().any(|(to, of)| to == channel && of == news.word());
        let knows = was_told(Self::Asked) || first.asked >= since;
        let state = matter.state(now);
        let open = matter.approvals.iter().all(|approval| approval.is_open(now));
        let is_so = |news: Self| match news {
            Self::Asked => open,
            Self::Escalated => {
                open && was_told(Self::Asked) && matter.approvals.iter().any(|one| one.escalated(now).next().is_some())
            }
            Self::Granted => knows && matches!(state, State::Granted | State::Spent),
            Self::Refused => knows && state == State::Refused,
            Self::Expired => {
                knows && state == State::Expired && matter.approvals.iter().all(Approval::lapsed_in_silence)
            }
        };
        Self::ALL.into_iter().filter(|news| !was_told(*news) && is_so(*news)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approvals::{Answer, Together};

    const CHANNEL: &str = "webhook:1";

    /// What is told at these times, one after the other, each put down before the next.
    fn told(mut approval: Approval, times: &[u64]) -> Vec<&'static str> {
        let mut all = Vec::new();
        for at in times {
            let matter = Matter { id: "a".to_owned(), approvals: vec![approval.clone()] };
            for news in News::untold(&matter, CHANNEL, Timestamp(1), Timestamp(*at)) {
                approval.told.push((CHANNEL.to_owned(), news.word().to_owned()));
                all.push(news.word());
            }
        }
        all
    }

    fn answered(approve: bool) -> Approval {
        let mut approval = Approval::sample();
        approval.question.quorum = 1;
        let (by, at) = ("p1".to_owned(), Timestamp(10));
        let (roles, answers_for) = (Vec::new(), Vec::new());
        let answer = Answer { by, roles, answers_for, on_behalf: None, approve, at, reason: None, seen: None };
        approval.answers.push(answer);
        approval
    }

    #[test]
    fn each_thing_is_told_once_and_in_its_order() {
        assert_eq!(told(Approval::sample(), &[0, 1, 49, 50, 51, 99, 100, 101]), ["asked", "escalated", "expired"]);
        let knowing = |mut approval: Approval| {
            approval.told.push((CHANNEL.to_owned(), "asked".to_owned()));
            approval
        };
        assert_eq!(told(knowing(answered(true)), &[10, 60, 200]), ["granted"], "a yes that nobody used is no silence");
        assert_eq!(told(knowing(answered(false)), &[10, 60, 200]), ["refused"]);
    }

    #[test]
    fn who_was_not_told_of_a_question_is_not_told_what_became_of_it() {
        assert!(told(answered(true), &[10, 200]).is_empty());
        assert!(told(answered(false), &[10, 200]).is_empty());
        assert!(told(Approval::sample(), &[100]).is_empty());
        let mut elsewhere = Approval::sample();
        elsewhere.told.push(("webhook:2".to_owned(), "asked".to_owned()));
        assert_eq!(told(elsewhere, &[0]), ["asked"], "each channel is told");
        // Put since somebody tells, and answered before they looked.
        let mut quick = answered(true);
        quick.asked = Timestamp(2);
        assert_eq!(told(quick, &[10, 200]), ["granted"]);
    }

    #[test]
    fn of_a_batch_people_are_told_once_it_is_whole() {
        let mut approval = Approval::sample();
        let (id, name) = ("b".to_owned(), "n".to_owned());
        approval.batch = Some(Together { id, name, size: 2, quorum: 1, expires: Timestamp(80) });
        let mut other = approval.clone();
        (other.id, other.arguments) = ("c".to_owned(), 1.into());
        let matter = |approvals| Matter { id: "b".to_owned(), approvals };
        assert_eq!(News::untold(&matter(vec![approval.clone()]), CHANNEL, Timestamp(1), Timestamp(1)), []);
        assert_eq!(News::untold(&matter(vec![approval, other]), CHANNEL, Timestamp(1), Timestamp(1)), [News::Asked]);
    }
}
