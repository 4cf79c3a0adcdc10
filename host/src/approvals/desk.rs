//! Asking, answering and finding: the fold kept up to date with the journal.

use uuid::Uuid;

use super::{Approval, Book, Channel, Reply, State};
use crate::{
    call::{Call, CallId},
    clock::Timestamp,
    journal::{Committed, Draft, Event, Follower, Guard, Journal, JournalError, Sequence, body, kind},
    verdict::Question,
};

/// Why an approval could not be asked for, found or answered.
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
        /// Who tried.
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
    /// Nobody has such a name.
    #[error("an approver has a name, without control characters")]
    NoName,
    /// They have said so before.
    #[error("`{by}` has already answered approval `{id}`")]
    Answered {
        /// Which.
        id: String,
        /// Who.
        by: String,
    },
}

/// The questions of one journal. Clones share everything.
#[derive(Clone, Debug)]
pub struct Approvals(Follower<Book>);

impl Approvals {
    /// The questions in this journal.
    pub fn new(journal: Journal) -> Self {
        Self(Follower::new(journal))
    }

    /// Brings the fold up to date and returns the position that it stands at.
    async fn refresh(&self) -> Result<Sequence, ApprovalsError> {
        self.0.refresh().await?;
        Ok(self.0.look(|_, upto| upto))
    }

