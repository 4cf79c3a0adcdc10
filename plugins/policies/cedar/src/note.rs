//! What the annotations of a policy say.

use cedar_policy::Policy as Cedar;
use interlock_language::{Ask, UnlockBy};
use interlock_plugin::prelude::*;
use interlock_plugin::{Channel, Code, Preview};

/// The code of a refusal by a `forbid` that names none.
pub(crate) const FORBIDDEN: &str = "forbidden";

/// What one policy's annotations say.
pub(crate) struct Note {
    /// Its place among the policies.
    pub(crate) place: usize,
    /// What is told of it.
    pub(crate) reason: Option<String>,
    pub(crate) code: Code,
    pub(crate) unlocks: Vec<UnlockBy>,
    /// That people are to be asked, with the compiled preview.
    pub(crate) ask: Option<(Ask, Option<Preview>)>,
}

impl Note {
    /// Reads a policy's annotations.
    ///
    /// # Errors
    /// What is wrong with them, each with the word at fault.
    pub(crate) fn read(policy: &Cedar, place: usize) -> Result<Self, Vec<(String, String)>> {
        let mut mistakes = Vec::new();
        let text = |key: &str| policy.annotation(key).map(str::trim);
        let list = |key: &str| {
            let items = |text: &str| {
                text.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
            };
            text(key).map(items).unwrap_or_else(Vec::<String>::new)
        };
        let mut wrong = |key: &str, message: String| mistakes.push((format!("@{key}"), format!("@{key}: {message}")));
        let code = Code::parse(text("code").unwrap_or(FORBIDDEN)).map_err(|message| wrong("code", message)).ok();
        let mut unlocks = Vec::new();
        for tool in list("unlock_call") {
            match Pattern::parse(&tool) {
                Ok(tool) => unlocks.push(UnlockBy::Call(tool)),
                Err(message) => wrong("unlock_call", message),
            }
        }
        let number = |key: &str, wrong: &mut dyn FnMut(&str, String)| {
            let written = text(key)?;
            let number = written.parse::<u32>().ok().filter(|number| *number > 0);
            if number.is_none() {
                wrong(key, format!("`{written}` is no whole number from 1"));
            }
            number
        };
        unlocks.extend(number("unlock_wait_seconds", &mut wrong).map(UnlockBy::WaitSeconds));
        let quorum = number("quorum", &mut wrong);
        let expire_minutes = number("expire_minutes", &mut wrong);
        let preview = text("preview").map(Preview::parse).transpose().unwrap_or_else(|message| {
            wrong("preview", message);
            None
        });
        let self_approval = match text("self_approval") {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => {
                wrong("self_approval", format!("`{other}` is neither `true` nor `false`"));
                false
            }
        };
        let channel = match text("channel") {
            None | Some("desk") => Channel::Desk,
            Some("client") => Channel::Client,
            Some(other) => {
                wrong("channel", format!("`{other}` is neither `desk` nor `client`"));
                Channel::Desk
            }
        };
        let asks = policy.annotation("ask").is_some();
        for key in ["quorum", "expire_minutes", "self_approval", "channel", "preview"] {
            if !asks && policy.annotation(key).is_some() {
                wrong(key, "is about a question, and there is no `@ask(\"role, role\")`".to_owned());
            }
        }
        let roles = Some(list("ask")).filter(|roles| !roles.is_empty());
        let ask = Ask { roles, quorum: quorum.unwrap_or(1), expire_minutes, self_approval, channel, preview: None };
        match code {
            Some(code) if mistakes.is_empty() => Ok(Self {
                place,
                reason: text("reason").filter(|reason| !reason.is_empty()).map(str::to_owned),
                code,
                unlocks,
                ask: asks.then_some((ask, preview)),
            }),
            _ => Err(mistakes),
        }
    }
}