    /// The latest question with this binding, or the one that `continues` used up, and the position as of which.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn find(
        &self,
        binding: &str,
        continues: Option<&CallId>,
    ) -> Result<(Option<Approval>, Sequence), ApprovalsError> {
        self.0.refresh().await?;
        Ok(self.0.look(|book, upto| {
            let spent = continues.and_then(|call| book.spent(binding, call));
            (spent.or_else(|| book.bound(binding)).cloned(), upto)
        }))
    }

    /// All questions that still matter, oldest first.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn list(&self) -> Result<Vec<Approval>, ApprovalsError> {
        self.0.refresh().await?;
        Ok(self.0.look(|book, _| book.iter().cloned().collect()))
    }

    /// One question by its id.
    ///
    /// # Errors
    /// If there is none, or the journal cannot be read.
    pub async fn get(&self, id: &str) -> Result<Approval, ApprovalsError> {
        self.0.refresh().await?;
        self.0.look(|book, _| book.get(id).cloned()).ok_or_else(|| ApprovalsError::NotFound(id.to_owned()))
    }

    /// The time by which states are told.
    pub fn now(&self) -> Timestamp {
        self.0.journal().now()
    }

    /// Puts a question about `call`, unless the same question was put since `since`. Returns whichever stands.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn ask(
        &self,
        call: &Call,
        policy: &str,
        binding: &str,
        question: &Question,
        since: Sequence,
    ) -> Result<Approval, ApprovalsError> {
        let id = Uuid::now_v7().to_string();
        let asked = body::ApprovalAsked {
            binding: binding.to_owned(),
            call: call.id.clone(),
            policy: policy.to_owned(),
            question: question.clone(),
            tool: call.tool.clone(),
            arguments: serde_json::Value::Object((*call.arguments).clone()),
            beside: (*call.beside).clone(),
            caller: call.caller.clone(),
            session: call.session.clone(),
            expires: self.now().plus(question.expires_in),
        };
        let draft = Draft::new(&call.caller.principal, kind::APPROVAL_ASKED, &id, &asked)?;
        let bound = binding.to_owned();
        let guard = Guard {
            since,
            disturbed_by: Box::new(move |event: &Event| {
                event.kind == kind::APPROVAL_ASKED
                    && event.body.get("binding").and_then(serde_json::Value::as_str) == Some(&bound)
            }),
        };
        // On a conflict someone else asked the same meanwhile: theirs stands.
        match self.0.journal().commit(vec![draft], guard).await? {
            Committed::At(_) | Committed::Conflict => {}
        }
        let (found, _) = self.find(binding, None).await?;
        found.ok_or(ApprovalsError::NotFound(id))
    }

    /// Records one person's answer and returns the question as it stands then.
    ///
    /// # Errors
    /// If there is no such question, it is no longer open, it is not what they were shown, or they may not answer it.
    pub async fn answer(&self, id: &str, reply: Reply) -> Result<Approval, ApprovalsError> {
        let by = reply.by.trim();
        if by.is_empty() || by.chars().any(char::is_control) {
            return Err(ApprovalsError::NoName);
        }
        loop {
            let since = self.refresh().await?;
            let approval = self.get(id).await?;
            let seen = approval.digest();
            if reply.seen.as_ref().is_some_and(|shown| *shown != seen) {
                return Err(ApprovalsError::NotWhatWasSeen { id: approval.id });
            }
            if reply.channel == Channel::Client && approval.question.channel != Channel::Client.word() {
                return Err(ApprovalsError::NotThisWay { id: approval.id });
            }
            self.entitled(&approval, by, &reply.roles)?;
            let answered = body::ApprovalAnswered {
                by: by.to_owned(),
                roles: reply.roles.clone(),
                reason: reply.reason.clone(),
                channel: reply.channel.word().to_owned(),
                seen: Some(seen),
            };
            let kind = if reply.approve { kind::APPROVAL_GRANTED } else { kind::APPROVAL_REFUSED };
            let draft = Draft::new(by, kind, id, &answered)?;
            match self.0.journal().commit(vec![draft], touching(vec![id.to_owned()], since)).await? {
                Committed::At(_) => return self.get(id).await,
                Committed::Conflict => {}
            }
        }
    }

    /// Whether somebody with these roles may answer a question now.
    ///
    /// # Errors
    /// If there is none, or the journal cannot be read.
    pub async fn takes(&self, id: &str, by: &str, roles: &[String]) -> Result<bool, ApprovalsError> {
        Ok(self.entitled(&self.get(id).await?, by, roles).is_ok())
    }

    fn entitled(&self, approval: &Approval, by: &str, roles: &[String]) -> Result<(), ApprovalsError> {
        let (id, by) = (approval.id.clone(), by.to_owned());
        let question = &approval.question;
        match approval.state(self.now()) {
            State::Open => {}
            state @ (State::Granted | State::Refused | State::Expired | State::Spent) => {
                return Err(ApprovalsError::NotOpen { id, state });
            }
        }
        if !question.roles.is_empty() && !roles.iter().any(|role| question.roles.contains(role)) {
            let roles = question.roles.iter().map(|role| format!("`{role}`")).collect::<Vec<_>>().join(", ");
            return Err(ApprovalsError::NotEntitled { id, roles, by });
        }
        if same_person(&by, &approval.caller.principal) && !question.self_approval {
            return Err(ApprovalsError::OwnCall { by });
        }
        if approval.answers.iter().any(|answer| same_person(&answer.by, &by)) {
            return Err(ApprovalsError::Answered { id, by });
        }
        Ok(())
    }

    /// Records that nobody answered in time. Whoever notices first, once.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn expire(&self, id: &str) -> Result<(), ApprovalsError> {
        let since = self.refresh().await?;
        let draft = Draft::new("interlock", kind::APPROVAL_EXPIRED, id, &body::ApprovalExpired::default())?;
        match self.0.journal().commit(vec![draft], touching(vec![id.to_owned()], since)).await? {
            Committed::At(_) | Committed::Conflict => Ok(()),
        }
    }

    /// The record that an admission uses these approvals up, to be committed with it.
    ///
    /// # Errors
    /// If a draft cannot be written as JSON.
    pub fn spend(&self, ids: &[String], call: &CallId) -> Result<Vec<Draft>, ApprovalsError> {
        let spent = body::ApprovalSpent { call: call.clone() };
        ids.iter().map(|id| Ok(Draft::new("interlock", kind::APPROVAL_SPENT, id, &spent)?)).collect()
    }
}

/// A guard that any event about one of these approvals disturbs: so each is spent once, and no answer is overlooked.
pub fn touching(ids: Vec<String>, since: Sequence) -> Guard {
    Guard {
        since,
        disturbed_by: Box::new(move |event: &Event| {
            event.kind.starts_with("approval.") && ids.contains(&event.subject)
        }),
    }
}

/// Whether two names are one person's: a capital letter makes nobody another.
fn same_person(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}
